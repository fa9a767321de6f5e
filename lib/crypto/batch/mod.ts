/**
 * The batch cipher: ChaCha20-Poly1305 over whole batches in WebAssembly with SIMD, beside the system calls in one shared
 * memory; larger batches by machine code, where the host can load it. The sources are AssemblyScript in `assembly`, and
 * TypeScript in `scripts/cipher/native`; what `deno task cipher` makes of them is committed in `gen`. It knows no sockets
 * and no peers.
 *
 *     0 ........ 64 KiB   key, scratch, tables of a batch
 *     64 KiB ...          the host's: packets, wherever it puts them
 *
 * @module
 */

export * from "./batch_cipher.ts";
export * from "./multi_buffer_cipher.ts";
export * from "./native_answers.ts";
export * from "./native_cipher.ts";
export { NATIVE_CONTEXT_BYTES } from "./native_layout.ts";
export * from "./wasm_batch_cipher.ts";
export * from "../wasm_module.ts";
