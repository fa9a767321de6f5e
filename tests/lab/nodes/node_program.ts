/**
 * A Deno program that uses the library as a node of the mesh, as a child process with only the permissions that the
 * documentation names.
 * @module
 */

import { fileURLToPath } from "node:url";
import { CapturedProcess } from "../captured_process.ts";
import { type Place, thisMachine } from "../namespace.ts";

const projectRoot = fileURLToPath(new URL("../../../", import.meta.url));

/** How such a program is started. */
export interface NodeProgramOptions {
  /** The module, relative to the project. */
  readonly module: string;
  /** What it may read and write. */
  readonly stateDir: string;
  readonly args: readonly string[];
  readonly label: string;
  /** This machine unless given. */
  readonly place?: Place;
}

/** The permissions of a node that is a library: no environment, no foreign functions, no programs, nothing of root. */
export function nodePermissions(stateDir: string): readonly string[] {
  return [
    "--allow-net",
    "--allow-sys=networkInterfaces",
    `--allow-read=${stateDir}`,
    `--allow-write=${stateDir}`,
  ];
}

/** Starts one; what it prints is kept. */
export function startNodeProgram(
  { module, stateDir, args, label, place = thisMachine }: NodeProgramOptions,
): CapturedProcess {
  const flags = [
    "--no-prompt",
    "--no-check",
    "--config",
    `${projectRoot}deno.json`,
    ...nodePermissions(stateDir),
  ];
  const command = [Deno.execPath(), "run", ...flags, `${projectRoot}${module}`, ...args];
  return new CapturedProcess(place.command(command), { label });
}

/** Waits until a program prints a line that begins with `start`. @returns the rest of it */
export async function untilPrinted(
  program: CapturedProcess,
  start: string,
  boundMs = 20_000,
): Promise<string> {
  const line = () => program.stdout.split("\n").find((one) => one.startsWith(start));
  return (await program.until(line, boundMs, `it prints "${start}"`)).slice(start.length).trim();
}
