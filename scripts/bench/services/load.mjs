// deno-lint-ignore-file explicit-module-boundary-types -- Node.js runs it as it is; the types are in the comments
/**
 * The load that every contender bears, in JavaScript that Deno and Node.js run alike.
 * @module
 */

/**
 * @param {Float64Array} sorted ascending
 * @param {number} share from 0 to 1
 * @returns {number} the value below which that share of them lies; NaN of none
 */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

/**
 * Keeps `inFlight` calls under way until `isOver()`: whoever has its answer makes the next call.
 * @param {() => Promise<unknown>} call
 * @param {number} inFlight
 * @param {() => boolean} isOver
 * @returns {Promise<{ completed: number, elapsedMs: number, p50Ms: number, p99Ms: number }>}
 */
export async function callInTurn(call, inFlight, isOver) {
  /** @type {number[]} */
  const latenciesMs = [];
  const startedAt = performance.now();
  const caller = async () => {
    for (let before = performance.now(); !isOver();) {
      await call();
      const now = performance.now();
      latenciesMs.push(now - before);
      before = now;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
  const elapsedMs = performance.now() - startedAt;
  const sorted = Float64Array.from(latenciesMs).sort();
  return {
    completed: sorted.length,
    elapsedMs,
    p50Ms: percentile(sorted, 0.5),
    p99Ms: percentile(sorted, 0.99),
  };
}

/** @param {number} ms @returns {() => boolean} whether that many milliseconds have passed */
export function afterMs(ms) {
  const until = performance.now() + ms;
  return () => performance.now() >= until;
}
