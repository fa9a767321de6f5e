/**
 * Echo requests that wait for whether their destination is there.
 * @module
 */

import type { Millis } from "../../base/mod.ts";

/** Nobody answers a question later than this. */
export const ANSWER_MS = 30_000;
/** How many wait; further ones get no answer, as on a host that has much to do. */
const MAX_HELD = 64;

/** A bounded number of packets, each under the number of its question. */
export class HeldEchoes {
  readonly #held = new Map<number, { readonly packet: Uint8Array; readonly heldAt: Millis }>();

  /** Whether there is room for one more; those that nobody has answered give way. */
  hasRoom(now: Millis): boolean {
    // The first has been there the longest.
    for (const [id, { heldAt }] of this.#held) {
      if (now - heldAt <= ANSWER_MS) break;
      this.#held.delete(id);
    }
    return this.#held.size < MAX_HELD;
  }

  hold(now: Millis, id: number, packet: Uint8Array): void {
    this.#held.set(id, { packet, heldAt: now });
  }

  /** @returns the packet, which is held no more; undefined when there is none */
  release(id: number): Uint8Array | undefined {
    const packet = this.#held.get(id)?.packet;
    this.#held.delete(id);
    return packet;
  }
}
