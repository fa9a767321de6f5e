/**
 * A budget of memory for what others can make this process hold, by origin and in total.
 * @module
 */

/** What may be claimed, in bytes. */
export interface MemoryBudgetLimits {
  /** By all origins together. */
  readonly totalBytes: number;
  /** By one origin. */
  readonly originBytes: number;
}

/**
 * Counts what each origin has claimed. An origin gets no more than is left for all others after its claim: so whoever
 * comes late finds room, however many have taken their part before (the dynamic threshold of Choudhury and Hahne, with
 * a factor of 1). Of 256 MiB the first four that take all they can have 64, 64, 64 and 32.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { MemoryBudget } from "./memory_budget.ts";
 * const budget = new MemoryBudget({ totalBytes: 100, originBytes: 40 });
 * assert.ok(budget.claim("a", 40));
 * assert.ok(!budget.claim("a", 1)); // its own bound
 * assert.ok(!budget.claim("b", 31)); // 29 would be left for all others
 * assert.ok(budget.claim("b", 30));
 * budget.release("a", 40);
 * assert.equal(budget.usedBytes, 30);
 * ```
 */
export class MemoryBudget {
  readonly limits: MemoryBudgetLimits;
  readonly #claimed = new Map<string, number>();
  #usedBytes = 0;
  #peakBytes = 0;
  #refused = 0;

  /** @throws RangeError when a limit is not a positive number */
  constructor(limits: MemoryBudgetLimits) {
    const { totalBytes, originBytes } = limits;
    if (!(totalBytes > 0 && originBytes > 0)) {
      throw new RangeError(
        `Cannot budget ${totalBytes} bytes, ${originBytes} of one origin: both are positive`,
      );
    }
    this.limits = limits;
  }

  /** What all origins have claimed. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The most that was claimed at a time. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** How many claims were refused. */
  get refused(): number {
    return this.#refused;
  }

  /** What one origin has claimed. */
  of(origin: string): number {
    return this.#claimed.get(origin) ?? 0;
  }

  /** @returns whether the origin has so many bytes more now; refused claims are counted */
  claim(origin: string, bytes: number): boolean {
    const { totalBytes, originBytes } = this.limits;
    const claimed = this.of(origin) + bytes;
    if (claimed > originBytes || claimed > totalBytes - this.#usedBytes - bytes) {
      this.#refused++;
      return false;
    }
    this.#add(origin, claimed, bytes);
    return true;
  }

  /** Claims what has another bound already, and can't be refused. It leaves less for everything else. */
  charge(origin: string, bytes: number): void {
    this.#add(origin, this.of(origin) + bytes, bytes);
  }

  /** Gives back what was claimed or charged. */
  release(origin: string, bytes: number): void {
    const left = this.of(origin) - bytes;
    this.#usedBytes -= bytes;
    if (left > 0) this.#claimed.set(origin, left);
    else this.#claimed.delete(origin);
  }

  #add(origin: string, claimed: number, bytes: number): void {
    this.#usedBytes += bytes;
    if (this.#usedBytes > this.#peakBytes) this.#peakBytes = this.#usedBytes;
    if (claimed > 0) this.#claimed.set(origin, claimed);
  }
}

/** A part of a budget in one hand. What was given back is given back once. */
export class MemoryClaim {
  readonly #budget: MemoryBudget;
  readonly #origin: string;
  #bytes = 0;

  private constructor(budget: MemoryBudget, origin: string) {
    this.#budget = budget;
    this.#origin = origin;
  }

  /** @returns undefined when the origin can't have so many bytes more */
  static make(budget: MemoryBudget, origin: string, bytes: number): MemoryClaim | undefined {
    const claim = new MemoryClaim(budget, origin);
    return claim.resize(bytes) ? claim : undefined;
  }

  /** How many bytes it stands for. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Makes it larger or smaller. @returns false when it can't be so large; then it stays as it is */
  resize(bytes: number): boolean {
    const more = bytes - this.#bytes;
    if (more > 0 && !this.#budget.claim(this.#origin, more)) return false;
    if (more < 0) this.#budget.release(this.#origin, -more);
    this.#bytes = bytes;
    return true;
  }

  /** Gives it back. Harmless when repeated. */
  release(): void {
    this.resize(0);
  }
}

/** What claims come from: one origin's part of a budget. */
export interface MemoryAccount {
  /** @returns whether so many bytes more may be held */
  claim(bytes: number): boolean;
  /** As `MemoryBudget.charge`. */
  charge(bytes: number): void;
  release(bytes: number): void;
}

/** Refuses nothing and counts nothing. */
export const UNBOUNDED_ACCOUNT: MemoryAccount = Object.freeze({
  claim: () => true,
  charge() {},
  release() {},
});

/** @returns the part of the budget that this origin has */
export function memoryAccount(budget: MemoryBudget, origin: string): MemoryAccount {
  return {
    claim: (bytes) => budget.claim(origin, bytes),
    charge: (bytes) => budget.charge(origin, bytes),
    release: (bytes) => budget.release(origin, bytes),
  };
}
