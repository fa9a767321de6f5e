/**
 * Where the program begins: with what a command line needs of it, and no more. The process of an interface without a mesh
 * lives as long as the interface; all the commands would take 13 MB of its memory.
 * @module
 */

import { reportFailure } from "./failure.ts";
import { OutputClosedError } from "./terminal.ts";
import type { CliPorts, ProcessPort } from "./ports.ts";
import type { ShownToken } from "./process_arguments.ts";
import { showUnprintable } from "../base/mod.ts";
import { readWgOrder, runWg } from "./wg_order.ts";

const VERSION_FLAGS: readonly string[] = ["-V", "-v", "--version"];

/**
 * Runs one command line.
 * @param args without the name of the program
 * @returns the exit code: 0, 1 when something failed, 2 when the command line was wrong
 */
export async function main(args: readonly string[], ports: CliPorts): Promise<number> {
  const { terminal, process: { environment } } = ports;
  // Before anything that takes time: until then every user of this machine can read them.
  const shown = ports.process.hideTokens(args);
  if (shown.length > 0) terminal.err(shownTokenText(shown));
  if (args.length === 1 && VERSION_FLAGS.includes(args[0] ?? "")) return printVersion(ports);
  const order = readWgOrder(args, environment);
  if (order === undefined) {
    if (mayOpenInterface(args, ports.process)) ports.beginAgent();
    const { main: runCommand } = await import("./weft.ts");
    return await runCommand(args, ports);
  }
  try {
    await runWg(order, ports);
    return 0;
  } catch (error) {
    return reportFailure(terminal, error, { debug: Boolean(environment.WEFT_DEBUG) });
  }
}

/** Whether the line starts a node, and one that has an interface: that may be kept from an earlier start, and is not known yet. */
function mayOpenInterface(
  args: readonly string[],
  { isRoot, environment }: Pick<ProcessPort, "isRoot" | "environment">,
): boolean {
  const isStart = args[0] === "up" || args.some((arg) => /^--(leader|join)/.test(arg));
  const isRootless = args.includes("--rootless") || Boolean(environment.WEFT_ROOTLESS);
  return isStart && isRoot && !isRootless && !args.includes("portable");
}

/** Scripts ask for it often, and all the commands take several times as long as this. */
function printVersion({ terminal, version, process: { environment } }: CliPorts): number {
  try {
    terminal.out(`${version}\n`);
    return 0;
  } catch (error) {
    if (error instanceof OutputClosedError) return 0;
    return reportFailure(terminal, error, { debug: Boolean(environment.WEFT_DEBUG) });
  }
}

function shownTokenText(shown: readonly ShownToken[]): string {
  const programs = shown.map(({ pid, program }) => `${showUnprintable(program)}, process ${pid}`).join("; ");
  return `weft: Every user of this machine can read the token in the arguments of ${programs}\n` +
    "hint: `weft --join -` asks for it or reads it from standard input, and --join-file FILE from a file.\n";
}
