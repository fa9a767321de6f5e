/**
 * Copies of shards in SQLite: collections like others, with the revisions of where they come from, and with the commits that
 * had an id. Each call is one transaction.
 * @module
 */

import { MAX_ENTRIES, MAX_KEPT_IDS_OF_COPY } from "../bounds.ts";
import { AnswerRoom, documentText, keyOf, keyText } from "../documents.ts";
import type { CopiedChange, CopiedCommit, CopiedPart, CopyStore, Entry } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { CollectionTable } from "./collection_table.ts";
import { FORGET_EACH, HAS_ENDED, keptId } from "./commit_writer.ts";
import type { GroupCommit } from "./group_commit.ts";
import type { PlaceLocks } from "./prepared/mod.ts";
import { boundLimit, type SqlDatabase, type SqlStatement } from "./sql_database.ts";

/** Makes the columns by which the ids of commits go along with a shard, where an earlier release has made the table. */
export function prepareCopies(database: SqlDatabase): void {
  const columns = database.prepare("PRAGMA table_xinfo(transactions)").all().map(({ name }) => name);
  if (!columns.includes("shard")) {
    database.exec(`
      ALTER TABLE transactions ADD COLUMN shard TEXT;
      ALTER TABLE transactions ADD COLUMN revision INTEGER;
    `);
  }
  // The collections of a commit that happened once: its id is no other's.
  if (!columns.includes("touched")) database.exec("ALTER TABLE transactions ADD COLUMN touched TEXT");
  // Where one is that is over several places; null where it has ended well, as any other commit.
  if (!columns.includes("state")) {
    database.exec(`
      ALTER TABLE transactions ADD COLUMN state TEXT;
      ALTER TABLE transactions ADD COLUMN body TEXT;
    `);
  }
  database.exec(
    "CREATE INDEX IF NOT EXISTS transactions_open ON transactions (shard) WHERE state IN ('prepared', 'open', 'decided')",
  );
  database.exec(
    "CREATE INDEX IF NOT EXISTS transactions_of_shard ON transactions (shard, revision) WHERE shard IS NOT NULL",
  );
}

/** What of its engine copies need. */
export interface CopyEngine {
  readonly database: SqlDatabase;
  /** @throws DataError with code `UnknownCollection` */
  table(name: string): CollectionTable;
  readonly group: GroupCommit;
  /** Runs a body now. */
  run<T>(body: () => T | Promise<T>): Promise<T>;
  /** Runs a body in a transaction of its own; what it throws takes everything back. */
  alone<T>(body: () => T): T;
  readonly locks: PlaceLocks;
  /** Reads anew which tables there are. */
  reload(): void;
}

/** The copies of one engine. */
export class CopyTables implements CopyStore {
  readonly #engine: CopyEngine;
  readonly #statements: Readonly<Record<"last" | "commits" | "keep" | "forget", SqlStatement>>;

  /** Copies that have kept ids since the oldest ones were last forgotten, and how many. */
  readonly #keeping = new Set<string>();
  #keptSince = 0;

