/**
 * What the status says of calls, action by action.
 * @module
 */

import type { CallStatsReport } from "../../api/mod.ts";
import { type CallCounters, type CallStats, showPath } from "../../service/mod.ts";

/** Of so many actions the status tells; the metrics have all that are counted. */
const MAX_REPORTED = 64;

/** @param now by the clock that calls go by @returns the busiest actions, those that are called most often now first */
export function callStatsReport({ caller, provider }: CallStats, now: number): readonly CallStatsReport[] {
  return [...reports(caller, "caller", now), ...reports(provider, "provider", now)]
    .sort((a, b) => b.rate - a.rate || b.calls - a.calls)
    .slice(0, MAX_REPORTED);
}

function reports(counters: CallCounters, side: CallStatsReport["side"], now: number): CallStatsReport[] {
  return Array.from(
    counters.entries(),
    ([path, action]) => {
      const { calls, errors, rate, errorRate, p50Ms, p99Ms } = action.figures(now);
      const lately = {
        ...{ rate: rounded(rate), errorRate: rounded(errorRate) },
        ...{ p50Ms: rounded(p50Ms), p99Ms: rounded(p99Ms) },
      };
      return { ...partsOf(path), side, calls, errors, ...lately };
    },
  );
}

function rounded<Value extends number | null>(value: Value): Value {
  return value === null ? value : Math.round(value * 1_000) / 1_000 as Value;
}

/** @param path `service/action`, with its network @returns its parts as people write them */
export function partsOf(path: string): { readonly service: string; readonly action: string } {
  const at = path.lastIndexOf("/");
  return { service: showPath(path.slice(0, Math.max(at, 0))), action: path.slice(at + 1) };
}
