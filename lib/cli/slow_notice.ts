/**
 * What tells a person, and no program, that something is still waited for: after a second and a half nobody knows any more
 * whether anything goes on.
 * @module
 */

import type { CliPorts } from "./ports.ts";

/** Who waits for longer than this wonders whether anything goes on. */
const SLOW_MS = 1_500;

/** How long something is waited for at most, and what says more of it. */
export interface WaitBounds {
  /** In milliseconds; undefined where nothing bounds it. */
  readonly boundMs?: number | undefined;
  /** A clause, as in "`weft logs` says what for". */
  readonly more?: string | undefined;
}

/** Tells of one wait of a command, on standard error: the first that takes long. */
export class SlowNotice {
  readonly #tell: ((text: string) => void) | undefined;
  readonly #slowMs: number;
  #isOver = false;

  /** @param options what the command was given: who wants JSON is a program @param slowMs what takes longer is told of */
  constructor(
    { terminal }: Pick<CliPorts, "terminal">,
    { json }: Readonly<Record<string, unknown>>,
    slowMs: number = SLOW_MS,
  ) {
    this.#tell = terminal.isInteractive && json !== true ? (text) => terminal.err(text) : undefined;
    this.#slowMs = slowMs;
  }

  /**
   * Waits for `work`.
   * @param what is waited for, as in "the agent's answer"
   * @returns and throws as it does
   */
  async during<T>(what: string, work: Promise<T>, { boundMs, more }: WaitBounds = {}): Promise<T> {
    if (this.#tell === undefined || this.#isOver) return await work;
    const bound = boundMs === undefined ? "" : `, up to ${Math.round(boundMs / 1_000)} s`;
    const timer = setTimeout(() => {
      if (!this.#isOver) {
        this.#tell?.(`Waiting for ${what}${bound}${more === undefined ? "" : `; ${more}`}\n`);
      }
      this.#isOver = true;
    }, this.#slowMs);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }

  /** From here on to wait is what the command is for, as to print what comes. */
  end(): void {
    this.#isOver = true;
  }
}
