/**
 * Linux by foreign functions: the C library's calls on buffers (`Libc`, for whoever configures) and on addresses
 * (`RawIo`, for a worker's loop), and the structures that both pass.
 * @module
 */

export * from "./abstract_datagram.ts";
export * from "./free_memory.ts";
export * from "./libc.ts";
export * from "./machine_code.ts";
export * from "./output_reader.ts";
export * from "./program_pages.ts";
export * from "./raw_io.ts";
export * from "./structures.ts";
export * from "./wake_up.ts";
