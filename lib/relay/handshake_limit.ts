/**
 * How often one member may begin handshakes with another by a relay. Whoever answers knows the relay's address alone, and
 * bounds by addresses (WireGuard paper §5.3): without this one member could use up what all others have by that relay.
 * @module
 */

/** WireGuard begins one in 5 s (paper §6.1), and each end anew when it starts. */
const BURST = 10;
const PER_MS = 0.002;

/** A token bucket of handshake messages. */
export class HandshakeLimit {
  #tokens = BURST;
  #countedAt: number;

  /** @param now monotonic milliseconds */
  constructor(now: number) {
    this.#countedAt = now;
  }

  /** @param kind the first byte of a datagram @returns whether it may pass; one that begins or answers a handshake counts */
  allows(now: number, kind: number | undefined): boolean {
    if (kind !== 1 && kind !== 2) return true;
    this.#tokens = Math.min(BURST, this.#tokens + Math.max(0, now - this.#countedAt) * PER_MS);
    this.#countedAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
