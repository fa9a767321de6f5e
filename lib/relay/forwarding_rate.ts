/**
 * How much a relay carries: what is above is dropped.
 * @module
 */

import { RateMeter } from "../base/mod.ts";

/** How much may come at once, as a part of a second's bytes: what a queue of a router holds. */
const BURST_SECONDS = 0.05;
/** A batch of the longest datagrams; a smaller burst would let none of them through. */
const LEAST_BURST_BYTES = 131_072;

/** @param bytesPerSecond Infinity for no bound @returns a meter of bytes */
export function forwardingMeter(bytesPerSecond: number): RateMeter {
  return new RateMeter(bytesPerSecond, Math.max(LEAST_BURST_BYTES, bytesPerSecond * BURST_SECONDS));
}
