/**
 * Giving back the memory of what has come and gone: V8 keeps garbage until it needs room, and the C library's heap keeps
 * what was freed.
 * @module
 */

import { runtimeModule } from "../runtime_module.ts";
import { Libc } from "./libc.ts";

/** Collects all garbage; takes some milliseconds, after much of it half a second. */
export function releaseFreeMemory(): void {
  try {
    runtimeModule("node:v8").setFlagsFromString("--expose-gc");
    const collect: () => void = runtimeModule("node:vm").runInNewContext("gc");
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
