/**
 * In which order servers are tried.
 * @module
 */

import type { Clock } from "../../base/mod.ts";

/** Who has failed is among the last for so long, in milliseconds. */
const AVOID_MS = 60_000;

/** Servers as they are given, but those that have failed of late come last, the latest at the very end. */
export class ServerOrder {
  readonly #clock: Clock;
  readonly #failedAt = new Map<string, number>();
  #used: string | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns all of them, in order */
  of(servers: readonly string[]): readonly string[] {
    const now = this.#clock.now();
    for (const [address, at] of this.#failedAt) {
      if (now - at >= AVOID_MS || !servers.includes(address)) this.#failedAt.delete(address);
    }
    const failedAt = (address: string) => this.#failedAt.get(address) ?? -Infinity;
    return servers.toSorted((a, b) => failedAt(a) === failedAt(b) ? 0 : failedAt(a) - failedAt(b));
  }

  /** A server is tried, because the one before it has failed, or as the first. */
  use(address: string): void {
    this.handleFailed();
    this.#used = address;
  }

  /** The one that was tried last has failed, or its connection has ended. */
  handleFailed(): void {
    if (this.#used === undefined) return;
    this.#failedAt.set(this.#used, this.#clock.now());
    this.#used = undefined;
  }
}
