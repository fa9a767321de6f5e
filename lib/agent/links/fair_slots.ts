/**
 * A bounded number of slots, which no single origin can fill.
 * @module
 */

import type { Endpoint } from "../../net/mod.ts";

/** Of an IPv6 address: one site has at least what is behind them (RFC 4291 §2.5.4). */
const SITE_BYTES = 8;

interface Holder {
  readonly origin: string;
  readonly evict: () => void;
}

/**
 * Everybody gets a slot. When there are too many holders, the oldest one of the origin with the most of them is evicted:
 * a flood from one origin displaces itself, and who is quick is always served.
 */
export class FairSlots {
  readonly #capacity: number;
  /** In the order in which they came. */
  readonly #holders = new Set<Holder>();

  /** @param capacity how many slots there are, at least 1 */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#holders.size;
  }

  /**
   * @param origin what holders have in common that one sender can multiply
   * @param evict called at most once, when somebody else needs the slot
   * @returns a function that releases the slot; harmless when repeated
   */
  acquire(origin: string, evict: () => void): () => void {
    const holder = { origin, evict };
    this.#holders.add(holder);
    if (this.#holders.size > this.#capacity) this.#evictOne();
    return () => void this.#holders.delete(holder);
  }

  #evictOne(): void {
    const origins = new Map<string, { readonly oldest: Holder; size: number }>();
    let largest: { readonly oldest: Holder; size: number } | undefined;
    for (const holder of this.#holders) {
      const group = origins.get(holder.origin) ?? { oldest: holder, size: 0 };
      origins.set(holder.origin, group);
      group.size++;
    }
    // Of equal origins the one that came first.
    for (const group of origins.values()) if (group.size > (largest?.size ?? 0)) largest = group;
    if (largest === undefined) return;
    this.#holders.delete(largest.oldest);
    largest.oldest.evict();
  }
}

/** @returns what all addresses have in common that one sender has for free: an IPv4 address, or an IPv6 /64 */
export function originOf({ address }: Endpoint): string {
  return address.family === 4 ? address.toString() : address.bytes.subarray(0, SITE_BYTES).toHex();
}
