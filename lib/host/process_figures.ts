/**
 * What this process takes of its host.
 * @module
 */

import type { Timers } from "../base/mod.ts";

/** What a process takes; what the system does not tell is absent. */
export interface ProcessFigures {
  /** Processor time of all threads, in seconds. */
  readonly cpuSeconds: number;
  readonly residentMemoryBytes: number;
  /** Seconds since 1970. */
  readonly startTimeSeconds: number;
  readonly virtualMemoryBytes?: number;
  readonly openFds?: number;
  readonly maxFds?: number;
}

/** @returns what this process takes now; on Linux as /proc says (proc(5)) */
export function processFigures(): ProcessFigures {
  // By its global name, which loads nothing before somebody asks.
  const { user, system } = globalThis.process.cpuUsage();
  const status = read("/proc/self/status");
  const virtualKilobytes = /^VmSize:\s+(\d+) kB$/m.exec(status)?.[1];
  const files = /^Max open files\s+(\d+)/m.exec(read("/proc/self/limits"))?.[1];
  const openFds = countFds();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentMemoryBytes: Deno.memoryUsage().rss,
    startTimeSeconds: performance.timeOrigin / 1_000,
    ...virtualKilobytes !== undefined && { virtualMemoryBytes: Number(virtualKilobytes) * 1_024 },
    ...openFds !== undefined && { openFds },
    ...files !== undefined && { maxFds: Number(files) },
  };
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // Another system, or a sandbox without /proc.
    return "";
  }
}

function countFds(): number | undefined {
  try {
    // Without the one that lists them.
    return [...Deno.readDirSync("/proc/self/fd")].length - 1;
  } catch {
    return undefined;
  }
}

/** The upper bounds of the buckets of `LoopLag`, in seconds. */
export const LAG_BOUNDS_SECONDS: readonly number[] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

const SAMPLE_MS = 1_000;

/** How late timers come: once a second it is looked how long the event loop was busy with something else. */
export class LoopLag implements Disposable {
  readonly #buckets = LAG_BOUNDS_SECONDS.map(() => 0).concat(0);
  readonly #timers: Timers;
  readonly #now: () => number;
  #sumSeconds = 0;
  #cancel: () => void;

  /** @param now in milliseconds */
  constructor(timers: Timers, now: () => number) {
    this.#timers = timers;
    this.#now = now;
    this.#cancel = this.#wait();
  }

  /** @returns how late they were, since the start */
  snapshot(): {
    readonly boundsSeconds: readonly number[];
    readonly buckets: readonly number[];
    readonly count: number;
    readonly sumSeconds: number;
  } {
    const buckets = [...this.#buckets];
    const count = buckets.reduce((sum, one) => sum + one, 0);
    return { boundsSeconds: LAG_BOUNDS_SECONDS, buckets, count, sumSeconds: this.#sumSeconds };
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }

  #wait(): () => void {
    const dueAt = this.#now() + SAMPLE_MS;
    return this.#timers.setTimer(SAMPLE_MS, () => {
      const lateSeconds = Math.max(0, this.#now() - dueAt) / 1_000;
      const at = LAG_BOUNDS_SECONDS.findIndex((bound) => lateSeconds <= bound);
      const bucket = at < 0 ? LAG_BOUNDS_SECONDS.length : at;
      this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
      this.#sumSeconds += lateSeconds;
      this.#cancel = this.#wait();
    });
  }
}
