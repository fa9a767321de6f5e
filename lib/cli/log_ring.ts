/**
 * The end of the log, kept for whoever asks.
 * @module
 */

import { type LogReport, type LogRequest, MAX_LOG_LINES } from "../api/mod.ts";

/** What all kept lines may take, in characters. */
const MAX_LENGTH = 256 << 10;

/** Keeps the last lines, up to 1,000 and 256 Ki characters; older ones make room. */
export class LogRing {
  readonly #lines: { readonly number: number; readonly text: string }[] = [];
  #number = 0;
  #length = 0;

  /** @param text a line with its line feed */
  push(text: string): void {
    const line = { number: ++this.#number, text: text.trimEnd().slice(0, MAX_LENGTH) };
    this.#lines.push(line);
    this.#length += line.text.length;
    while (this.#lines.length > MAX_LOG_LINES || this.#length > MAX_LENGTH) {
      this.#length -= this.#lines.shift()?.text.length ?? 0;
    }
  }

  /** @returns the last lines that are meant, the oldest first */
  last({ after = 0, lines = MAX_LOG_LINES }: LogRequest): LogReport["lines"] {
    return this.#lines.filter(({ number }) => number > after).slice(-lines);
  }
}
