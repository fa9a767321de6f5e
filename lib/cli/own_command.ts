/**
 * How this program starts itself.
 * @module
 */

/** Features of V8 that the faster kernel needs; a compiled program has them in it. */
export const V8_FLAGS = "--v8-flags=--experimental-wasm-wide-arithmetic,--experimental-wasm-revectorize";

/** @returns the program that runs now: the compiled one, or Deno with the file that it was started with */
export function ownCommand(): readonly string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", "--quiet", "-A", V8_FLAGS, Deno.mainModule];
}
