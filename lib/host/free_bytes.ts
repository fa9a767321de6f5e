/**
 * Room on a disk.
 * @module
 */

import { runtimeModule } from "./runtime_module.ts";

/** @returns how many bytes this process may still write where a path is; undefined where that can't be told */
export function freeBytesAt(path: string): number | undefined {
  try {
    const { bavail, bsize } = runtimeModule("node:fs").statfsSync(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
