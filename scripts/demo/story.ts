// deno-lint-ignore-file no-console -- a story is told on standard output
/**
 * Telling what happens, each line with the time since the beginning.
 * @module
 */

/** Prints a run as it goes. */
export class Story {
  readonly #startedAt = performance.now();

  /** Seconds since the beginning. */
  get elapsedSeconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /** A line of its own, with space above. */
  chapter(text: string): void {
    console.log(`\n${text}`);
  }

  /** Something that just happened. */
  event(text: string): void {
    console.log(`  ${this.elapsedSeconds.toFixed(1).padStart(5)} s  ${text}`);
  }

  /** More about the last event. */
  detail(text: string): void {
    for (const line of text.trimEnd().split("\n")) console.log(`           ${line}`);
  }

  /** A table of measurements from each to each. */
  matrix(names: readonly string[], cell: (from: number, to: number) => string): void {
    const width = 11;
    const row = (first: string, cells: readonly string[]) =>
      this.detail(first.padEnd(8) + cells.map((text) => text.padStart(width)).join(""));
    row("", names.map((name) => `to ${name}`));
    for (const [from, name] of names.entries()) {
      row(`from ${name}`, names.map((_, to) => from === to ? "–" : cell(from, to)));
    }
  }
}
