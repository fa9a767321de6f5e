/**
 * Which of a peer's endpoints is tried next.
 * @module
 */

import type { Endpoint } from "../../net/mod.ts";

/** A peer's endpoints in the order in which they are worth a try, and where we are in it. */
export class EndpointRotation {
  #candidates: readonly Endpoint[] = [];
  #at = 0;

  /**
   * Takes a new list; the one in use stays in use when it is still there.
   * @returns the endpoint to use from now on, or undefined when the list is empty
   */
  update(candidates: readonly Endpoint[]): Endpoint | undefined {
    const current = this.current;
    this.#candidates = candidates;
    const kept = current === undefined ? -1 : candidates.findIndex((candidate) => candidate.equals(current));
    this.#at = Math.max(0, kept);
    return this.current;
  }

  /** The endpoint in use. */
  get current(): Endpoint | undefined {
    return this.#candidates[this.#at];
  }

  /** Goes to one of the list; nothing changes when it is not there. */
  select(endpoint: Endpoint): void {
    const at = this.#candidates.findIndex((candidate) => candidate.equals(endpoint));
    if (at >= 0) this.#at = at;
  }

  /** Goes on to the next one, round and round. @returns it, or undefined when there is no other */
  next(): Endpoint | undefined {
    if (this.#candidates.length < 2) return undefined;
    this.#at = (this.#at + 1) % this.#candidates.length;
    return this.current;
  }
}
