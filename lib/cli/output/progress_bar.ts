/**
 * How far long work has come, on a terminal.
 * @module
 */

import type { Terminal } from "../terminal.ts";

const MAX_WIDTH = 40;

/** One line that is written over; nothing is written where nobody looks. */
export class ProgressBar {
  readonly #terminal: Terminal;
  #shown = "";

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /**
   * @param part how much is done, 0 to 1
   * @param what is under way
   */
  show(part: number, what: string): void {
    if (!this.#terminal.isInteractive) return;
    const width = Math.max(5, Math.min(MAX_WIDTH, (this.#terminal.columns ?? 80) - what.length - 10));
    const full = Math.round(width * part);
    const percent = `${Math.floor(part * 100)}`.padStart(3);
    const line = `${percent} % ${"█".repeat(full)}${"░".repeat(width - full)} ${what}`;
    if (line === this.#shown) return;
    this.#shown = line;
    // ECMA-48 §8.3.41: erase to the end of the line.
    this.#terminal.out(`\r${line}\x1b[K`);
  }

  /** Leaves the line empty for what comes. */
  clear(): void {
    if (this.#shown !== "") this.#terminal.out("\r\x1b[K");
    this.#shown = "";
  }
}
