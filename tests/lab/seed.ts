/**
 * Repeatable chance: a failure can be run again with the same numbers.
 * @module
 */

import { randomFraction, type RandomSource, SeededRandom } from "../../lib/base/mod.ts";

/** @returns a random source whose seed is printed, and taken from the environment where `variable` is set */
export function announcedRandom(variable: string): RandomSource {
  const given = Deno.env.get(variable);
  const seed = given === undefined ? crypto.getRandomValues(new Int32Array(1))[0] ?? 0 : Number(given);
  // deno-lint-ignore no-console -- whoever sees the failure can run the same again
  console.log(`${variable}=${seed}`);
  return new SeededRandom(seed);
}

/** @returns an integer from `low` to `high`, both included */
export function integerBetween(random: RandomSource, low: number, high: number): number {
  return low + Math.floor(randomFraction(random) * (high - low + 1));
}
