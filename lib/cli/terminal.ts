/**
 * Where the command line writes, as a port: two streams, and whether a person looks at the first.
 * @module
 */

import { showUnprintable, WeftError } from "../base/mod.ts";

/** Nobody reads the standard output any more, as when it goes to `head`: there is nothing left to do. */
export class OutputClosedError extends WeftError {
  readonly code = "OutputClosed";

  constructor(cause: unknown) {
    super("Nobody reads the output any more", { cause });
  }
}

/** The standard output can't be written, as on a full disk. */
export class OutputFailedError extends WeftError {
  readonly code = "OutputFailed";
}

/** The streams of a command. */
export interface Terminal {
  /** Writes to standard output, as it is. @throws OutputClosedError, OutputFailedError */
  out(text: string): void;
  /** Writes to standard error, as it is. */
  err(text: string): void;
  /** Whether standard output is a terminal and colours are wanted. */
  readonly hasColours: boolean;
  /** Whether standard output is a terminal. */
  readonly isInteractive: boolean;
  /** Columns of the terminal; undefined when there is none. */
  readonly columns: number | undefined;
  /** Rows of it, likewise. */
  readonly rows?: number | undefined;
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
    out: (text) => writeOut(Deno.stdout, text),
    err: (text) => {
      try {
        writeAll(Deno.stderr, text);
      } catch {
        // There is nobody to tell.
      }
    },
    hasColours: isInteractive && wantsColours,
    isInteractive,
    get columns() {
      return isInteractive ? Deno.consoleSize().columns : undefined;
    },
    get rows() {
      return isInteractive ? Deno.consoleSize().rows : undefined;
    },
  };
}

/** @returns the terminal of what runs on when nobody reads what it prints */
export function steady(terminal: Terminal): Terminal {
  return {
    ...terminal,
    out: (text) => {
      try {
        terminal.out(text);
      } catch (error) {
        if (!(error instanceof OutputClosedError || error instanceof OutputFailedError)) throw error;
      }
    },
  };
}

/** A stream of bytes that are written at once. */
interface Output {
  writeSync(bytes: Uint8Array): number;
}

/** @throws OutputClosedError, OutputFailedError */
export function writeOut(stream: Output, text: string): void {
  try {
    writeAll(stream, text);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw new OutputClosedError(error);
    const reason = (error instanceof Error ? error.message : String(error)).split(" (os error")[0];
    throw new OutputFailedError(`Cannot write the output: ${reason}`, {
      hint: "Look at where the output goes: is there room?",
      cause: error,
    });
  }
}

function writeAll(stream: Output, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
}
