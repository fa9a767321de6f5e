/**
 * What a part of a node is handed in place of the system: interfaces to time, timers, randomness and the log.
 * @module
 */

import type { RandomSource } from "./random.ts";
import type { Clock, Timers } from "./time.ts";
import type { Tracer } from "./tracer.ts";

/** Time, chance and the log: a real node has the host's, a test a virtual clock and seeded randomness. */
export interface Environment {
  /** Tells the time. */
  readonly clock: Clock;
  /** Sets timers. */
  readonly timers: Timers;
  /** Draws chance. */
  readonly random: RandomSource;
  /** Takes what there is to say. */
  readonly log: Logger;
  /** Takes spans; absent where nobody does. */
  readonly tracer?: Tracer;
}

/**
 * Takes one line with its fields; a line is a constant, a sentence fragment, and the fields carry the values. A line that
 * somebody else can cause names that one in the field `from` or `peer`, by which `LimitedLogger` bounds it. Packets are
 * counted instead, and secrets are never passed here.
 */
export interface Logger {
  /** For who looks into a fault. */
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** What an operator may want to know. */
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** What an operator should look at. */
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** What has failed. */
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Lets lines be told apart by the part of a node that they are of; absent where they are not. */
  category?(name: string): Logger;
}

/** A log that nobody reads. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Ends a turn of the event loop, so that timers and sockets come before what is left to do. */
export interface EventLoopYield {
  /**
   * Ends this turn; whoever asks meanwhile shares the next one.
   * @returns a promise that resolves when all sockets were looked at, and what came of it was begun
   */
  yieldNow(): Promise<void>;
}
