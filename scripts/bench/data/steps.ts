/**
 * What is measured of a system that keeps collections and queues.
 * @module
 */

import type { Row } from "../samples.ts";
import { afterMs, callInTurn } from "../services/load.mjs";
import type { BenchQueue, BenchValue, DataBench } from "./contenders.ts";

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
  /** Whether a system can be measured so. */
  readonly suits: (bench: DataBench) => boolean;
  run(bench: DataBench, ms: number, note: Note): Promise<void>;
}

let puts = 1_000_000;

/** All of them. */
export const STEPS: readonly Step[] = IN_FLIGHT.flatMap((inFlight) => [
  // Something else each time: SQLite writes nothing where all bytes are the same.
  step("put", inFlight, (bench) => bench.put({ ...valueOf(draw()), count: puts++ })),
  step("get", inFlight, (bench) => bench.get(`k${draw()}`)),
  // Of accounts that others seldom touch at the same time; where there are shards, of one of them.
  step("transaction of two", inFlight, (bench) => transferOf(bench)(...drawTwo(bench, true)), mayTransfer),
  step(
    "transaction over two shards",
    inFlight,
    (bench) => transferOf(bench)(...drawTwo(bench, false)),
    (bench) => mayTransfer(bench) && bench.shards !== undefined,
  ),
  queueStep(inFlight),
  watchStep(inFlight),
]);

/** Writes all values, so that there is something to read, and has what is measured compiled. */
export async function fill(bench: DataBench): Promise<void> {
  for (let i = 0; i < KEYS; i += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, n) => bench.put(valueOf(i + n))));
  }
  const perCount = STEPS.length / IN_FLIGHT.length;
  for (const { suits, run } of STEPS.slice(perCount, 2 * perCount)) {
    if (suits(bench)) await run(bench, 500, () => {});
  }
}

function transferOf({ transfer }: DataBench): NonNullable<DataBench["transfer"]> {
  if (transfer === undefined) throw new Error("there are no transactions");
  return transfer;
}

function mayTransfer({ transfer }: DataBench): boolean {
  return transfer !== undefined;
}

/** @returns two keys @param isTogether whether one shard has both, where there are shards */
function drawTwo({ shards }: DataBench, isTogether: boolean): [string, string] {
  for (;;) {
    const from = draw();
    const keys: [string, string] = [`k${from}`, `k${(from + 1 + draw() % (KEYS - 1)) % KEYS}`];
    if (shards === undefined || (shards.of(keys[0]) === shards.of(keys[1])) === isTogether) return keys;
  }
}

function draw(): number {
  return Math.floor(Math.random() * KEYS);
}

function valueOf(i: number): BenchValue {
  return { id: `k${i}`, count: i, text: TEXT };
}

function step(
  what: string,
  inFlight: number,
  call: (bench: DataBench) => Promise<unknown>,
  suits: Step["suits"] = () => true,
): Step {
  return { ...measured(`${what}, ${inFlight} in flight`, inFlight, (bench) => () => call(bench)), suits };
}

/** From a push to the handler; the acknowledgement is the worker's, and the next message waits for it. */
function queueStep(inFlight: number): Step {
  const of = ({ queue }: DataBench): BenchQueue => {
    if (queue === undefined) throw new Error("there is no queue");
    return queue;
  };
  return heardStep(
    `queue: push to handler, ${inFlight} in flight`,
    inFlight,
    ({ queue }) => queue !== undefined,
    (bench, heard) => of(bench).work(inFlight, ({ count }) => heard(count)),
    (bench, count) => of(bench).push({ id: `m${count}`, count, text: TEXT }),
  );
}

/** From a put to one who watches. */
function watchStep(inFlight: number): Step {
  return heardStep(
    `watch: put to change, ${inFlight} in flight`,
    inFlight,
    ({ watch }) => watch !== undefined,
    (bench, heard) => {
      if (bench.watch === undefined) throw new Error("there is no watch");
      return bench.watch(({ count }) => heard(count));
    },
    (bench, count) => bench.put({ ...valueOf(draw()), count }),
  );
}

/** From sending something to hearing of it, told by its count. */
function heardStep(
  what: string,
  inFlight: number,
  suits: Step["suits"],
  listen: (bench: DataBench, heard: (count: number) => void) => Promise<AsyncDisposable>,
  send: (bench: DataBench, count: number) => Promise<unknown>,
): Step {
  let last = 1_000_000;
  return {
    what,
    suits,
    async run(bench, ms, note) {
      const waiting = new Map<number, () => void>();
      await using _listening = await listen(bench, (count) => {
        waiting.get(count)?.();
        waiting.delete(count);
      });
      const sendOne = async () => {
        const count = last++;
        const isHeard = new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`${count} was not heard of`)), DELIVERY_BOUND_MS);
          waiting.set(count, () => {
            clearTimeout(timer);
            resolve();
          });
        });
        await Promise.all([send(bench, count), isHeard]);
      };
      await measured(what, inFlight, () => sendOne).run(bench, ms, note);
    },
  };
}

function measured(
  what: string,
  inFlight: number,
  callOf: (bench: DataBench) => () => Promise<unknown>,
): Omit<Step, "suits"> {
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
