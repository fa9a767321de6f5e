/**
 * The longest datagram that a path carries, found by probes alone: where ICMP is filtered on the way nobody says that
 * something was too long (Packetization Layer Path MTU Discovery, RFC 8899).
 * @module
 */

import type { Millis } from "../base/mod.ts";

/** Every path is taken to carry so much, in bytes of UDP payload (RFC 8899 §5.1.2, BASE_PLPMTU). */
export const BASE_PAYLOAD_BYTES = 1_200;
/** A size that is lost so often, while shorter questions are answered, is too long (RFC 8899 §5.1.2, MAX_PROBES). */
const LOSSES = 2;
/** The search ends when it knows it so closely. */
const STEP_BYTES = 16;
/** After so long a path that carries less than was wanted is tried anew (RFC 8899 §5.1.1, PMTU_RAISE_TIMER). */
const RAISE_MS = 600_000;

/** What is known of one path. */
export class MtuSearch {
  readonly #wantedBytes: number;
  /** The longest that was answered; 0 before the first. */
  #carried = 0;
  /** The shortest that was lost. */
  #lost: number;
  #losses = 0;
  /** Whether it was seen to carry less than is wanted, and nothing has shown since that it carries all. */
  #isLimited = false;
  #searchedAt: Millis | undefined;

  /** @param wantedBytes the longest datagram that the packet plane makes, in bytes of UDP payload */
  constructor(wantedBytes: number) {
    this.#wantedBytes = wantedBytes;
    this.#lost = wantedBytes + 1;
  }

  /** The longest datagram to send, in bytes of UDP payload: all that is wanted, until that was seen to be too much. */
  get payloadBytes(): number {
    return this.#isLimited ? Math.max(BASE_PAYLOAD_BYTES, this.#carried) : this.#wantedBytes;
  }

  /** Whether the search has come to its end, for now. */
  get isDone(): boolean {
    return this.#carried >= this.#wantedBytes || this.#lost - this.#carried <= STEP_BYTES;
  }

  /** Whether a question of a length that was carried before has been lost once. */
  get isDoubted(): boolean {
    return this.#losses > 0;
  }

  /** @returns the length of the next question in bytes, or undefined when there is none to ask */
  nextBytes(now: Millis): number | undefined {
    if (this.isDone && this.#carried < this.#wantedBytes && now - (this.#searchedAt ?? now) >= RAISE_MS) {
      this.#lost = this.#wantedBytes + 1;
      this.#searchedAt = now;
    }
    if (this.isDone) return undefined;
    this.#searchedAt ??= now;
    // Most paths carry all; then those that carry the least that is needed.
    if (this.#lost > this.#wantedBytes) return this.#wantedBytes;
    if (this.#carried < BASE_PAYLOAD_BYTES && this.#lost > BASE_PAYLOAD_BYTES) return BASE_PAYLOAD_BYTES;
    return this.#carried + Math.ceil((this.#lost - this.#carried) / 2);
  }

  /** A question of this length was answered. */
  handleAnswer(bytes: number): void {
    this.#losses = 0;
    if (bytes <= this.#carried) return;
    this.#carried = bytes;
    if (bytes >= this.#wantedBytes) this.#isLimited = false;
    if (this.#lost <= bytes) this.#lost = this.#wantedBytes + 1;
  }

  /** A question of this length was not answered, while a shorter one was. */
  handleLoss(now: Millis, bytes: number): void {
    if (++this.#losses < LOSSES) return;
    this.#losses = 0;
    this.#searchedAt = now;
    this.#isLimited = true;
    // A path that carried it before carries less now (RFC 8899 §4.3, black hole detection).
    if (bytes <= this.#carried) this.#carried = 0;
    this.#lost = Math.min(this.#lost, bytes);
  }
}
