/**
 * How often one member may begin handshakes with another by a relay. Whoever answers knows the relay's address alone, and
 * bounds by addresses (WireGuard paper §5.3): without this one member could use up what all others have by that relay.
 * @module
 */

import { millis, RateMeter } from "../base/mod.ts";

/** WireGuard begins one in 5 s (paper §6.1), and each end anew when it starts. */
const BURST = 10;
const PER_SECOND = 2;

/** A meter of handshake messages. */
export class HandshakeLimit {
  readonly #rate = new RateMeter(PER_SECOND, BURST);

  /**
   * @param now monotonic milliseconds
   * @param kind the first byte of a datagram
   * @returns whether it may pass; one that begins or answers a handshake counts
   */
  allows(now: number, kind: number | undefined): boolean {
    return kind !== 1 && kind !== 2 || this.#rate.tryTake(millis(now), 1);
  }
}
