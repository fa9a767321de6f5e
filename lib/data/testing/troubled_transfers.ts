/**
 * Transfers between two places of one engine that several nodes have, in two phases, each step of them at any of these nodes:
 * clients die in the middle, and the nodes end what they have left open.
 * @module
 */

import assert from "node:assert/strict";
import { type Clock, silentLogger, type Timers } from "../../base/mod.ts";
import type { DataEngine, PrepareRequest, TransactionStore } from "../engine.ts";
import { DataError } from "../errors.ts";
import { servedPlaces, TransactionResolver } from "../shards/transactions/mod.ts";
import type { TroubledRun } from "./troubled_run.ts";

const PLACES = ["east", "west"] as const;
const ACCOUNTS = 3;
const AMOUNT = 100;
const CLIENTS = 3;
/** One step in so many is the last of its client. */
const DEATHS = 12;
/** By then all that was left open has ended: parts ask some seconds after they were prepared. */
const ENDED_MS = 120_000;

/** What became of transfers. */
export interface SeenTransfers {
  /** Those that were said to have happened. */
  readonly happened: number;
  /** Those whose client has not heard whether. */
  readonly unknown: number;
}

/** Makes the accounts. */
export async function prepareTransfers(run: TroubledRun): Promise<void> {
  const [engine] = run.engines.map((find) => find());
  assert.ok(engine);
  for (const name of PLACES) {
    await engine.create({ name, key: "id", index: [] });
    const writes = Array.from(
      { length: ACCOUNTS },
      (_, id) => ({ kind: "put", collection: name, value: { id: `${id}`, amount: AMOUNT } }) as const,
    );
    await engine.commit({ reads: [], writes });
  }
}

/** Some clients move money from east to west, while each node ends what is left open. */
export async function runTransfers(
  run: TroubledRun,
  parts: { readonly timers: Timers; readonly clock: Clock },
): Promise<SeenTransfers> {
  const stop = resolveAll(run, parts);
  let [happened, unknown, count] = [0, 0, 0];
  const client = async (name: number) => {
    for (let i = 0; i < run.operations; i++) {
      await run.sleep(run.draw(400));
      const outcome = await transfer(run, `${name}-${count++}`, `c${name}`).catch(() => "unknown" as const);
      if (outcome === "happened") happened++;
      if (outcome === "unknown") unknown++;
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, name) => client(name)));
  stop();
  return { happened, unknown };
}

/** Nothing is open any more, no money was lost, and what was said to have happened has. */
export async function checkTransfers(
  run: TroubledRun,
  { happened, unknown }: SeenTransfers,
  parts: { readonly timers: Timers; readonly clock: Clock },
  seed: number | string,
): Promise<void> {
  const stop = resolveAll(run, parts);
  const until = run.now() + ENDED_MS;
  const isOpen = async () => {
    for (const find of run.engines) {
      for (const place of PLACES) {
        if ((await storeOf(find()).open(place).catch(() => [undefined])).length > 0) return true;
      }
    }
    return false;
  };
  while (await isOpen()) {
    assert.ok(run.now() < until, `seed ${seed}: transactions are open`);
    await run.sleep(500);
  }
  stop();
  const keys = Array.from({ length: ACCOUNTS }, (_, id) => `${id}`);
  for (const [at, find] of run.engines.entries()) {
    const [east = NaN, west = NaN] = await Promise.all(PLACES.map(async (place) => {
      const entries = await find().get(place, keys);
      return entries.reduce((sum, entry) => sum + Number(entry?.value["amount"]), 0);
    }));
    assert.equal(east + west, 2 * ACCOUNTS * AMOUNT, `seed ${seed}, node ${at}: ${east} and ${west}`);
    const moved = west - ACCOUNTS * AMOUNT;
    assert.ok(
      moved >= happened && moved <= happened + unknown,
      `seed ${seed}: ${moved}, ${happened}, ${unknown}`,
    );
  }
}

async function transfer(
  run: TroubledRun,
  id: string,
  origin: string,
): Promise<"happened" | "failed" | "unknown"> {
  const of = { id, attempt: `attempt-${id}-${run.draw(1 << 30)}` };
  const store = () => storeOf((run.engines[run.draw(run.engines.length)] ?? assert.fail())());
  let isDead = false;
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    if (run.draw(DEATHS) === 0) isDead = true;
    if (isDead) throw new DataError("OwnerAway", "The client has died");
    await run.sleep(run.draw(40));
    return await work();
  };
  const key = `${run.draw(ACCOUNTS)}`;
  const partOf = async (collection: string, by: number): Promise<PrepareRequest> => {
    const engine = (run.engines[run.draw(run.engines.length)] ?? assert.fail())();
    const [entry] = await engine.get(collection, [key]);
    const amount = Number(entry?.value["amount"]) + by;
    const commit = {
      reads: [{ collection, key, revision: entry?.revision ?? 0 }],
      writes: [{ kind: "put", collection, value: { id: key, amount } }],
    } as const;
    return { ...of, origin, record: { collection: "east" }, commit };
  };
  const places = PLACES.map((collection) => ({ collection }));
  let isSent = false;
  try {
    await step(() => store().openRecord("east", { ...of, origin, places }));
    for (const [place, by] of [["east", -1], ["west", 1]] as const) {
      await step(async () => store().prepare(place, await partOf(place, by)));
    }
    const decided = await step(() => {
      isSent = true;
      return store().decide("east", of, origin);
    });
    if (decided === "rolled-back") return "failed";
  } catch {
    if (isSent) return "unknown";
    for (const place of PLACES) await step(() => store().finish(place, of, "rolled-back")).catch(() => {});
    // Who can't say so leaves it to the nodes, which may say anything but that it has happened.
    await step(() => store().outcome("east", of)).catch(() => {});
    return "failed";
  }
  for (const place of PLACES) {
    await step(() => store().finish(place, of, "committed", origin)).catch(() => {});
  }
  return "happened";
}

/** @returns what ends that */
function resolveAll(
  run: TroubledRun,
  { timers, clock }: { readonly timers: Timers; readonly clock: Clock },
): () => void {
  const resolvers = run.engines.map((find) => {
    const resolver = new TransactionResolver({
      ...{ clock, timers, log: silentLogger },
      served: () => servedPlaces(find().prepared, []),
      async call({ collection }, action, params) {
        const of = params as { readonly id: string; readonly attempt: string };
        const store = storeOf((run.engines[run.draw(run.engines.length)] ?? assert.fail())());
        if (action === "outcome") return { outcome: await store.outcome(collection, of) };
        const open = await store.open(collection);
        return {
          isPrepared: open.some(({ state, attempt }) => state === "prepared" && attempt === of.attempt),
        };
      },
    });
    resolver.start();
    return resolver;
  });
  return () => {
    for (const resolver of resolvers) resolver.close();
  };
}

function storeOf({ prepared }: DataEngine): TransactionStore {
  return prepared ?? assert.fail();
}
