/**
 * What one origin may change in a replica in a second, by whatever links it comes.
 * @module
 */

import { type Clock, TokenBucket } from "../../base/mod.ts";
import type { Origin } from "../records/mod.ts";

/** All that one node may have, once; then what its services change in their ordinary course. */
const UPDATES = { burst: 256, perSecond: 16 };
const BYTES = { burst: 512 << 10, perSecond: 64 << 10 };
/** Origins that are remembered; the one that changed something longest ago is as new when it comes again. */
const MAX_ORIGINS = 65_536;

/** Says, before a signature is checked, whether an origin has changed as much as it may. */
export class OriginBudget {
  readonly #clock: Clock;
  readonly #origins = new Map<Origin, { readonly updates: TokenBucket; readonly bytes: TokenBucket }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether what an origin is said to have signed may be looked at; that costs it nothing, since others may say so. */
  allows(origin: Origin): boolean {
    const buckets = this.#origins.get(origin);
    return buckets === undefined || (buckets.updates.spend(0) === 0 && buckets.bytes.spend(0) === 0);
  }

  /** An origin has changed something: its signature was good. @param lengthBytes of what it signed */
  spend(origin: Origin, lengthBytes: number): void {
    const buckets = this.#origins.get(origin) ??
      { updates: new TokenBucket(this.#clock, UPDATES), bytes: new TokenBucket(this.#clock, BYTES) };
    buckets.updates.spend(1);
    buckets.bytes.spend(lengthBytes);
    this.#origins.delete(origin);
    this.#origins.set(origin, buckets);
    if (this.#origins.size <= MAX_ORIGINS) return;
    const [oldest] = this.#origins.keys();
    if (oldest !== undefined) this.#origins.delete(oldest);
  }
}
