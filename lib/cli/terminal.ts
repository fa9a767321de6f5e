/**
 * Where the command line writes, as a port: two streams, and whether a person looks at the first.
 * @module
 */

import { showUnprintable } from "../base/mod.ts";

/** The streams of a command. */
export interface Terminal {
  /** Writes to standard output, as it is. */
  out(text: string): void;
  /** Writes to standard error, as it is. */
  err(text: string): void;
  /** Whether standard output is a terminal and colours are wanted. */
  readonly hasColours: boolean;
  /** Whether standard output is a terminal. */
  readonly isInteractive: boolean;
  /** Columns of the terminal; undefined when there is none. */
  readonly columns: number | undefined;
}

/** The colours that are used, by what they mean. */
export type Tone = "good" | "bad" | "quiet" | "strong";

/** ECMA-48 §8.3.117, select graphic rendition. */
const SEQUENCES: Readonly<Record<Tone, string>> = { good: "32", bad: "31", quiet: "2", strong: "1" };

/** @returns `text`, of one line, in a colour, when the terminal has colours; what is not printable in it is shown */
export function paint(terminal: Terminal, tone: Tone, text: string): string {
  const shown = showUnprintable(text);
  return terminal.hasColours ? `\x1b[${SEQUENCES[tone]}m${shown}\x1b[0m` : shown;
}

/**
 * Text of somebody else, as it may stand on a terminal: what would move the cursor, ring, recolour, hide or turn what
 * is around it is shown as a code. Line ends and tabs stay; where a line has to stay one, see `showUnprintable`.
 */
export function harmless(text: string): string {
  return text.replace(/[^\n\t]+/g, showUnprintable);
}

/** @returns the terminal of this process; `NO_COLOR` (no-color.org) and `TERM=dumb` turn colours off */
export function processTerminal(environment: Readonly<Record<string, string | undefined>>): Terminal {
  const isInteractive = Deno.stdout.isTerminal();
  const wantsColours = !environment.NO_COLOR && environment.TERM !== "dumb";
  return {
    out: (text) => writeAll(Deno.stdout, text),
    err: (text) => writeAll(Deno.stderr, text),
    hasColours: isInteractive && wantsColours,
    isInteractive,
    get columns() {
      return isInteractive ? Deno.consoleSize().columns : undefined;
    },
  };
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
  } catch (error) {
    // Whoever read along has left, as `head` does; there is nobody to tell.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
