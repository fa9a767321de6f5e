/**
 * Pings of one channel.
 * @module
 */

import type { Clock, Millis } from "../base/mod.ts";

interface Ping {
  readonly number: number;
  sentAt: Millis | undefined;
  readonly result: PromiseWithResolvers<number | undefined>;
}

/** Measures the round trip; one ping is under way at a time, and whoever asks meanwhile shares it. */
export class Pinger {
  readonly #clock: Clock;
  #underWay: Ping | undefined;
  #lastNumber = 0;
  #lastRttMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The round trip time of the last ping that was answered, in milliseconds. */
  get lastRttMs(): number | undefined {
    return this.#lastRttMs;
  }

  /** The round trip time of the ping under way, or undefined when the channel ends before; undefined without one. */
  get result(): Promise<number | undefined> | undefined {
    return this.#underWay?.result.promise;
  }

  /** @returns the number of the ping to send: a new one, or the one under way once more */
  start(): number {
    this.#underWay ??= {
      number: this.#lastNumber = (this.#lastNumber + 1) >>> 0,
      sentAt: undefined,
      result: Promise.withResolvers(),
    };
    return this.#underWay.number;
  }

  /** The ping is on its way. */
  noteSent(): void {
    if (this.#underWay !== undefined) this.#underWay.sentAt ??= this.#clock.now();
  }

  /** Takes an answer; one of another ping, or of one that was answered before, is nothing. */
  handlePong(number: number): void {
    const ping = this.#underWay;
    if (ping?.sentAt === undefined || ping.number !== number) return;
    this.#underWay = undefined;
    this.#lastRttMs = this.#clock.now() - ping.sentAt;
    ping.result.resolve(this.#lastRttMs);
  }

  /** Lets go whoever waits. */
  stop(): void {
    this.#underWay?.result.resolve(undefined);
    this.#underWay = undefined;
  }
}
