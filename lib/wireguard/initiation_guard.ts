/**
 * Which initiations of a peer are looked at: new ones, and not too many.
 * @module
 */

import type { Millis } from "../base/mod.ts";
import { isLaterTai64n } from "./tai64n.ts";

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
