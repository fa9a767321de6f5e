/**
 * Running other programs for a step.
 * @module
 */

import { fileURLToPath } from "node:url";

/** The tree that is released. */
export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

/** A step that can't be taken on this machine; no failure. */
export class Skipped extends Error {}

/**
 * Runs a program in the tree, its output that of this process.
 * @throws Error when it fails
 */
export async function run(command: readonly string[]): Promise<void> {
  const [program = "", ...args] = command;
  const { code } = await new Deno.Command(program, { args, cwd: ROOT, stdin: "null" }).spawn().status;
  if (code !== 0) throw new Error(`${program} ${args.slice(0, 3).join(" ")} … ended with code ${code}`);
}

/** Runs a program in the tree. @returns what it printed @throws Error with its complaint when it fails */
export async function outputOf(command: readonly string[]): Promise<string> {
  const [program = "", ...args] = command;
  const { code, stdout, stderr } = await new Deno.Command(program, { args, cwd: ROOT, stdin: "null" })
    .output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`${program} ended with code ${code}: ${decoder.decode(stderr).trim()}`);
  return decoder.decode(stdout);
}

/** Whether a program is on the PATH and can be run. */
export async function hasProgram(program: string): Promise<boolean> {
  try {
    await new Deno.Command(program, { args: ["--version"], stdin: "null", stdout: "null", stderr: "null" })
      .output();
    return true;
  } catch {
    return false;
  }
}
