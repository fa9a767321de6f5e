/**
 * Yielding the event loop as a port.
 * @module
 */

/** Ends a turn of the event loop, so that timers and sockets come before what is left to do. */
export interface EventLoopYield {
  /**
   * Ends this turn; whoever asks meanwhile shares the next one.
   * @returns a promise that resolves when all sockets were looked at, and what came of it was begun
   */
  yieldNow(): Promise<void>;
}
