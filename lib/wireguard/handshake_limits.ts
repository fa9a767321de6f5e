/**
 * How many handshakes are worked on: in all and of one address (WireGuard paper §5.3), and of one peer.
 * @module
 */

import type { Millis } from "../base/mod.ts";
import type { IpAddress } from "../net/mod.ts";
import { isLaterTai64n } from "./tai64n.ts";

const WINDOW_MS = 1000;

/** Under load from the moment that a second brings more handshakes than the limit, until a second after. */
export class LoadMeter {
  readonly #limitPerSecond: number;
  #windowStart = 0;
  #count = 0;
  #loadedUntil = 0;

  /** @param limitPerSecond handshake messages a second that are answered without asking for a cookie */
  constructor(limitPerSecond: number) {
    this.#limitPerSecond = limitPerSecond;
  }

  /** Notes a handshake message. @returns whether we are under load */
  note(now: Millis): boolean {
    if (now - this.#windowStart >= WINDOW_MS) {
      this.#windowStart = now;
      this.#count = 0;
    }
    if (++this.#count > this.#limitPerSecond) this.#loadedUntil = now + WINDOW_MS;
    return now < this.#loadedUntil;
  }
}

// As the reference: 20 a second, 5 at once.
const PACKET_COST_MS = 1000 / 20;
const BURST_PACKETS = 5;
const MAX_CREDIT_MS = PACKET_COST_MS * BURST_PACKETS;
/** Whoever was silent for so long has its full credit again and can be forgotten. */
const FORGET_AFTER_MS = 1000;
const MAX_ADDRESSES = 8192;
/** A network gives one customer a /64 at least. */
const IPV6_PREFIX_BYTES = 8;

interface Bucket {
  creditMs: number;
  since: Millis;
}

/** A token bucket for each IPv4 address and each IPv6 /64, bounded in number. */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>();
  #sweptAt = 0;

  /** @returns whether a packet of `source` may be worked on now */
  allows(now: Millis, source: IpAddress): boolean {
    if (now - this.#sweptAt > FORGET_AFTER_MS) this.#sweep(now);
    const key = String.fromCharCode(
      ...(source.family === 4 ? source.bytes : source.bytes.subarray(0, IPV6_PREFIX_BYTES)),
    );
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      // Full of fresh addresses: whoever is new has to wait for the next sweep.
      if (this.#buckets.size >= MAX_ADDRESSES) return false;
      this.#buckets.set(key, { creditMs: MAX_CREDIT_MS - PACKET_COST_MS, since: now });
      return true;
    }
    bucket.creditMs = Math.min(MAX_CREDIT_MS, bucket.creditMs + now - bucket.since);
    bucket.since = now;
    if (bucket.creditMs < PACKET_COST_MS) return false;
    bucket.creditMs -= PACKET_COST_MS;
    return true;
  }

  #sweep(now: Millis): void {
    this.#sweptAt = now;
    for (const [key, bucket] of this.#buckets) {
      if (now - bucket.since > FORGET_AFTER_MS) this.#buckets.delete(key);
    }
  }
}

/** Remembers the last initiation that a peer sent. */
export class InitiationGuard {
  readonly #intervalMs: number;
  #greatestTimestamp: Uint8Array | undefined;
  #acceptedAt = -Infinity;

  /** @param intervalMs how far apart two initiations are at least */
  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Whether an initiation of this time is new and not one of a flood; remembers it if so. */
  accepts(now: Millis, timestamp: Uint8Array): "yes" | "replayed" | "flood" {
    if (this.#greatestTimestamp !== undefined && !isLaterTai64n(timestamp, this.#greatestTimestamp)) {
      return "replayed";
    }
    if (now - this.#acceptedAt < this.#intervalMs) return "flood";
    this.#greatestTimestamp = timestamp;
    this.#acceptedAt = now;
    return "yes";
  }
}
