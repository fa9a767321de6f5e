/**
 * The rows of transactions that are over several places, which stand among those of other commits, so that they follow a
 * shard with them.
 *
 * ```
 *   id                        state                                    body
 *   PLACE/ID    a part        prepared ──▶ NULL, or rolled-back        record, keys read, writes ──▶ attempt
 *   PLACE/␁ID   a record      open ──▶ decided ──▶ NULL, or rolled-back    places ──▶ attempt
 * ```
 *
 * Of a collection that is no shard, what stands between `PLACE` and `ID` is `␁`, since an id of a program may begin with any
 * name.
 *
 * @module
 */

import type { Write } from "../../commit.ts";
import { isInnerName } from "../../documents.ts";
import { readBody, type TransactionBody } from "../../transaction_body.ts";
import type { LockHolder } from "./key_locks.ts";
import type { SqlDatabase, SqlStatement } from "../sql_database.ts";

/** Where a transaction is; null once it has ended well. */
export type RowState = "prepared" | "open" | "decided" | "rolled-back" | null;

/** One row. */
export interface TransactionRow {
  readonly id: string;
  readonly origin: string;
  readonly state: RowState;
  readonly body: TransactionBody | undefined;
  /** JSON. */
  readonly result: string | null;
}

/**
 * The number of what is committed, prepared or opened now. An attempt after one that was rolled back takes that one's row, and
 * not its number: whoever reads rows by their numbers has passed that already, and it is forgotten by how old it is.
 */
export const NEXT_NUMBER = "SELECT MAX(number) + 1 FROM transactions";

/** What no id of a program has; SQLite gives texts up to a 0 alone. */
const MARK = "\x01";

/** @returns the id of a part's row */
export function partId(place: string, id: string): string {
  return `${place}${isInnerName(place) ? "/" : MARK}${id}`;
}

/** @returns the id of a record's row */
export function recordId(place: string, id: string): string {
  return partId(place, `${MARK}${id}`);
}

/** Whether an id is none that a program may give. */
export function isMarked(id: string): boolean {
  return id.includes(MARK);
}

/** Reads and writes rows; nothing here begins or ends a transaction of SQLite. */
export class TransactionRows {
  readonly #statements: Readonly<
    Record<"find" | "keep" | "open" | "counts" | "places" | "plain", SqlStatement>
  >;
  #hasPlain: boolean;

  constructor(database: SqlDatabase) {
    this.#statements = {
      find: database.prepare("SELECT id, origin, state, body, result FROM transactions WHERE id = ?"),
      keep: database.prepare(
        `INSERT INTO transactions (id, origin, revisions, result, shard, revision, touched, state, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET
           number = iif(transactions.state = 'rolled-back' AND excluded.state IN ('prepared', 'open'),
             (${NEXT_NUMBER}), transactions.number),
           origin = excluded.origin, revisions = excluded.revisions, result = excluded.result, revision = excluded.revision, touched = excluded.touched,
           state = excluded.state, body = excluded.body
         RETURNING number`,
      ),
      open: database.prepare(
        `SELECT id, origin, state, body, result FROM transactions
         WHERE shard = ? AND state IN ('prepared', 'open', 'decided') ORDER BY number`,
      ),
      counts: database.prepare(
        `SELECT COUNT(*) AS own, (SELECT COUNT(*) FROM transactions
           WHERE shard = ?1 AND state IN ('open', 'decided')) AS everybodys
         FROM transactions WHERE shard = ?1 AND state IN ('open', 'decided') AND origin = ?2`,
      ),
      places: database.prepare(
        "SELECT DISTINCT shard FROM transactions WHERE state IN ('prepared', 'open', 'decided')",
      ),
      plain: database.prepare(
        "SELECT 1 AS found FROM transactions WHERE shard IS NOT NULL AND revision IS NULL LIMIT 1",
      ),
    };
    this.#hasPlain = this.#statements.plain.get() !== undefined;
  }

  find(id: string): TransactionRow | undefined {
    const row = this.#statements.find.get(id);
    return row && rowOf(row);
  }

  /**
   * @param revision where it stands among the changes of a copy of a shard; null elsewhere
   * @returns the number of the row
   */
  keep(
    place: string,
    { id, origin, state, body, result }: TransactionRow,
    revision: number | null,
    revisions: readonly number[] = [],
  ): number {
    this.#hasPlain ||= revision === null;
    const kept = this.#statements.keep.get(
      ...[id, origin, JSON.stringify(revisions), result, place, revision, JSON.stringify([place]), state],
      body === undefined ? null : JSON.stringify(body),
    );
    return Number(kept?.["number"]);
  }

  /** @returns those that are open at a place, by when they began */
  open(place: string): readonly TransactionRow[] {
    return this.#statements.open.all(place).map(rowOf);
  }

  /** @param key the property that holds the key @returns the parts that are prepared at a place, as they lock its keys */
  holders(place: string, key: string): readonly LockHolder[] {
    return this.open(place).filter(({ state }) => state === "prepared").map(({ id, origin, body }) => ({
      ...{ id, origin, reads: body?.reads ?? [] },
      writes: body?.writes?.map((write) => keyOfWrite(write, key)) ?? [],
    }));
  }

  /** @returns how many records of one are open, and how many of all */
  records(place: string, origin: string): { readonly own: number; readonly everybodys: number } {
    const row = this.#statements.counts.get(place, origin);
    return { own: Number(row?.["own"]), everybodys: Number(row?.["everybodys"]) };
  }

  /** @returns the places where something is open */
  places(): readonly string[] {
    return this.#statements.places.all().map((row) => row["shard"] as string);
  }

  /** Whether there are any of collections that are no shards. */
  get hasPlain(): boolean {
    return this.#hasPlain;
  }
}

/** The key of a write; of what another member has sent that has none, no key of anybody's. */
function keyOfWrite(write: Write, key: string): string {
  if (write.kind === "delete" || write.kind === "patch") return write.key;
  const found = write.value[key];
  return typeof found === "string" || typeof found === "number" ? `${found}` : "";
}

function rowOf(row: Readonly<Record<string, unknown>>): TransactionRow {
  return {
    id: row["id"] as string,
    origin: row["origin"] as string,
    state: row["state"] as RowState,
    body: readBody(row["body"]),
    result: row["result"] as string | null,
  };
}
