/**
 * How long calls took, as a histogram since the start and another one of the last minute.
 * @module
 */

/** The upper bounds of the buckets, in seconds; one more has what took longer. */
export const LATENCY_BOUNDS_SECONDS: readonly number[] = [
  ...[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/** What a histogram has counted since the start. */
export interface LatencySnapshot {
  /** How many took at most as long as each bound and longer than the one before; the last took longer than all. */
  readonly buckets: readonly number[];
  readonly count: number;
  readonly sumSeconds: number;
}

/** What it has counted lately. */
export interface RecentLatency {
  /** Calls a second. */
  readonly rate: number;
  /** Of those, how many a second have failed. */
  readonly errorRate: number;
  /** The median in milliseconds; null when there were no calls. Within a bucket it is taken to be even. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

const BOUNDS_MS = Float64Array.from(LATENCY_BOUNDS_SECONDS, (seconds) => seconds * 1_000);
const BUCKETS = BOUNDS_MS.length + 1;
/** Behind the buckets. */
const SUM_MS = BUCKETS;
const FAILED = BUCKETS + 1;
const SLOTS = BUCKETS + 2;
/** Half of what counts as lately. */
const WINDOW_MS = 30_000;

/** Counts durations. Two windows of 30 s take turns, and what leaves them is added up. */
export class LatencyHistogram {
  /** Of windows that have ended, but for the former one. */
  readonly #past = new Float64Array(SLOTS);
  #former = new Float64Array(SLOTS);
  #current = new Float64Array(SLOTS);
  #currentAt: number;

  /** @param now in milliseconds, by the clock that all calls of it go by */
  constructor(now: number) {
    this.#currentAt = now;
  }

  /** Counts a call that has ended. @param tookMs in milliseconds */
  record(now: number, tookMs: number, hasFailed = false): void {
    if (now - this.#currentAt >= WINDOW_MS) this.#turn(now);
    const current = this.#current;
    let at = 0;
    while (at < BUCKETS - 1 && tookMs > (BOUNDS_MS[at] as number)) at++;
    (current[at] as number)++;
    (current[SUM_MS] as number) += tookMs;
    if (hasFailed) (current[FAILED] as number)++;
  }

  /** @returns everything since the start */
  snapshot(): LatencySnapshot {
    const buckets = Array.from({ length: BUCKETS }, (_, at) => this.#total(at));
    return {
      buckets,
      count: buckets.reduce((sum, count) => sum + count, 0),
      sumSeconds: this.#total(SUM_MS) / 1_000,
    };
  }

  /** @returns what happened in the last 30 to 60 seconds */
  recent(now: number): RecentLatency {
    if (now - this.#currentAt >= WINDOW_MS) this.#turn(now);
    const counts = this.#current.subarray(0, BUCKETS).map((count, at) => count + (this.#former[at] ?? 0));
    const count = counts.reduce((sum, one) => sum + one, 0);
    const seconds = (now - this.#currentAt + WINDOW_MS) / 1_000;
    const failed = (this.#current[FAILED] ?? 0) + (this.#former[FAILED] ?? 0);
    return {
      rate: count / seconds,
      errorRate: failed / seconds,
      p50Ms: quantile(counts, count, 0.5),
      p99Ms: quantile(counts, count, 0.99),
    };
  }

  #total(at: number): number {
    return (this.#past[at] ?? 0) + (this.#former[at] ?? 0) + (this.#current[at] ?? 0);
  }

  #turn(now: number): void {
    const [past, oldest] = [this.#past, this.#former];
    for (let at = 0; at < SLOTS; at++) past[at] = (past[at] ?? 0) + (oldest[at] ?? 0);
    oldest.fill(0);
    this.#former = this.#current;
    this.#current = oldest;
    const behind = now - this.#currentAt;
    // After a pause what was counted last is not of the last minute either.
    if (behind >= 2 * WINDOW_MS) {
      const former = this.#former;
      for (let at = 0; at < SLOTS; at++) past[at] = (past[at] ?? 0) + (former[at] ?? 0);
      former.fill(0);
      this.#currentAt = now;
    } else this.#currentAt += WINDOW_MS;
  }
}

/** As `histogram_quantile` of Prometheus does it: what took longer than all bounds took as long as the last. */
function quantile(counts: Float64Array, count: number, share: number): number | null {
  if (count === 0) return null;
  let left = share * count;
  for (const [at, inside] of counts.entries()) {
    const [from, to] = [BOUNDS_MS[at - 1] ?? 0, BOUNDS_MS[at]];
    if (to === undefined) return from;
    if (left <= inside && inside > 0) return from + (to - from) * left / inside;
    left -= inside;
  }
  return BOUNDS_MS.at(-1) ?? null;
}
