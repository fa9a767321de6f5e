/**
 * The messages of all queues in SQLite.
 *
 * ```
 *   queues    name | number | spec (JSON)
 *   messages  number | queue | state | due | origin | size | … | value      index (queue, state, due, number)
 *   pushes    the ids of messages that are gone
 * ```
 *
 * `waiting` is taken when it is due; `blocked` waits for the one before it that has its order key, so that of one key never
 * more than one is waiting or leased, and to find what is ready is one look into the index, however many are blocked. A
 * dead letter's `due` is its number. When leases end stands there where the queues go by the time of a log.
 *
 * @module
 */

import { MAX_KEPT_IDS, MAX_KEPT_IDS_OF_ALL } from "../../bounds.ts";
import { FORGET_ALL_EACH, FORGET_EACH } from "../commit_writer.ts";
import { boundLimit, type SqlDatabase, type SqlRow, type SqlStatement } from "../sql_database.ts";

/** Makes the tables where they are not there. */
const QUEUE_SCHEMA = `
  CREATE TABLE IF NOT EXISTS queues (name TEXT NOT NULL PRIMARY KEY, number INTEGER NOT NULL UNIQUE, spec TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, queue INTEGER NOT NULL, state INTEGER NOT NULL, due INTEGER NOT NULL,
    origin TEXT NOT NULL, size INTEGER NOT NULL, pushed INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    deliveries INTEGER NOT NULL DEFAULT 0, order_key TEXT, id TEXT, holder TEXT, lease_ms INTEGER, error TEXT, died INTEGER,
    value TEXT NOT NULL, lease_until INTEGER, lease_end INTEGER, nonce TEXT
  );
  CREATE INDEX IF NOT EXISTS messages_ready ON messages (queue, state, due, number, origin, size);
  CREATE INDEX IF NOT EXISTS messages_of_key ON messages (queue, order_key, state, number) WHERE order_key IS NOT NULL;
  CREATE UNIQUE INDEX IF NOT EXISTS messages_by_id ON messages (queue, id) WHERE id IS NOT NULL;
  CREATE TABLE IF NOT EXISTS pushes (
    number INTEGER PRIMARY KEY, queue INTEGER NOT NULL, id TEXT NOT NULL, origin TEXT NOT NULL, message INTEGER NOT NULL,
    UNIQUE (queue, id)
  );
  CREATE INDEX IF NOT EXISTS pushes_of ON pushes (origin, number);
  CREATE TABLE IF NOT EXISTS queue_time (
    one INTEGER PRIMARY KEY, at INTEGER NOT NULL, log_at INTEGER NOT NULL DEFAULT 0
  );
  INSERT OR IGNORE INTO queue_time (one, at) VALUES (1, 0);
`;

/** Columns that an earlier release has made the tables without. */
const ADDED = [
  ["messages", "lease_until", "INTEGER"],
  ["messages", "lease_end", "INTEGER"],
  ["messages", "nonce", "TEXT"],
  ["queue_time", "log_at", "INTEGER NOT NULL DEFAULT 0"],
] as const;

/** What has become of a message. */
export const STATES = { waiting: 0, blocked: 1, leased: 2, dead: 3 } as const;
/** One of `STATES`. */
export type MessageState = (typeof STATES)[keyof typeof STATES];

/** A message without its value. */
export interface MessageHead {
  readonly number: number;
  readonly state: MessageState;
  readonly origin: string;
  readonly sizeBytes: number;
  /** How often it was delivered in vain, or is delivered now. */
  readonly attempts: number;
  /** How often it was delivered at all: names the delivery. */
  readonly deliveries: number;
  readonly orderKey: string | undefined;
  readonly id: string | undefined;
  readonly holder: string | undefined;
  readonly leaseMs: number;
  /** When the lease ends, and when it ends however often it is renewed; undefined where that is not kept. */
  readonly leaseEnds: LeaseEnds | undefined;
}

/** When a lease ends. */
export interface LeaseEnds {
  readonly until: number;
  readonly untilAtMost: number;
}

/** A message as it is stored. */
export interface StoredMessage extends MessageHead {
  /** The JSON of its value. */
  readonly text: string;
  readonly pushedAt: number;
  readonly diedAt: number;
  readonly error: string;
  readonly nonce: string | undefined;
}

/** How many messages of one origin are in one state. */
export interface MessageCount {
  readonly queue: number;
  readonly state: MessageState;
  readonly origin: string;
  readonly count: number;
  readonly bytes: number;
}

const HEAD =
  "number, state, origin, size, attempts, deliveries, order_key, id, holder, lease_ms, lease_until, lease_end";
const WHOLE = `${HEAD}, value, pushed, died, error, nonce`;

/** Reads and writes messages; nothing here begins or ends a transaction. */
export class MessageTable {
  readonly #database: SqlDatabase;
  readonly #statements: Readonly<Record<keyof ReturnType<typeof statementTexts>, SqlStatement>>;

