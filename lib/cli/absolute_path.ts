/**
 * Paths that mean the same in any directory.
 * @module
 */

import { runtimeModule } from "../host/mod.ts";

/** Without a part that is empty, `.` or `..`. */
const RESOLVED = /^(?:\/(?!\.{1,2}(?:\/|$))[^/]+)+$/;

/** @returns the path from the root; what is one already, as most are, needs no module of Node.js */
export function absolutePath(path: string): string {
  if (Deno.build.os !== "windows" && RESOLVED.test(path)) return path;
  return runtimeModule("node:path").resolve(path);
}
