/**
 * Which host of a multicast group a MAC address is at: whoever has sent from it (RFC 7348 §4.1).
 * @module
 */

import type { Millis } from "../../../base/mod.ts";
import type { IpAddress } from "../../../net/mod.ts";

/** As many as one network remembers; then the one that was not heard of for longest goes. */
const MAX_ADDRESSES = 4096;
/** IEEE 802.1Q-2022 §8.8.3: the ageing time. */
const AGEING_MS = 300_000;
/** How much later an entry is made young again, so that not each frame moves it. */
const REFRESH_MS = 1000;

interface Learned<T> {
  host: IpAddress;
  value: T;
  at: Millis;
}

/** Hosts by MAC address, with what sending to them needs. */
export class GroupLearning<T> {
  readonly #entries = new Map<number, Learned<T>>();

  /** How many addresses there are. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Notes that a host has sent from the address.
   * @param at where in `bytes` the source's MAC address is
   * @param make makes what is kept of a host, when it is new
   */
  learn(now: Millis, bytes: Uint8Array, at: number, host: IpAddress, make: (host: IpAddress) => T): void {
    // A group's address is nobody's.
    if (((bytes[at] ?? 0) & 1) !== 0) return;
    const key = keyOf(bytes, at);
    const known = this.#entries.get(key);
    const isSame = known !== undefined && (known.host === host || known.host.equals(host));
    if (isSame && now - known.at < REFRESH_MS) return;
    const value = isSame ? known.value : make(host);
    // The map is in the order in which entries were heard of.
    this.#entries.delete(key);
    this.#entries.set(key, { host, value, at: now });
    if (this.#entries.size <= MAX_ADDRESSES) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  /** @param at where in `bytes` the destination's MAC address is @returns its host, or undefined */
  find(now: Millis, bytes: Uint8Array, at: number): T | undefined {
    if (((bytes[at] ?? 0) & 1) !== 0) return undefined;
    const known = this.#entries.get(keyOf(bytes, at));
    return known !== undefined && now - known.at < AGEING_MS ? known.value : undefined;
  }
}

/** 48 bits as a number. */
function keyOf(bytes: Uint8Array, at: number): number {
  let low = 0;
  for (let i = at + 2; i < at + 6; i++) low = (low << 8) | (bytes[i] ?? 0);
  return ((bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0)) * 0x1_0000_0000 + (low >>> 0);
}
