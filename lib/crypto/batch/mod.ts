/**
 * The batch cipher: ChaCha20-Poly1305 over whole batches in WebAssembly with SIMD, beside the system calls in one shared
 * memory. The source is AssemblyScript in `assembly`; what `deno task cipher` makes of it is committed in `gen`. It
 * knows no sockets and no peers.
 *
 *     0 ........ 64 KiB   key, scratch, tables of a batch
 *     64 KiB ...          the host's: packets, wherever it puts them
 *
 * @module
 */

export * from "./batch_cipher.ts";
export * from "./wasm_batch_cipher.ts";
export * from "../wasm_module.ts";
export * from "./select_tier.ts";
