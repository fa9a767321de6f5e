/**
 * What is measured of a system that keeps collections and queues.
 * @module
 */

import type { Row } from "../samples.ts";
import { afterMs, callInTurn } from "../services/load.mjs";
import type { BenchValue, DataBench } from "./contenders.ts";

const IN_FLIGHT = [1, 16, 256];
const KEYS = 1_000;
const TEXT = "x".repeat(60);
/** In which a delivery has to come. */
const DELIVERY_BOUND_MS = 30_000;

/** The tables that the values of the steps go to, by the head of each. */
export const TABLES = {
  rate: "operations a second",
  p50: "latency, median",
  p99: "latency, 99th percentile",
} as const;
/** Takes a value. */
export type Note = (table: keyof typeof TABLES, row: Omit<Row, "values">, value: number) => void;

/** One measurement. */
export interface Step {
  readonly what: string;
  run(bench: DataBench, ms: number, note: Note): Promise<void>;
}

/** All of them. */
export const STEPS: readonly Step[] = IN_FLIGHT.flatMap((inFlight) => [
  step("put", inFlight, (bench) => bench.put(valueOf(draw()))),
  step("get", inFlight, (bench) => bench.get(`k${draw()}`)),
  // Of accounts that others seldom touch at the same time.
  step("transaction of two", inFlight, (bench) => {
    const from = draw();
    return bench.transfer(`k${from}`, `k${(from + 1 + draw() % (KEYS - 1)) % KEYS}`);
  }),
  queueStep(inFlight),
]);

/** Writes all values, so that there is something to read, and has what is measured compiled. */
export async function fill(bench: DataBench): Promise<void> {
  for (let i = 0; i < KEYS; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, n) => bench.put(valueOf(i + n))));
  }
  for (const { run } of STEPS.slice(4, 8)) await run(bench, 500, () => {});
}

function draw(): number {
  return Math.floor(Math.random() * KEYS);
}

function valueOf(i: number): BenchValue {
  return { id: `k${i}`, count: i, text: TEXT };
}

function step(what: string, inFlight: number, call: (bench: DataBench) => Promise<unknown>): Step {
  return measured(`${what}, ${inFlight} in flight`, inFlight, (bench) => () => call(bench));
}

/** From a push to the handler; the acknowledgement is the worker's, and the next message waits for it. */
function queueStep(inFlight: number): Step {
  const what = `queue: push to handler, ${inFlight} in flight`;
  let last = 0;
  return {
    what,
    async run(bench, ms, note) {
      const waiting = new Map<string, () => void>();
      await using _worker = await bench.work(inFlight, ({ id }) => {
        waiting.get(id)?.();
        waiting.delete(id);
      });
      const push = async () => {
        const id = `m${last++}`;
        const handled = new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`${id} was not delivered`)), DELIVERY_BOUND_MS);
          waiting.set(id, () => {
            clearTimeout(timer);
            resolve();
          });
        });
        await Promise.all([bench.push({ id, count: 0, text: TEXT }), handled]);
      };
      await measured(what, inFlight, () => push).run(bench, ms, note);
    },
  };
}

function measured(
  what: string,
  inFlight: number,
  callOf: (bench: DataBench) => () => Promise<unknown>,
): Step {
  return {
    what,
    async run(bench, ms, note) {
      const { completed, elapsedMs, p50Ms, p99Ms } = await callInTurn(callOf(bench), inFlight, afterMs(ms));
      note("rate", { what, unit: "/s" }, completed * 1_000 / elapsedMs);
      note("p50", { what, unit: "ms", digits: 2 }, p50Ms);
      note("p99", { what, unit: "ms", digits: 2 }, p99Ms);
    },
  };
}
