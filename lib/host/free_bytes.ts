/**
 * Room on a disk.
 * @module
 */

import { Libc } from "./ffi/mod.ts";
import { runtimeModule } from "./runtime_module.ts";

/** Of `struct statfs` on 64 bits (asm-generic/statfs.h): 15 words, the second is f_bsize, the fifth f_bavail. */
const STATFS_WORDS = 15;
const BLOCK_BYTES_AT = 1;
const AVAILABLE_AT = 4;

/** @returns how many bytes this process may still write where a path is; undefined where that can't be told */
export function freeBytesAt(path: string): number | undefined {
  // `node:fs` would be 2 MB and 10 ms of an agent that needs nothing else of it.
  const libc = Libc.openLoaded();
  try {
    return libc === undefined ? freeBytesByRuntime(path) : freeBytesByKernel(libc, path);
  } finally {
    libc?.unload();
  }
}

function freeBytesByKernel(libc: Libc, path: string): number | undefined {
  const words = new BigUint64Array(STATFS_WORDS);
  if (libc.fileSystem(path, new Uint8Array(words.buffer)) < 0) return undefined;
  return Number(words[AVAILABLE_AT] ?? 0n) * Number(words[BLOCK_BYTES_AT] ?? 0n);
}

function freeBytesByRuntime(path: string): number | undefined {
  try {
    const { bavail, bsize } = runtimeModule("node:fs").statfsSync(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
