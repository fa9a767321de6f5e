/**
 * The network between simulated nodes: it delays, loses and reorders messages, and can be split.
 * @module
 */

import { type Clock, type RandomSource, SeededRandom, type VirtualTimers } from "../base/mod.ts";

const BUFFER_BYTES = 4096;

/** How badly the network carries. */
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
  readonly timers: VirtualTimers;
  readonly random: Dice;
  readonly #conditions: WayConditions;
  #sideOf: (node: number) => number = () => 0;
  readonly #traffic = { messages: 0, bytes: 0, lost: 0 };

  constructor(
    { clock, timers, random }: { clock: Clock; timers: VirtualTimers; random: Dice },
    conditions: WayConditions,
  ) {
    this.clock = clock;
    this.timers = timers;
    this.random = random;
    this.#conditions = conditions;
  }

  /** What has been sent since the beginning. */
  get traffic(): Traffic {
    return { ...this.#traffic };
  }

  /** Lets only nodes reach each other for which `sideOf` gives the same number. */
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

  /** Calls `arrive` when the message gets there, unless it is lost; whoever is called asks whether the way is still open. */
  carry(from: number, to: number, bytes: Uint8Array, arrive: () => void): void {
    this.#traffic.messages++;
    this.#traffic.bytes += bytes.length;
    if (!this.canReach(from, to) || this.random.fraction() < this.#conditions.loss) {
      this.#traffic.lost++;
      return;
    }
    this.timers.schedule(this.delayMs(), arrive);
  }

  /** @returns how long the next message takes */
  delayMs(): number {
    const { minDelayMs, maxDelayMs } = this.#conditions;
    return minDelayMs + (maxDelayMs - minDelayMs) * this.random.fraction();
  }
}

/** A seeded source of numbers, buffered because every message of a simulation draws some. */
export class Dice implements RandomSource {
  readonly #random: SeededRandom;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #words = new Uint32Array(this.#buffer.buffer);
  #at = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#random.fill(this.#buffer);
  }

  fill(out: Uint8Array): void {
    this.#random.fill(out);
  }

  /** @returns a number in [0, 1) with 32 bits of resolution */
  fraction(): number {
    if (this.#at === this.#words.length) {
      this.#random.fill(this.#buffer);
      this.#at = 0;
    }
    return (this.#words[this.#at++] as number) / 0x1_0000_0000;
  }

  /** @returns a whole number from 0 to below `count` */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }
}
