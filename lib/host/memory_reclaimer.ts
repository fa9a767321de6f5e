/**
 * When a process gives memory back: after it has grown much, and has become quiet again.
 * @module
 */

/** How often it is to be asked. */
export const MEMORY_CHECK_MS = 10_000;
/** How often it is to be told to note how little it needs. */
export const MEMORY_NOTE_MS = 1_000;
/** What it may grow by before anything is done, as a factor and in bytes. */
const GROWTH = 1.5;
const GROWTH_BYTES = 32 << 20;
/** A process that works this much of its time is not interrupted. */
const QUIET_LOAD = 0.1;
/** What was still held for somebody a moment ago may be free after so long; what is not then, is used. */
const RETRIES_MS = [30_000, 120_000, 480_000];

/** What is known of this process, and what can be done. */
export interface ProcessMemory {
  /** What it has in memory, in bytes. */
  residentBytes(): number;
  /** How long it has worked, in milliseconds. */
  workedMs(): number;
  /** Gives back what is not used. */
  release(): void;
}

/** Looks at one process; whoever owns that asks it again and again. */
export class MemoryReclaimer {
  readonly #process: ProcessMemory;
  #settledBytes: number;
  #workedMs: number;
  #checkedAtMs: number;
  /** When to try again, the next time first. */
  #retriesAtMs: readonly number[] = [];

  constructor(process: ProcessMemory, nowMs: number) {
    this.#process = process;
    this.#settledBytes = process.residentBytes();
    this.#workedMs = process.workedMs();
    this.#checkedAtMs = nowMs;
  }

  /**
   * Notes how little the process gets along with. What it needs to start is given back soon by itself; a flood that begins
   * before the first check is not to pass for that.
   */
  note(): void {
    // What it got along with once it can get along with again.
    this.#settledBytes = Math.min(this.#settledBytes, this.#process.residentBytes());
  }

  /** @returns whether memory was given back */
  check(nowMs: number): boolean {
    const process = this.#process;
    const workedMs = process.workedMs();
    const load = (workedMs - this.#workedMs) / Math.max(1, nowMs - this.#checkedAtMs);
    this.#workedMs = workedMs;
    this.#checkedAtMs = nowMs;
    this.note();
    const residentBytes = process.residentBytes();
    if (load > QUIET_LOAD) return false;
    const formerBytes = this.#settledBytes;
    const hasGrown = isMuchMore(residentBytes, formerBytes);
    const isRetry = (this.#retriesAtMs[0] ?? Infinity) <= nowMs;
    if (!hasGrown && !isRetry) return false;
    process.release();
    this.#settledBytes = process.residentBytes();
    this.#workedMs = process.workedMs();
    if (hasGrown) {
      const isMuchStill = isMuchMore(this.#settledBytes, formerBytes);
      this.#retriesAtMs = isMuchStill ? RETRIES_MS.map((pauseMs) => nowMs + pauseMs) : [];
    } else this.#retriesAtMs = this.#retriesAtMs.slice(1);
    return true;
  }
}

function isMuchMore(bytes: number, thanBytes: number): boolean {
  return bytes >= GROWTH * thanBytes + GROWTH_BYTES;
}
