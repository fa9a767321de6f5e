/**
 * Clients of engines that share what they keep, while there is trouble, and whether what they saw could have been.
 * @module
 */

import assert from "node:assert/strict";
import type { Change, DataEngine, Write } from "../engine.ts";
import { DataError } from "../errors.ts";
import { type Operation, whyNotLinearizable } from "./history.ts";

/** Who is asked, and what passes meanwhile. */
export interface TroubledRun {
  /** The engine of each node, as it is now. */
  readonly engines: readonly (() => DataEngine)[];
  /** Milliseconds of one clock. */
  readonly now: () => number;
  readonly sleep: (delayMs: number) => Promise<void>;
  /** @returns a whole number below another one */
  readonly draw: (below: number) => number;
  /** How much each client does. */
  readonly operations: number;
}

const ACCOUNTS = 5;
const START = 100;
const CLIENTS_PER_NODE = 4;
/** So many are read at once. */
const CHANGES = 1_000;
/** Nothing here lasts longer. */
const ATTEMPTS = 2_000;

/** Makes what the clients use. */
export async function prepareRun({ engines: [engine] }: TroubledRun): Promise<void> {
  assert.ok(engine !== undefined);
  for (const name of ["items", "accounts", "moves"]) await engine().create({ name, key: "id", index: [] });
  await engine().commit({
    reads: [],
    writes: Array.from({ length: ACCOUNTS }, (_, i) => put("accounts", { id: `${i}`, amount: START })),
  });
}

/** Reads, writes and moves amounts, until each client has done its part. @returns what was seen, and the ids of the moves */
export async function runClients(run: TroubledRun): Promise<{ history: Operation[]; moves: string[] }> {
  const history: Operation[] = [];
  const moves: string[] = [];
  const clients = run.engines.flatMap((engine, node) =>
    Array.from({ length: CLIENTS_PER_NODE }, async (_, lane) => {
      for (let i = 0; i < run.operations; i++) {
        const name = `${node}-${lane}-${i}`;
        if (run.draw(3) === 0) {
          await move(run, engine, name);
          moves.push(name);
        } else history.push(await readOrWrite(run, engine, name));
        await run.sleep(run.draw(20));
      }
    })
  );
  await Promise.all(clients);
  return { history, moves };
}

/** Checks that entries were linearizable, that amounts were moved as a whole and once, and that all nodes have the same. */
export async function checkRun(
  run: TroubledRun,
  { history, moves }: { history: Operation[]; moves: string[] },
  seed: number | string,
): Promise<void> {
  const kept = await Promise.all(run.engines.map(async (engine) => {
    await whenReached(run, engine);
    return await allChanges(engine());
  }));
  const [first = []] = kept.toSorted((a, b) => b.length - a.length);
  const changes = first.map(({ key, revision, new: value }) => ({ key, revision, value }));
  assert.equal(whyNotLinearizable(history, changes), undefined, `seed ${seed}`);
  for (const engine of run.engines) {
    const accounts = await engine().list("accounts", { limit: 100 });
    const total = accounts.reduce((sum, { value }) => sum + Number(value["amount"]), 0);
    assert.equal(total, ACCOUNTS * START, `seed ${seed}`);
    assert.equal((await engine().describe("moves")).count, moves.length, `seed ${seed}`);
    assert.deepEqual(
      await engine().list("items", { limit: 100 }),
      await run.engines[0]?.().list("items", { limit: 100 }),
    );
    for (const id of moves.slice(-5)) assert.equal(await engine().transaction(id), "committed");
  }
  assert.ok(
    history.filter(({ revision }) => revision !== undefined).length > history.length / 2,
    `seed ${seed}`,
  );
}

async function allChanges(engine: DataEngine): Promise<readonly Change[]> {
  const all: Change[] = [];
  for (;;) {
    const part = await engine.changes("items", all.at(-1)?.revision ?? 0, CHANGES);
    if (part.length === 0) return all;
    all.push(...part);
  }
}

/** Waits until an engine has read all there is. */
async function whenReached({ sleep }: TroubledRun, engine: () => DataEngine): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      await engine().describe("items");
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await sleep(50);
    }
  }
}

async function readOrWrite(
  { now, draw }: TroubledRun,
  engine: () => DataEngine,
  by: string,
): Promise<Operation> {
  const key = `k${draw(2)}`;
  const begin = now();
  const value = { id: key, by };
  const isRead = draw(5) < 2;
  try {
    if (isRead) {
      const [entry] = await engine().get("items", [key]);
      return { key, kind: "read", begin, end: now(), value: entry?.value, revision: entry?.revision ?? 0 };
    }
    const { revisions } = await engine().commit({ reads: [], writes: [put("items", value)] });
    return { key, kind: "write", begin, end: now(), value, revision: revisions[0] };
  } catch (error) {
    assert.ok(error instanceof DataError, String(error));
    return { key, kind: isRead ? "read" : "write", begin, end: Infinity, value, revision: undefined };
  }
}

/** Moves one from an account to another, and notes it; under its id until it is known to have happened. */
async function move(run: TroubledRun, engine: () => DataEngine, id: string): Promise<void> {
  const from = `${run.draw(ACCOUNTS)}`;
  const to = `${(Number(from) + 1 + run.draw(ACCOUNTS - 1)) % ACCOUNTS}`;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    try {
      const entries = await engine().get("accounts", [from, to]);
      const [less, more] = entries.map((entry) => Number(entry?.value["amount"]));
      await engine().commit({
        id,
        reads: entries.map((entry) => ({
          ...{ collection: "accounts", key: entry?.key ?? "", revision: entry?.revision ?? 0 },
        })),
        writes: [
          put("accounts", { id: from, amount: (less ?? NaN) - 1 }),
          put("accounts", { id: to, amount: (more ?? NaN) + 1 }),
          { kind: "post", collection: "moves", value: { id } },
        ],
      });
      return;
    } catch (error) {
      assert.ok(error instanceof DataError, String(error));
      assert.ok(["Conflict", "OwnerAway", "OutcomeUnknown"].includes(error.code), error.message);
      await run.sleep(10 + run.draw(50));
    }
  }
  assert.fail(`${id} never came to its end`);
}

function put(collection: string, value: { readonly [name: string]: string | number }): Write {
  return { kind: "put", collection, value };
}
