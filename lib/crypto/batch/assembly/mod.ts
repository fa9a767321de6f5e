/**
 * The batch cipher: what touches every byte of a packet, in AssemblyScript for WebAssembly with SIMD. It allocates nothing
 * and works on the memory that the host gives, one instance for each memory; `layout.ts` says what is where.
 * @module
 */

export { open, openBatch, seal, sealBatch } from "./batch";
export { init } from "./cipher";
// By this name the committed modules export it.
export { cutSuperpacket, layOutSuperpacket } from "./superpacket";
export { sealSuperpacket as sealSuperframe } from "./superpacket";
export { beginJoin, endJoin, joinPacket } from "./join";
