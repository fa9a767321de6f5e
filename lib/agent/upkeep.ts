/**
 * What an agent looks after by itself as long as it runs.
 * @module
 */

import type { Logger, Timers } from "../base/mod.ts";

/** How often expired records and changed addresses of this host are looked for. */
export const UPKEEP_MS = 10_000;

/**
 * Calls `look` every `UPKEEP_MS`; one that throws is told of, and the next comes all the same.
 * @returns a function that ends it
 */
export function keepUp(timers: Timers, log: Logger, look: () => void): () => void {
  let isEnded = false;
  const wait = (): () => void =>
    timers.setTimer(UPKEEP_MS, () => {
      try {
        look();
      } catch (error) {
        // A full disk may have room again at the next turn, and a process that ran out of descriptors has some.
        log.error("cannot look after the state", { error });
      }
      if (!isEnded) cancel = wait();
    });
  let cancel = wait();
  return () => {
    isEnded = true;
    cancel();
  };
}
