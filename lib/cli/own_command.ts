/**
 * How this program starts itself.
 * @module
 */

import { fileURLToPath } from "node:url";

/** @returns the program that runs now: the compiled one, or Deno with the file that it was started with */
export function ownCommand(): readonly string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", "--quiet", "-A", fileURLToPath(Deno.mainModule)];
}
