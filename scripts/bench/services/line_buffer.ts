/**
 * Text that arrives in pieces, as lines.
 * @module
 */

/** Keeps what has no end yet. */
export class LineBuffer {
  #rest = "";

  /** @returns the lines that `text` has completed, without their ends */
  push(text: string): readonly string[] {
    const parts = (this.#rest + text).split("\n");
    this.#rest = parts.pop() ?? "";
    return parts;
  }
}
