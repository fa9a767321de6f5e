/**
 * TAI64N timestamps, which order the initiations of a peer (WireGuard paper §5.4.2, https://cr.yp.to/libtai/tai64.html).
 * @module
 */

import type { UnixMillis } from "../base/mod.ts";

/** 8 bytes of seconds and 4 of nanoseconds, big-endian: byte order is time order. */
export const TAI64N_BYTES = 12;

/** TAI was 10 seconds ahead of UTC at the start of 1970; like the reference, leap seconds since are left out. */
const TAI64_EPOCH = 0x4000_0000_0000_000an;

/** Coarser than the clock, so that it tells an observer nothing about our work; as the reference. */
const GRAIN_NANOSECONDS = 1 << 24;
const NANOSECONDS_PER_SECOND = 1_000_000_000;

/** Gives timestamps that only grow, also when the wall clock is set back. */
export class Tai64nClock {
  readonly #wall: () => UnixMillis;
  #seconds = 0;
  #nanoseconds = 0;

  constructor(wall: () => UnixMillis) {
    this.#wall = wall;
  }

  /** @returns the current time, later than every one before, 12 bytes */
  next(): Uint8Array {
    const wallMs = Math.max(0, this.#wall());
    const seconds = Math.floor(wallMs / 1000);
    const nanoseconds = Math.floor((wallMs - seconds * 1000) * 1e6 / GRAIN_NANOSECONDS) * GRAIN_NANOSECONDS;
    const isLater = seconds > this.#seconds || (seconds === this.#seconds && nanoseconds > this.#nanoseconds);
    if (isLater) {
      this.#seconds = seconds;
      this.#nanoseconds = nanoseconds;
    } else {
      this.#nanoseconds += GRAIN_NANOSECONDS;
      if (this.#nanoseconds >= NANOSECONDS_PER_SECOND) {
        this.#seconds++;
        this.#nanoseconds = 0;
      }
    }
    const out = new Uint8Array(TAI64N_BYTES);
    const view = new DataView(out.buffer);
    view.setBigUint64(0, TAI64_EPOCH + BigInt(this.#seconds));
    view.setUint32(8, this.#nanoseconds);
    return out;
  }
}

/** @returns whether timestamp `a` is later than `b` */
export function isLaterTai64n(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < TAI64N_BYTES; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
