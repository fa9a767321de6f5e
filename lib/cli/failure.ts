/**
 * How commands fail. The rules of the output:
 *
 * - one line on standard error that says what was wrong and which thing was concerned, `weft: …`
 * - one line that says what to do, `hint: …`
 * - exit code 1 when something failed, 2 when the command line was wrong
 * - never a stack, except with `WEFT_DEBUG`
 *
 * @module
 */

import { showUnprintable, WeftError } from "../base/mod.ts";
import { harmless, type Terminal } from "./terminal.ts";

/** The command line cannot be understood. */
export class UsageError extends WeftError {
  readonly code = "Usage";
}

/** A command could not do what it is for. */
export class CommandError extends WeftError {
  readonly code = "Command";
}

/** Codes of failures that the user's command line is the reason of. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  "Usage",
  "InvalidConfig",
  "InvalidTopic",
  "InvalidSelector",
  "InvalidForward",
  "InvalidNetwork",
  "InvalidEndpoint",
  "InvalidPolicy",
  "InvalidDriverOption",
  "IdentifierRange",
  "MtuRange",
  "NetworkType",
  "UnknownDriver",
]);

/** What to do about a failure that does not say it itself. */
const HOST_HINT = "`weft doctor` checks what weft needs of this host.";
const HINTS: ReadonlyMap<string, string> = new Map([
  ["UnknownPeer", "`weft peers` lists all names."],
  ["UnknownService", "`weft service list` shows all."],
  ["DuplicateNetwork", "`weft network list` shows all; choose another name, or another --vni."],
  ["UnknownNetwork", "`weft network list` shows all."],
  ["NetworkInUse", "`weft endpoint list` shows its endpoints; --force takes them back, too."],
  ["DuplicateEndpoint", "`weft endpoint list` shows all, with their MAC and IP addresses."],
  ["UnknownEndpoint", "`weft endpoint list` shows all."],
  ["UnknownDriver", "`weft network create --help` lists the types."],
  ["DuplicateDriver", "Register it under another name."],
  ["NetworkType", "`weft network show NAME` tells the network's type."],
  ["IdentifierRange", "`weft network create --help` says what each type has; without --vni one is chosen."],
  ["MtuRange", "Without --mtu it is what the underlay leaves."],
  ["InvalidDriverOption", "`weft network create --help` shows an example; without --option the usual holds."],
  ["NotInitializedManager", "The agent is starting or stopping; try again."],
  ["NotPermittedMember", "`weft network show NAME` says who may; a leader changes that, or the labels."],
  ["TooManyEndpoints", "Take back what is not needed: `weft endpoint list` shows all."],
  ["PolicyTestFailed", "`weft policy test FILE` names the tests that fail, and the rules that decided."],
  ["PolicyCutsOff", "Allow the way by which this host is reached, or add --yes."],
  [
    "PolicyConflict",
    "Somebody else has applied one meanwhile; `weft policy diff FILE` shows what yours would change.",
  ],
  ["UnknownRevision", "`weft policy show` lists those that this leader keeps."],
  ["NoPolicy", "`weft policy init` writes one to begin with."],
  [
    "InvalidTopic",
    "Write a path such as orders/placed; in patterns {name} or * is one segment, and > at the end more.",
  ],
]);

/** Prints a failure. @param options.usage shows how the command is used @returns the exit code */
export function reportFailure(
  terminal: Terminal,
  error: unknown,
  options: { readonly debug: boolean; readonly usage?: string },
): 1 | 2 {
  const { message, hint } = described(error, options.usage);
  terminal.err(`weft: ${oneLine(message)}\nhint: ${oneLine(hint)}\n`);
  if (options.debug && error instanceof Error) terminal.err(`${harmless(error.stack ?? "")}\n`);
  return error instanceof WeftError && USAGE_CODES.has(error.code) ? 2 : 1;
}

/** @returns the system's words for what went wrong, without its number and the call */
export function systemReason(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).split(/ \(os error|: /)[0] ?? "";
}

function described(
  error: unknown,
  usage: string | undefined,
): { readonly message: string; readonly hint: string } {
  if (error instanceof WeftError) {
    return {
      message: error.message,
      hint: error.hint || HINTS.get(error.code) || usageOf(error.code, usage),
    };
  }
  const message = error instanceof Error ? error.message || error.name : String(error);
  return {
    message: `Something failed that should not: ${message}`,
    hint: "Run it again with WEFT_DEBUG=1 to see where, and please report it.",
  };
}

/** Who asked for what can't be is shown how it is asked; all else is the host's or another's. */
function usageOf(code: string, usage = "--help after the name of the command shows an example."): string {
  return code === "InvalidRequest" || USAGE_CODES.has(code) ? usage : HOST_HINT;
}

function oneLine(text: string): string {
  return showUnprintable(text.replace(/\s*[\r\n]+\s*/g, " "));
}
