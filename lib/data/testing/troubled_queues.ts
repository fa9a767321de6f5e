/**
 * Pushers and workers of a queue that nodes share, while there is trouble, and whether the queue has kept what it promises.
 * @module
 */

import assert from "node:assert/strict";
import type { DataEngine } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { Delivery, QueueEngine, QueueSpec } from "../queue_engine.ts";
import { type PushedMessage, type QueueHistory, whyNotKept } from "./queue_history.ts";
import type { TroubledRun } from "./troubled_run.ts";

const JOBS: QueueSpec = {
  ...{ name: "jobs", maxAttempts: 1_000, leaseMs: 600, maxLeaseMs: 2_000, backoffMs: 20, maxBackoffMs: 100 },
  maxLength: 10_000,
};
/** What is delayed so long is there at the end. */
const LATE_MS = 86_400_000;
const IDLE_MS = 30;
/** Nothing here lasts longer. */
const ATTEMPTS = 4_000;

/** Makes what they use. */
export async function prepareQueues({ engines: [engine] }: TroubledRun): Promise<void> {
  assert.ok(engine !== undefined);
  await engine().create({ name: "effects", key: "id", index: [] });
  await queuesOf(engine()).create(JOBS);
}

/** Pushes and works until all that is due is done. @returns what was seen */
export async function runQueues(run: TroubledRun): Promise<QueueHistory> {
  const [pushes, begun]: [PushedMessage[], string[]] = [[], []];
  let isOver = false;
  const working = run.engines.map(async (engine, node) => {
    while (!isOver) await workOnce(run, engine, `w${node}`, begun);
  });
  await Promise.all(run.engines.map(async (engine, node) => {
    for (let i = 0; i < run.operations; i++) {
      const id = `${node}-${i}`;
      const orderKey = i % 3 === 0 ? undefined : `k${node}${i % 2}`;
      // Each is pushed until it is answered, or given up.
      const message = { value: id, id, ...orderKey !== undefined && { orderKey } };
      const number = await persisted(
        run,
        async () => (await queuesOf(engine()).push("jobs", [message]))[0]?.number,
      );
      pushes.push({ id, orderKey, number });
      if (i % 8 === 0) {
        const late = { value: `late-${id}`, id: `late-${id}`, delayMs: LATE_MS };
        await persisted(run, () => queuesOf(engine()).push("jobs", [late]));
      }
      await run.sleep(run.draw(30));
    }
  }));
  const [engine] = run.engines;
  assert.ok(engine !== undefined);
  const left = run.engines.length * Math.ceil(run.operations / 8);
  for (let attempt = 0;; attempt++) {
    const { waiting, leased } = await persisted(run, () => queuesOf(engine()).describe("jobs"));
    if (waiting + leased === left) break;
    assert.ok(attempt < ATTEMPTS, `${waiting} wait and ${leased} are leased for ever`);
    await run.sleep(50);
  }
  isOver = true;
  await Promise.all(working);
  return { pushes, begun, effects: [], returned: [], dead: [], left: [] };
}

/** Checks that all was done, once and in order, and that all nodes have the same left. */
export async function checkQueues(
  run: TroubledRun,
  seen: QueueHistory,
  seed: number | string,
): Promise<void> {
  const states = await Promise.all(run.engines.map((engine) =>
    persisted(run, async () => [
      await queuesOf(engine()).describe("jobs"),
      await queuesOf(engine()).deadLetters("jobs", { limit: 10 }),
      await engine().list("effects", { limit: 1_000 }),
    ])
  ));
  for (const state of states) assert.deepEqual(state, states[0], `seed ${seed}`);
  const [engine] = run.engines;
  const entries = await engine?.().list("effects", { limit: 1_000 }) ?? [];
  const effects = entries.map(({ key, value, revision }) => ({
    id: key,
    count: Number(value["count"]),
    revision,
  }));
  assert.equal(whyNotKept({ ...seen, effects }, () => true), undefined, `seed ${seed}`);
  assert.ok(effects.length > 0 && seen.begun.length >= effects.length, `seed ${seed}: it was at work`);
}

async function workOnce(run: TroubledRun, engine: () => DataEngine, holder: string, begun: string[]) {
  try {
    const queues = queuesOf(engine());
    const [taken] = await queues.take("jobs", { holder, limit: 1 });
    if (taken === undefined) return await run.sleep(IDLE_MS);
    begun.push(String(taken.value));
    // Some take longer than the lease.
    if (run.draw(6) === 0) await run.sleep(run.draw(1_000));
    if (run.draw(8) === 0) {
      await queues.settle("jobs", holder, [{ kind: "failed", lease: taken.lease, error: "no luck" }]);
      return;
    }
    await finish(run, engine, holder, taken);
  } catch (error) {
    check(error);
    await run.sleep(IDLE_MS);
  }
}

/** Writes how often it was done, together with the end of the delivery. */
async function finish(
  run: TroubledRun,
  engine: () => DataEngine,
  holder: string,
  { lease, value }: Delivery,
) {
  const id = String(value);
  for (let attempt = 0; attempt < 20; attempt++) {
    try {
      const [before] = await engine().get("effects", [id]);
      const count = Number(before?.value["count"] ?? 0) + 1;
      await queuesOf(engine()).commit("jobs", holder, lease, {
        id: `done-${lease}`,
        reads: [{ collection: "effects", key: id, revision: before?.revision ?? 0 }],
        writes: [{ kind: "put", collection: "effects", value: { id, count } }],
      });
      return;
    } catch (error) {
      if (check(error) === "LeaseLost") return;
      await run.sleep(IDLE_MS);
    }
  }
}

async function persisted<Answer>({ sleep }: TroubledRun, work: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 0;; attempt++) {
    try {
      return await work();
    } catch (error) {
      check(error);
      assert.ok(attempt < ATTEMPTS, "it never came to its end");
      await sleep(IDLE_MS);
    }
  }
}

function check(error: unknown): string {
  assert.ok(error instanceof DataError, String(error));
  assert.ok(["Conflict", "OwnerAway", "OutcomeUnknown", "LeaseLost"].includes(error.code), error.message);
  return error.code;
}

function queuesOf({ queues }: DataEngine): QueueEngine {
  return queues ?? assert.fail("no queues");
}
