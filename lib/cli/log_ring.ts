/**
 * The end of the log, kept for whoever asks.
 * @module
 */

import { type LogLine, type LogReport, type LogRequest, MAX_LOG_LINES } from "../api/mod.ts";

/** What all kept lines may take, in characters. */
const MAX_LENGTH = 256 << 10;

/** Keeps the last lines, up to 1,000 and 256 Ki characters; older ones make room. */
export class LogRing {
  readonly #lines: LogLine[] = [];
  #number = 0;
  #length = 0;

  /** @param text a line with its line feed @param of how grave it is, and of which part */
  push(text: string, of: Pick<LogLine, "level" | "category"> = {}): void {
    const line = { number: ++this.#number, text: text.trimEnd().slice(0, MAX_LENGTH), ...of };
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
