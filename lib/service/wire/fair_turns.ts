/**
 * Work that takes long, a little of it at a time, and of each peer in turn.
 * @module
 */

import type { PeerId } from "../ports.ts";

type Start = () => void;

/** Lets so many jobs run; of those that wait, each peer's next one comes in turn, so that nobody waits for all of another. */
export class FairTurns {
  readonly #limit: number;
  /** Of each peer, in the order of their turns. */
  readonly #waiting = new Map<PeerId, Start[]>();
  #running = 0;

  /** @param limit how many run at the same time, at least 1 */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs a job when it is its turn. @returns what the job gives @throws what it throws */
  async run<T>(peer: PeerId, job: () => Promise<T>): Promise<T> {
    if (this.#running === this.#limit) await this.#turnOf(peer);
    else this.#running++;
    try {
      return await job();
    } finally {
      this.#leave();
    }
  }

  #turnOf(peer: PeerId): Promise<void> {
    return new Promise((start) => {
      const jobs = this.#waiting.get(peer);
      if (jobs === undefined) this.#waiting.set(peer, [start]);
      else jobs.push(start);
    });
  }

  /** Its place goes to the next one. */
  #leave(): void {
    for (const [peer, jobs] of this.#waiting) {
      const start = jobs.shift();
      // Whoever has more comes again behind the others.
      this.#waiting.delete(peer);
      if (jobs.length > 0) this.#waiting.set(peer, jobs);
      if (start !== undefined) return start();
    }
    this.#running--;
  }
}