  /** Makes the tables where they are not there. */
  constructor(database: SqlDatabase) {
    this.#database = database;
    database.exec(QUEUE_SCHEMA);
    for (const [table, column, type] of ADDED) {
      const there = database.prepare(`PRAGMA table_xinfo(${table})`).all();
      if (there.some(({ name }) => name === column)) continue;
      database.exec(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
    }
    this.#statements = Object.fromEntries(
      Object.entries(statementTexts()).map(([name, sql]) => [name, database.prepare(sql)]),
    ) as never;
  }

  /** The time up to which messages were pushed or due, and what the log has said then, if the time is that of a log. */
  get time(): { readonly due: number; readonly at: number } {
    const row = this.#statements.time.get();
    return { due: Number(row?.["at"] ?? 0), at: Number(row?.["log_at"] ?? 0) };
  }

  keepTime(due: number, at: number): void {
    this.#statements.keepTime.run(due, at);
  }

  /** @returns specs as JSON */
  queues(): readonly { readonly number: number; readonly spec: string }[] {
    return this.#statements.queues.all().map((row) => ({
      number: row["number"] as number,
      spec: row["spec"] as string,
    }));
  }

  keepQueue(name: string, number: number, spec: string): void {
    this.#statements.keepQueue.run(name, number, spec);
  }

  /** Forgets a queue, its messages and their ids. */
  dropQueue(number: number): void {
    for (const table of ["messages", "pushes"]) {
      this.#database.prepare(`DELETE FROM ${table} WHERE queue = ?`).run(number);
    }
    this.#database.prepare("DELETE FROM queues WHERE number = ?").run(number);
  }

  counts(): readonly MessageCount[] {
    return this.#statements.counts.all().map((row) => ({
      queue: row["queue"] as number,
      state: row["state"] as MessageState,
      origin: row["origin"] as string,
      count: row["count"] as number,
      bytes: row["bytes"] as number,
    }));
  }

  leased(queue: number): readonly MessageHead[] {
    return this.#statements.leased.all(queue).map(headOf);
  }

  /** @returns the number of the message that was pushed under an id */
  numberOf(queue: number, id: string): number | undefined {
    const row = this.#statements.numberOf.get(queue, id) ?? this.#statements.goneNumberOf.get(queue, id);
    return row && row["number"] as number;
  }

  /** @returns the number of the message */
  insert(
    queue: number,
    message: Pick<StoredMessage, "origin" | "orderKey" | "id" | "text" | "pushedAt" | "nonce"> & {
      readonly state: MessageState;
      readonly due: number;
    },
  ): number {
    const { state, due, origin, pushedAt, orderKey = null, id = null, nonce = null, text } = message;
    const values = [queue, state, due, origin, text.length, pushedAt, orderKey, id, text, nonce];
    return Number(this.#statements.insert.get(...values)?.["number"]);
  }

  /** Whether one of an order key is waiting, leased, or blocked. */
  hasKey(queue: number, orderKey: string, isBlockedToo: boolean): boolean {
    const { waiting, leased, blocked } = STATES;
    return [waiting, leased, ...isBlockedToo ? [blocked] : []].some((state) =>
      this.#statements.ofKey.get(queue, orderKey, state) !== undefined
    );
  }

  /** @returns what may be taken, the longest ready first */
  ready(queue: number, now: number, limit: number): readonly StoredMessage[] {
    return this.#statements.ready.all(queue, now, limit).map(wholeOf);
  }

  /** @returns when the next one is due */
  nextDue(queue: number): number | undefined {
    const due = this.#statements.nextDue.get(queue)?.["due"];
    return typeof due === "number" ? due : undefined;
  }

  lease(number: number, holder: string, leaseMs: number, ends: LeaseEnds | undefined): void {
    this.#statements.lease.run(holder, leaseMs, ends?.until ?? null, ends?.untilAtMost ?? null, number);
  }

  renew(number: number, until: number): void {
    this.#statements.renew.run(until, number);
  }

  /** @param due when it may be taken; as before unless given */
  wait(number: number, attempts: number, error: string | undefined, due?: number): void {
    this.#statements.wait.run(attempts, error ?? null, due ?? null, number);
  }

  bury(number: number, error: string, diedAt: number): void {
    this.#statements.bury.run(error, diedAt, number);
  }

  /** Lets the next one that waits for an order key be taken. @returns its number */
  unblock(queue: number, orderKey: string): number | undefined {
    const next = this.#statements.ofKey.get(queue, orderKey, STATES.blocked)?.["number"];
    if (typeof next !== "number") return undefined;
    this.#statements.unblock.run(next);
    return next;
  }

  remove(queue: number, { number, id, origin }: MessageHead): void {
    this.#statements.remove.run(number);
    if (id === undefined) return;
    // By what is in the table, so that all copies of one log forget the same.
    const kept = Number(this.#statements.keepId.get(queue, id, origin, number)?.["number"]);
    if (kept % FORGET_EACH === 0) this.#statements.forgetIds.run(origin);
    if (kept % FORGET_ALL_EACH === 0) this.#statements.forgetIdsOfAll.run();
  }

  *dead(queue: number, after: number, limit: number): Generator<StoredMessage> {
    for (const row of this.#statements.dead.iterate(queue, after, limit)) yield wholeOf(row);
  }

  /** @returns a dead letter */
  deadOf(queue: number, number: number): MessageHead | undefined {
    const row = this.#statements.deadOf.get(queue, number);
    return row && headOf(row);
  }

  revive(number: number, state: MessageState, due: number): void {
    this.#statements.revive.run(state, due, number);
  }
}

function statementTexts() {
  const { waiting, leased, dead } = STATES;
  return {
    time: "SELECT at, log_at FROM queue_time",
    keepTime: "UPDATE queue_time SET at = ?, log_at = ?",
    queues: "SELECT number, spec FROM queues",
    keepQueue: "INSERT INTO queues VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET spec = excluded.spec",
    counts:
      "SELECT queue, state, origin, COUNT(*) AS count, SUM(size) AS bytes FROM messages GROUP BY queue, state, origin",
    leased: `SELECT ${HEAD} FROM messages WHERE queue = ? AND state = ${leased}`,
    numberOf: "SELECT number FROM messages WHERE queue = ? AND id = ?",
    goneNumberOf: "SELECT message AS number FROM pushes WHERE queue = ? AND id = ?",
    insert: `INSERT INTO messages (queue, state, due, origin, size, pushed, order_key, id, value, nonce)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number`,
    ofKey:
      `SELECT number FROM messages WHERE queue = ? AND order_key = ? AND state = ? ORDER BY number LIMIT 1`,
    ready: `SELECT ${WHOLE} FROM messages WHERE queue = ? AND state = ${waiting} AND due <= ?
      ORDER BY due, number ${boundLimit()}`,
    nextDue: `SELECT MIN(due) AS due FROM messages WHERE queue = ? AND state = ${waiting}`,
    lease:
      `UPDATE messages SET state = ${leased}, attempts = attempts + 1, deliveries = deliveries + 1, holder = ?,
      lease_ms = ?, lease_until = ?, lease_end = ? WHERE number = ?`,
    renew: "UPDATE messages SET lease_until = ? WHERE number = ?",
    wait:
      `UPDATE messages SET state = ${waiting}, attempts = ?, error = coalesce(?, error), due = coalesce(?, due) WHERE number = ?`,
    bury: `UPDATE messages SET state = ${dead}, error = ?, died = ?, due = number WHERE number = ?`,
    unblock: `UPDATE messages SET state = ${waiting} WHERE number = ?`,
    remove: "DELETE FROM messages WHERE number = ?",
    keepId: "INSERT INTO pushes (queue, id, origin, message) VALUES (?, ?, ?, ?) RETURNING number",
    forgetIds: `DELETE FROM pushes WHERE origin = ?1 AND number <= (
        SELECT number FROM pushes WHERE origin = ?1 ORDER BY number DESC LIMIT 1 OFFSET ${MAX_KEPT_IDS})`,
    forgetIdsOfAll:
      `DELETE FROM pushes WHERE number <= (SELECT number FROM pushes ORDER BY number DESC LIMIT 1 OFFSET ${MAX_KEPT_IDS_OF_ALL})`,
    dead:
      `SELECT ${WHOLE} FROM messages WHERE queue = ? AND state = ${dead} AND due > ? ORDER BY due ${boundLimit()}`,
    deadOf: `SELECT ${HEAD} FROM messages WHERE queue = ? AND number = ? AND state = ${dead}`,
    revive: `UPDATE messages SET state = ?, attempts = 0, due = ? WHERE number = ?`,
  };
}

function headOf(row: SqlRow): MessageHead {
  const [until, untilAtMost] = [row["lease_until"], row["lease_end"]];
  return {
    number: row["number"] as number,
    state: row["state"] as MessageState,
    origin: row["origin"] as string,
    sizeBytes: row["size"] as number,
    attempts: row["attempts"] as number,
    deliveries: row["deliveries"] as number,
    orderKey: row["order_key"] as string | null ?? undefined,
    id: row["id"] as string | null ?? undefined,
    holder: row["holder"] as string | null ?? undefined,
    leaseMs: Number(row["lease_ms"] ?? 0),
    leaseEnds: typeof until === "number" && typeof untilAtMost === "number"
      ? { until, untilAtMost }
      : undefined,
  };
}

function wholeOf(row: SqlRow): StoredMessage {
  return {
    ...headOf(row),
    text: row["value"] as string,
    pushedAt: row["pushed"] as number,
    diedAt: Number(row["died"] ?? 0),
    error: String(row["error"] ?? ""),
    nonce: row["nonce"] as string | null ?? undefined,
  };
}
