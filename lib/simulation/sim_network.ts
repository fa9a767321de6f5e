/**
 * The network between simulated nodes: it delays, loses and reorders, and falls apart into sides.
 * @module
 */

import type { Clock, Timers } from "../base/mod.ts";
import type { Dice } from "./dice.ts";

/** How the ways between nodes are. */
export interface WayConditions {
  /** The part of messages that is lost, 0 to 1. A real channel loses nothing; this is harsher. */
  readonly loss: number;
  /** Each message takes a time between these, drawn anew, so that messages overtake each other. */
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/** What has been carried so far. */
export interface Traffic {
  readonly messages: number;
  readonly bytes: number;
  readonly lost: number;
}

/** Carries messages between nodes that are numbered. */
export class SimNetwork {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Dice;
  readonly #conditions: WayConditions;
  #sideOf: (node: number) => number = () => 0;
  #messages = 0;
  #bytes = 0;
  #lost = 0;

  constructor(environment: { clock: Clock; timers: Timers; random: Dice }, conditions: WayConditions) {
    this.clock = environment.clock;
    this.timers = environment.timers;
    this.random = environment.random;
    this.#conditions = conditions;
  }

  /** What has been sent since the beginning. */
  get traffic(): Traffic {
    return { messages: this.#messages, bytes: this.#bytes, lost: this.#lost };
  }

  /** Lets only nodes of the same side reach each other. */
  split(sideOf: (node: number) => number): void {
    this.#sideOf = sideOf;
  }

  /** Lets everybody reach everybody again. */
  heal(): void {
    this.#sideOf = () => 0;
  }

  canReach(from: number, to: number): boolean {
    return this.#sideOf(from) === this.#sideOf(to);
  }

  /** Calls `arrive` when the message gets there, which is when the way is open at its end. */
  carry(from: number, to: number, bytes: Uint8Array, arrive: () => void): void {
    this.#messages++;
    this.#bytes += bytes.length;
    if (!this.canReach(from, to) || this.random.fraction() < this.#conditions.loss) {
      this.#lost++;
      return;
    }
    this.timers.setTimer(this.delayMs(), () => {
      if (this.canReach(from, to)) arrive();
    });
  }

  /** @returns how long the next message takes */
  delayMs(): number {
    const { minDelayMs, maxDelayMs } = this.#conditions;
    return minDelayMs + (maxDelayMs - minDelayMs) * this.random.fraction();
  }
}