  constructor(engine: CopyEngine) {
    this.#engine = engine;
    const { database } = engine;
    this.#statements = {
      last: database.prepare("SELECT MAX(revision) AS revision FROM transactions WHERE shard = ?"),
      commits: database.prepare(
        `SELECT id, origin, revisions, result, revision, state, body FROM transactions
         WHERE shard = ? AND revision > ? ORDER BY revision ${boundLimit()}`,
      ),
      keep: database.prepare(
        `INSERT INTO transactions (id, origin, revisions, result, shard, revision, state, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET origin = excluded.origin, revisions = excluded.revisions,
           result = excluded.result, revision = excluded.revision, state = excluded.state, body = excluded.body
         WHERE excluded.revision > transactions.revision`,
      ),
      forget: database.prepare(
        `DELETE FROM transactions WHERE ${HAS_ENDED} AND shard = ?1 AND revision <= (
           SELECT revision FROM transactions WHERE shard = ?1 ORDER BY revision DESC
           LIMIT 1 OFFSET ${MAX_KEPT_IDS_OF_COPY})`,
      ),
    };
  }

  /** @returns the revision of what is written to a copy next: others' counters are none of this engine's */
  next(copy: string): number {
    return this.#position(copy) + 1;
  }

  position(copy: string): Promise<number> {
    return this.#engine.run(() => this.#position(copy));
  }

  partAfter(copy: string, after: number): Promise<CopiedPart> {
    return this.#engine.run(() => {
      const table = this.#engine.table(copy);
      if (!table.keepsAfter(after)) {
        throw new DataError(
          "Compacted",
          `The changes of ${copy} after revision ${after} are not kept any more`,
        );
      }
      const end = this.#position(copy);
      const room = new AnswerRoom();
      const commits = this.#commits(copy, after, MAX_ENTRIES).filter(({ result, body = "" }, i) =>
        // Within a message quotes are escaped.
        room.take(body) && room.take(body) && room.take(JSON.stringify(result) ?? "") || i === 0
      );
      const last = commits.at(-1)?.revision ?? end;
      // Behind the last one that was read there may be others.
      const known = this.#commits(copy, last, 1).length > 0 ? last : end;
      const changes: CopiedChange[] = [];
      let position = known;
      let next = 0;
      for (const row of table.changedAfter(after)) {
        const revision = row["revision"] as number;
        if (revision > known) break;
        while ((commits[next]?.revision ?? Infinity) < revision) next++;
        const first = Math.min(...commits[next]?.revisions.filter((one) => one > 0) ?? [Infinity]);
        const isInside = first < revision;
        const text = row["new"] as string | null;
        const hasRoom = room.take(text ?? (row["key"] as string)) && changes.length < MAX_ENTRIES;
        const before = Math.max(changes.at(-1)?.revision ?? 0, commits[next - 1]?.revision ?? 0);
        if (!hasRoom && !isInside && before > after) {
          position = before;
          break;
        }
        changes.push({
          revision,
          ...text === null ? { key: row["key"] as string } : { value: JSON.parse(text) },
          at: row["at"] as number,
        });
      }
      return { after, position, changes, commits: commits.filter(({ revision }) => revision <= position) };
    });
  }

  take(copy: string, { after, changes, commits }: CopiedPart): Promise<number> {
    const { run, group } = this.#engine;
    return run(() =>
      group.run(() => {
        const now = this.#position(copy);
        if (now !== after) throw new DataError("Conflict", `${copy} is at ${now}, not at ${after}`);
        const table = this.#engine.table(copy);
        const { counters } = table;
        group.undo(() => table.restore(counters));
        for (const { revision, key: gone, value, at } of changes) {
          const key = value === undefined ? keyText(gone) : keyOf(value, table.spec.key);
          const text = value === undefined ? undefined : documentText(value);
          table.write(key, text, table.find(key), revision, at);
        }
        this.#keepCommits(copy, commits);
        group.tell(table.tell);
        return this.#position(copy);
      })
    );
  }

  begin(copy: string, position: number): Promise<void> {
    return this.#alone(() => this.#engine.table(copy).forgetChanges(position));
  }

  fill(copy: string, entries: readonly Entry[], commits: readonly CopiedCommit[]): Promise<void> {
    return this.#alone(() => {
      const table = this.#engine.table(copy);
      for (const { key, value, revision } of entries) {
        table.place(keyText(key), documentText(value), revision);
      }
      this.#keepCommits(copy, commits);
    });
  }

  commits(copy: string, after: number, limit: number): Promise<readonly CopiedCommit[]> {
    return this.#engine.run(() => this.#commits(copy, after, limit));
  }

  replace(copy: string, made: string): Promise<void> {
    return this.#alone(() => {
      const { database } = this.#engine;
      const [old, now] = [this.#engine.table(copy), this.#engine.table(made)];
      const position = this.#position(made);
      old.dropTables();
      // What was written while entries were copied has no sound "before": watches begin behind it.
      if (!now.keepsAfter(0)) now.forgetChanges(Math.max(position, now.revision));
      database.prepare("DELETE FROM collections WHERE name = ?").run(copy);
      database.prepare("UPDATE collections SET name = ?, spec = ? WHERE name = ?")
        .run(copy, JSON.stringify({ ...now.spec, name: copy }), made);
      database.prepare("DELETE FROM transactions WHERE shard = ?").run(copy);
      database.prepare("UPDATE transactions SET shard = ?1, id = ?1 || substr(id, ?2) WHERE shard = ?3")
        .run(copy, made.length + 1, made);
      // In this turn, so that nobody asks tables that are gone.
      this.#engine.reload();
      this.#engine.group.tell(this.#engine.table(copy).tell);
    });
  }

  #alone<T>(body: () => T): Promise<T> {
    return this.#engine.run(() => this.#engine.alone(body));
  }

  #position(copy: string): number {
    const last = Number(this.#statements.last.get(copy)?.["revision"] ?? 0);
    return Math.max(this.#engine.table(copy).revision, last);
  }

  #commits(copy: string, after: number, limit: number): CopiedCommit[] {
    return this.#statements.commits.all(copy, after, limit).map((row) => ({
      id: (row["id"] as string).slice(copy.length + 1),
      origin: row["origin"] as string,
      revision: row["revision"] as number,
      revisions: JSON.parse(row["revisions"] as string),
      ...row["result"] !== null && { result: JSON.parse(row["result"] as string) },
      ...row["state"] !== null && { state: row["state"] as "prepared" },
      ...row["body"] !== null && { body: row["body"] as string },
    }));
  }

  #keepCommits(copy: string, commits: readonly CopiedCommit[]): void {
    for (const { id, origin, revision, revisions, result, state, body } of commits) {
      const text = result === undefined ? null : JSON.stringify(result);
      const kept = [keptId(copy, id), origin, JSON.stringify(revisions), text, copy, revision] as const;
      this.#statements.keep.run(...kept, state ?? null, body ?? null);
    }
    if (commits.length === 0) return;
    this.#engine.locks.forget(copy);
    this.#keeping.add(copy);
    this.#keptSince += commits.length;
    if (this.#keptSince < FORGET_EACH) return;
    for (const each of this.#keeping) this.#statements.forget.run(each);
    this.#keeping.clear();
    this.#keptSince = 0;
  }
}
