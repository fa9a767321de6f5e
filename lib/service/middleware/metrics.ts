/**
 * Counting calls and events, and how long they take.
 * @module
 */

import type { Environment } from "../../base/mod.ts";
import type { ActionHook, EventHook, Middleware, PublishHook, RequestHook } from "../middleware_chain.ts";
import { codeOf } from "./logging.ts";

/** What goes through is counted by these. */
type Kind = "request" | "action" | "publish" | "event";

interface Series {
  readonly kind: Kind;
  readonly path: string;
  /** By the code of the failure; `OK` for what went well. */
  readonly outcomes: Map<string, number>;
  /** How many took at most as long as each bound, and longer than the one before; the last are longer than all. */
  readonly buckets: number[];
  seconds: number;
  count: number;
}

/** Counters of calls and events, for whoever scrapes them. */
export interface MetricsMiddleware extends Middleware {
  /** Shows what was counted. @returns all counters, in Prometheus' text format 0.0.4 */
  prometheus(): string;
  /** Looks one counter up. @returns how often something ended so; `OK` for what went well */
  count(kind: "request" | "action" | "publish" | "event", path: string, outcome?: string): number;
}

/** In seconds. */
const BOUNDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10];
/** Paths that come later are counted together. */
const MAX_PATHS = 1_024;
/** Codes of handlers' own that come later are counted together. */
const MAX_CODES = 32;
const OTHER = "(other)";

/**
 * Counts what a node calls (`request`), serves (`action`), publishes and handles (`event`) by path and outcome, with a
 * histogram of how long each took.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { metrics, Node } from "@weft/mesh";
 * const stateDir = await Deno.makeTempDir();
 * const counted = metrics();
 * const node = await Node.lead({ name: "shop", stateDir, middleware: [counted] });
 * await node.addService({ path: "math", actions: { add: ({ a, b }: { a: number; b: number }) => a + b } });
 * await node.request("math/add", { a: 1, b: 2 });
 * assert.equal(counted.count("action", "math/add"), 1);
 * assert.ok(counted.prometheus().includes('weft_service_total{kind="action",path="math/add",outcome="OK"} 1'));
 * await node.stop();
 * await Deno.remove(stateDir, { recursive: true });
 * ```
 */
export function metrics(): MetricsMiddleware {
  return new CallMetrics();
}

class CallMetrics implements MetricsMiddleware {
  readonly #series = new Map<string, Series>();

  readonly request: RequestHook = ({ path }, next, environment) =>
    this.#count("request", path, environment, next);
  readonly publish: PublishHook = ({ topic }, next, environment) =>
    this.#count("publish", topic, environment, next);
  readonly action: ActionHook = ({ service, action }, next, environment) =>
    this.#count("action", `${service}/${action}`, environment, next);
  readonly event: EventHook = ({ event }, next, environment) =>
    this.#count("event", event.topic, environment, next);

  count(kind: Kind, path: string, outcome = "OK"): number {
    return this.#series.get(`${kind} ${path}`)?.outcomes.get(outcome) ?? 0;
  }

  prometheus(): string {
    const totals: string[] = [];
    const times: string[] = [];
    for (const { kind, path, outcomes, buckets, seconds, count } of this.#series.values()) {
      const labels = `kind="${kind}",path="${escape(path)}"`;
      for (const [outcome, total] of outcomes) {
        totals.push(`weft_service_total{${labels},outcome="${escape(outcome)}"} ${total}`);
      }
      let sum = 0;
      for (const [i, bound] of BOUNDS.entries()) {
        sum += buckets[i] ?? 0;
        times.push(`weft_service_duration_seconds_bucket{${labels},le="${bound}"} ${sum}`);
      }
      times.push(`weft_service_duration_seconds_bucket{${labels},le="+Inf"} ${count}`);
      times.push(`weft_service_duration_seconds_sum{${labels}} ${seconds}`);
      times.push(`weft_service_duration_seconds_count{${labels}} ${count}`);
    }
    return [
      "# HELP weft_service_total Calls and events that ended, by outcome.",
      "# TYPE weft_service_total counter",
      ...totals,
      "# HELP weft_service_duration_seconds How long calls and events took.",
      "# TYPE weft_service_duration_seconds histogram",
      ...times,
      "",
    ].join("\n");
  }

  async #count<T>(kind: Kind, path: string, { clock }: Environment, next: () => Promise<T>): Promise<T> {
    const startedAt = clock.now();
    const series = this.#seriesOf(kind, path);
    let outcome = "OK";
    try {
      return await next();
    } catch (error) {
      outcome = codeOf(error);
      throw error;
    } finally {
      const seconds = (clock.now() - startedAt) / 1_000;
      const at = BOUNDS.findIndex((bound) => seconds <= bound);
      const bucket = at < 0 ? BOUNDS.length : at;
      series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
      series.seconds += seconds;
      series.count++;
      const { outcomes } = series;
      const key = outcomes.has(outcome) || outcomes.size < MAX_CODES ? outcome : OTHER;
      outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
    }
  }

  #seriesOf(kind: Kind, path: string): Series {
    const known = this.#series.get(`${kind} ${path}`);
    if (known !== undefined) return known;
    if (path !== OTHER && this.#series.size >= MAX_PATHS) return this.#seriesOf(kind, OTHER);
    const series = {
      kind,
      path,
      outcomes: new Map<string, number>(),
      buckets: BOUNDS.map(() => 0),
      seconds: 0,
      count: 0,
    };
    this.#series.set(`${kind} ${path}`, series);
    return series;
  }
}

/** As the text format has values of labels. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
