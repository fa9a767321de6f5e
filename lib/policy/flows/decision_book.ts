/**
 * Decisions by number, so that a flow names one in a word; with each program a new generation of them begins.
 * @module
 */

import type { Decision } from "../evaluate/mod.ts";

/** Decisions that flows name; with more a new generation begins, and flows are asked about again. */
const MAX_DECISIONS = 1 << 16;

/** The decisions of one generation. */
export class DecisionBook {
  generation = 0;
  #decisions: Decision[] = [];
  readonly #numbers = new Map<Decision, number>();

  /** @returns the decision, or undefined when it is of another generation */
  get(number: number, generation: number): Decision | undefined {
    return generation === this.generation ? this.#decisions[number] : undefined;
  }

  /** @returns its number in this generation */
  numberOf(decision: Decision): number {
    const known = this.#numbers.get(decision);
    if (known !== undefined) return known;
    if (this.#decisions.length >= MAX_DECISIONS) this.begin();
    this.#numbers.set(decision, this.#decisions.length);
    return this.#decisions.push(decision) - 1;
  }

  /** Begins another generation. */
  begin(): void {
    this.generation = (this.generation + 1) | 0;
    this.#decisions = [];
    this.#numbers.clear();
  }
}
