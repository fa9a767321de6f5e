/**
 * Giving way to the rest of the event loop, as a port.
 * @module
 */

/** Lets others have their turn. */
export interface EventLoopYield {
  /**
   * Ends this turn; whoever asks meanwhile shares the next one.
   * @returns a promise that resolves when all sockets were looked at, and what came of it was begun
   */
  next(): Promise<void>;
}
