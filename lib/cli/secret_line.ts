/**
 * One line of standard input that is a secret: not shown where somebody types it.
 * @module
 */

import { CommandError } from "./failure.ts";

/** No secret is longer. */
const MAX_BYTES = 65_536;
/** What a terminal sends that does not work on lines by itself (termios(3), non-canonical mode). */
const KEYS = { interrupt: 0x03, end: 0x04, erase: [0x08, 0x7f], lineEnds: [0x0a, 0x0d], kill: 0x15 } as const;

/** Where the line comes from. */
export interface SecretSource {
  /** @returns how many bytes were read into `into`; null at the end */
  read(into: Uint8Array): Promise<number | null>;
}

/**
 * Reads to the end of the line or of the input.
 * @param isTyped whether the keys of a terminal that works on no lines come in; else bytes of a file
 * @returns the line without its end
 * @throws CommandError when Ctrl-C was typed, or the line is longer than 64 KiB
 */
export async function readSecretLine(source: SecretSource, isTyped: boolean): Promise<string> {
  const line: number[] = [];
  const piece = new Uint8Array(4_096);
  const text = (): string => new TextDecoder().decode(Uint8Array.from(line));
  for (;;) {
    const length = await source.read(piece);
    if (length === null) return text();
    for (const byte of piece.subarray(0, length)) {
      if (byte === KEYS.lineEnds[0] || (isTyped && byte === KEYS.lineEnds[1])) return text();
      if (!isTyped) line.push(byte);
      else if (byte === KEYS.interrupt) throw new CommandError("Interrupted", { hint: "Nothing was done." });
      else if (byte === KEYS.end) return text();
      else if (byte === KEYS.kill) line.length = 0;
      else if (KEYS.erase.some((key) => key === byte)) line.pop();
      else line.push(byte);
    }
    if (line.length > MAX_BYTES) {
      throw new CommandError(`Cannot read that: it is longer than ${MAX_BYTES} bytes`);
    }
  }
}
