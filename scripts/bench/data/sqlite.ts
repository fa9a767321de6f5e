/**
 * SQLite by hand in the benchmark's own process, as a program would use it that has all of its data there: what comes in one
 * turn of the event loop is one transaction.
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers";
import type { BenchValue, Contender } from "./contenders.ts";

/** In the same process, without a network. */
export const sqlite: Contender = {
  name: "SQLite in the process",
  open(stack, folder) {
    const database = new DatabaseSync(`${folder}/sqlite.db`);
    stack.defer(() => database.close());
    database.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT NOT NULL);
      CREATE TABLE jobs (number INTEGER PRIMARY KEY AUTOINCREMENT, leased INTEGER NOT NULL DEFAULT 0, value TEXT NOT NULL);
      CREATE INDEX jobs_ready ON jobs (leased, number);
    `);
    const put = database.prepare(
      "INSERT INTO entries VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    );
    const get = database.prepare("SELECT value FROM entries WHERE key = ?");
    const push = database.prepare("INSERT INTO jobs (value) VALUES (?)");
    const next = database.prepare("SELECT number, value FROM jobs WHERE leased = 0 ORDER BY number LIMIT ?");
    const lease = database.prepare("UPDATE jobs SET leased = 1 WHERE number = ?");
    const done = database.prepare("DELETE FROM jobs WHERE number = ?");
    const read = (key: string): BenchValue => JSON.parse(String(get.get(key)?.["value"]));
    const write = (value: BenchValue) => void put.run(value.id, JSON.stringify(value));
    const commit = groupCommit(database);
    let wake = () => {};
    return Promise.resolve({
      put: (value) => commit(() => write(value)),
      get: (id) => Promise.resolve(read(id)),
      transfer: (from, to) =>
        commit(() => {
          const [one, other] = [read(from), read(to)];
          write({ ...one, count: one.count - 1 });
          write({ ...other, count: other.count + 1 });
        }),
      queue: {
        push: (value) => commit(() => void push.run(JSON.stringify(value))).then(() => wake()),
        work(concurrency, handle) {
          let isOver = false;
          const run = async () => {
            while (!isOver) {
              const ready = new Promise<void>((resolve) => wake = resolve);
              const rows = await commit(() => {
                const rows = next.all(concurrency);
                for (const row of rows) lease.run(row["number"] as number);
                return rows;
              });
              if (rows.length === 0) {
                await ready;
                continue;
              }
              for (const row of rows) handle(JSON.parse(String(row["value"])));
              await commit(() => rows.forEach((row) => void done.run(row["number"] as number)));
            }
          };
          const ended = run();
          return Promise.resolve({
            async [Symbol.asyncDispose]() {
              isOver = true;
              wake();
              await ended;
            },
          });
        },
      },
    });
  },
};

/** @returns what does work together with all other work of the same turn of the event loop, and settles when it is durable */
function groupCommit(database: DatabaseSync): <T>(work: () => T) => Promise<T> {
  let waiting: (() => () => void)[] = [];
  const flush = () => {
    const group = waiting;
    waiting = [];
    database.exec("BEGIN IMMEDIATE");
    const ends = group.map((work) => work());
    database.exec("COMMIT");
    for (const end of ends) end();
  };
  return (work) =>
    new Promise((resolve) => {
      if (
        waiting.push(() => {
          const result = work();
          return () => resolve(result);
        }) === 1
      ) setImmediate(flush);
    });
}
