/**
 * The calls that wait for answers, by their numbers, and how many of them wait for each peer.
 * @module
 */

import type { PendingCall } from "./pending_call.ts";
import { isProgram, type PeerId } from "../ports.ts";

/** How many calls may wait for one node: a quarter of all, so that a few that stand still leave room for the others. */
export const MAX_PENDING_OF_NODE = 16_384;
/** How many may wait for one attached program. */
export const MAX_PENDING_OF_PROGRAM = 4_096;

/** Calls that have been given to a provider. */
export class PendingCalls {
  readonly #calls = new Map<number, PendingCall>();
  readonly #counts = new Map<PeerId, number>();
  readonly #upstream: PeerId | undefined;

  /** @param upstream the agent that this program is attached to, by way of whom it calls everybody */
  constructor(upstream: PeerId | undefined) {
    this.#upstream = upstream;
  }

  get size(): number {
    return this.#calls.size;
  }

  get(number: number): PendingCall | undefined {
    return this.#calls.get(number);
  }

  /** All of them; good until one comes or goes. */
  values(): Iterable<PendingCall> {
    return this.#calls.values();
  }

  /** Whether one more may wait for a peer. */
  hasRoom(peer: PeerId): boolean {
    if (peer === this.#upstream) return true;
    return (this.#counts.get(peer) ?? 0) < (isProgram(peer) ? MAX_PENDING_OF_PROGRAM : MAX_PENDING_OF_NODE);
  }

  /** Takes one in that has its provider and number. */
  add(call: PendingCall): void {
    const peer = call.provider?.peer;
    this.#calls.set(call.number, call);
    if (peer !== undefined) this.#counts.set(peer, (this.#counts.get(peer) ?? 0) + 1);
  }

  /** Takes one out that still has its provider; harmless when it is not there. */
  delete(call: PendingCall): void {
    const peer = call.provider?.peer;
    if (!this.#calls.delete(call.number) || peer === undefined) return;
    const left = (this.#counts.get(peer) ?? 1) - 1;
    if (left === 0) this.#counts.delete(peer);
    else this.#counts.set(peer, left);
  }
}
