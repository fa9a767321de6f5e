/**
 * How this program starts itself.
 * @module
 */

/** What it uses of Deno beyond what is stable; an installed command has no configuration that says it. */
export const UNSTABLE: readonly string[] = ["--unstable-net", "--unstable-no-legacy-abort"];

/**
 * What every process but those of `SMALL` is run with, the compiled one too: less room for new objects, and more for those
 * that stay before all of them are looked at. Buffers of calls and events lie outside of the heap, and count until a short
 * collection has them: by default a node looks at all of its heap two to ten times a second while values of 10 KB come.
 */
export const HEAP = "--v8-flags=--max-semi-space-size=8,--heap-growing-percent=300";

/**
 * What a process that carries packets and nothing else is run with instead: a small space for new objects, since it
 * makes hardly any, and no compiled code kept in memory for the next start. That is 12 MB less; whoever makes many
 * objects (`weft sim`) would take a quarter more time and memory with it.
 */
const SMALL: readonly string[] = ["--no-code-cache", "--v8-flags=--max-semi-space-size=1"];

/** @returns Deno's options for running the program with this command, `wg` for example */
export function runOptions(command?: string): readonly string[] {
  return ["--quiet", "-A", ...UNSTABLE, ...command === "wg" ? SMALL : [HEAP]];
}

/**
 * @param command the one that it is to be started with, if that is known
 * @returns the program that runs now: the compiled one, or Deno with the file that it was started with
 */
export function ownCommand(command?: string): readonly string[] {
  if (Deno.build.standalone) return [Deno.execPath()];
  return [Deno.execPath(), "run", ...runOptions(command), Deno.mainModule];
}
