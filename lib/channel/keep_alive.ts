/**
 * Pings of one channel: they measure the round trip, and notice when the other end has fallen silent.
 * @module
 */

import type { Environment, Millis } from "../base/mod.ts";

/** After this long without a record a ping is sent, unless told otherwise, and again for every such time that goes by. */
export const KEEP_ALIVE_MS = 10_000;
/** The longest that a channel may be told to wait, so that another ping can go unanswered before it is taken for dead. */
export const MAX_KEEP_ALIVE_MS = 20_000;

/** After this long without a record the other side is taken for dead. */
export const DEAD_AFTER_MS = 30_000;

/** What silence leads to. */
interface SilenceHandler {
  /** Called when it is time for a ping. */
  readonly onQuiet: () => void;
  /** Called once, after `DEAD_AFTER_MS` of silence. */
  readonly onDead: () => void;
}

interface Ping {
  readonly number: number;
  sentAt: Millis | undefined;
  readonly result: PromiseWithResolvers<number | undefined>;
}

/**
 * Watches one channel. While its reader is held back by a slow consumer the other side is not judged, but pings go
 * out all the same, so that the other side does not take this one for dead. One ping is under way at a time, and
 * whoever asks meanwhile shares it.
 */
export class KeepAlive {
  /** The round trip time of the last ping that was answered, in milliseconds. */
  lastRttMs: number | undefined;

  readonly #environment: Pick<Environment, "clock" | "timers">;
  readonly #handler: SilenceHandler;
  #heardAt: Millis;
  #firstPingMs = KEEP_ALIVE_MS;
  #isHeldBack = false;
  #cancel: () => void = () => {};
  #ping: Ping | undefined;
  #lastNumber = 0;

  /** Starts watching at once. */
  constructor(environment: Pick<Environment, "clock" | "timers">, handler: SilenceHandler) {
    this.#environment = environment;
    this.#handler = handler;
    this.#heardAt = environment.clock.now();
    this.#schedule(KEEP_ALIVE_MS);
  }

  /** The round trip time of the ping under way, or undefined when the channel ends before; undefined without one. */
  get result(): Promise<number | undefined> | undefined {
    return this.#ping?.result.promise;
  }

  /** For how long no record has arrived, in milliseconds. */
  get silentMs(): number {
    return this.#environment.clock.now() - this.#heardAt;
  }

  /** Pings after so long a silence from now on: 10 s to 20 s, in milliseconds. */
  pingAfter(silentMs: number): void {
    const firstPingMs = Math.min(MAX_KEEP_ALIVE_MS, Math.max(KEEP_ALIVE_MS, silentMs));
    if (firstPingMs === this.#firstPingMs) return;
    this.#firstPingMs = firstPingMs;
    this.#cancel();
    this.#schedule(Math.max(1, firstPingMs - this.silentMs));
  }

  /** A record has arrived. */
  heard(): void {
    this.#heardAt = this.#environment.clock.now();
  }

  /** The reader stops or goes on. */
  holdBack(isHeldBack: boolean): void {
    this.#isHeldBack = isHeldBack;
    this.heard();
  }

  /** @returns the number of the ping to send: a new one, or the one under way once more */
  startPing(): number {
    this.#ping ??= {
      number: this.#lastNumber = (this.#lastNumber + 1) >>> 0,
      sentAt: undefined,
      result: Promise.withResolvers(),
    };
    return this.#ping.number;
  }

  /** The ping is on its way. */
  notePingSent(): void {
    if (this.#ping !== undefined) this.#ping.sentAt ??= this.#environment.clock.now();
  }

  /** Takes an answer; one to another ping, or to one that was answered before, changes nothing. */
  handlePong(number: number): void {
    const ping = this.#ping;
    if (ping?.sentAt === undefined || ping.number !== number) return;
    this.#ping = undefined;
    this.lastRttMs = this.#environment.clock.now() - ping.sentAt;
    ping.result.resolve(this.lastRttMs);
  }

  /** Stops watching, and ends the wait for an answer; harmless when repeated. */
  stop(): void {
    this.#cancel();
    this.#ping?.result.resolve(undefined);
    this.#ping = undefined;
  }

  #schedule(delayMs: number): void {
    this.#cancel = this.#environment.timers.setTimer(delayMs, () => this.#check());
  }

  #check(): void {
    const { silentMs } = this;
    if (silentMs < this.#firstPingMs) return this.#schedule(this.#firstPingMs - silentMs);
    if (silentMs >= DEAD_AFTER_MS && !this.#isHeldBack) return this.#handler.onDead();
    const untilDeadMs = DEAD_AFTER_MS - silentMs;
    this.#schedule(untilDeadMs > 0 ? Math.min(KEEP_ALIVE_MS, untilDeadMs) : KEEP_ALIVE_MS);
    this.#handler.onQuiet();
  }
}
