/**
 * Giving back the memory of what has come and gone: V8 keeps garbage until it needs room, and the C library's heap keeps
 * what was freed.
 * @module
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Libc } from "./libc.ts";

/** Collects all garbage; takes some milliseconds, after much of it half a second. */
export function releaseFreeMemory(): void {
  try {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    collect();
  } catch {
    // This runtime has another way, or none.
  }
  try {
    const libc = Libc.open();
    libc.trimHeap();
    libc.unload();
  } catch {
    // There is no GNU C library, or foreign functions are not allowed.
  }
}
