/**
 * Room for a bounded number of guests, which nobody can fill alone.
 * @module
 */

import type { Endpoint } from "../../net/mod.ts";

/** Of an IPv6 address: one site has at least what is behind them (RFC 4291 §2.5.4). */
const SITE_BYTES = 8;

interface Guest {
  readonly origin: string;
  readonly sendAway: () => void;
}

/**
 * Everybody may enter. When there are too many, the longest-standing guest of the origin with the most guests has to
 * go: a crowd from one origin displaces itself, and who is quick is always served.
 */
export class FairSlots {
  readonly #capacity: number;
  /** In the order in which they came. */
  readonly #guests = new Set<Guest>();

  /** @param capacity how many guests there may be, at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How many guests there are. */
  get size(): number {
    return this.#guests.size;
  }

  /**
   * @param origin what guests have in common that one sender can multiply
   * @param sendAway called at most once, when somebody else needs the place
   * @returns a function that gives the place free; harmless when repeated
   */
  enter(origin: string, sendAway: () => void): () => void {
    const guest = { origin, sendAway };
    this.#guests.add(guest);
    if (this.#guests.size > this.#capacity) this.#makeRoom();
    return () => void this.#guests.delete(guest);
  }

  #makeRoom(): void {
    const crowds = new Map<string, { readonly oldest: Guest; size: number }>();
    let largest: { readonly oldest: Guest; size: number } | undefined;
    for (const guest of this.#guests) {
      const crowd = crowds.get(guest.origin) ?? { oldest: guest, size: 0 };
      crowds.set(guest.origin, crowd);
      crowd.size++;
    }
    // Of equal crowds the one that came first.
    for (const crowd of crowds.values()) if (crowd.size > (largest?.size ?? 0)) largest = crowd;
    if (largest === undefined) return;
    this.#guests.delete(largest.oldest);
    largest.oldest.sendAway();
  }
}

/** @returns what all addresses have in common that one sender has for free: an IPv4 address, or an IPv6 /64 */
export function originOf({ address }: Endpoint): string {
  return address.family === 4 ? address.toString() : address.bytes.subarray(0, SITE_BYTES).toHex();
}
