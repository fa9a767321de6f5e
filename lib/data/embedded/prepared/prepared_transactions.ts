/**
 * Parts and records of transactions over several places.
 * @module
 */

import type { JsonValue } from "../../../query/mod.ts";
import { MAX_ID_LENGTH, MAX_OPEN, MAX_OPEN_PER_ORIGIN, MAX_PREPARED_BYTES } from "../../bounds.ts";
import { isIdText, isInnerName, keyText, resultText } from "../../documents.ts";
import type { Commit, CommitAnswer, KnownTransaction } from "../../engine.ts";
import { DataError } from "../../errors.ts";
import type {
  Attempt,
  OpenRecordRequest,
  OpenTransaction,
  Outcome,
  PrepareAnswer,
  PrepareRequest,
  TransactionStore,
} from "../../prepared.ts";
import type { GroupCommit } from "../group_commit.ts";
import type { LockDebts } from "./lock_debts.ts";
import { type PlaceLocks, tooManyOpen } from "./key_locks.ts";
import { isMarked, partId, recordId, type TransactionRow, type TransactionRows } from "./transaction_rows.ts";

/** A part that was read and found to be one. */
interface ReadyPart {
  readonly commit: Commit;
  readonly writes: readonly { readonly key: string }[];
  readonly result: string | undefined;
}

/** What parts are checked and written by, within work of the group. */
interface PartWriter {
  read(commit: Commit): ReadyPart;
  checkThere(collection: string): void;
  happened(
    place: string,
    commit: Commit & { readonly id: string },
    attempt?: string,
  ): CommitAnswer | undefined;
  checkPart(ready: ReadyPart): void;
  writePart(ready: ReadyPart): readonly number[];
  noteEnded(collection: string, origin: string, number: number): void;
  checkWrite(collection: string): void;
  hasHappened(id: string): boolean;
}

/** Where an attempt is: something may still become of it while it is `open`, or has to be told while it is `decided`. */
export type AttemptState = "open" | "decided" | Outcome;

/** What parts and records stand on. */
export interface PreparedParts {
  readonly rows: TransactionRows;
  readonly locks: PlaceLocks;
  readonly debts: LockDebts;
  /** Whether others do the same by a log: then it is who appends that asks for debts, which a restart forgives. */
  readonly isLogged: boolean;
  readonly writer: PartWriter;
  readonly group: GroupCommit;
  /** Runs a body now. */
  run<T>(body: () => T | Promise<T>): Promise<T>;
  /** @returns the revision of what is written to a copy of a shard next */
  nextOfCopy(copy: string): number;
}

/** Keeps parts and records in SQLite. */
export class PreparedTransactions implements TransactionStore {
  readonly #parts: PreparedParts;
  readonly #rows: TransactionRows;

  constructor(parts: PreparedParts) {
    this.#parts = parts;
    this.#rows = parts.rows;
  }

  prepare(place: string, request: PrepareRequest): Promise<PrepareAnswer> {
    return this.#parts.run(() => {
      const { id, origin, attempt, record } = request;
      checkId(id);
      const commit = commitOf(place, request.commit);
      const ready = this.#parts.writer.read(commit);
      const reads = commit.reads.map(({ key }) => keyText(key));
      const body = { attempt, record, reads, writes: request.commit.writes };
      if (JSON.stringify(body).length > MAX_PREPARED_BYTES) {
        throw new DataError(
          "TooLarge",
          `One shard's part of a transaction has at most ${MAX_PREPARED_BYTES} bytes of JSON`,
        );
      }
      return this.#inGroup(place, () => {
        const row = this.#rows.find(partId(place, id));
        const happened = this.#parts.writer.happened(place, { ...commit, id, origin }, attempt);
        if (happened !== undefined) {
          return { kind: "committed", ...happened.result !== undefined && { result: happened.result } };
        }
        if (row?.state === "prepared") return { kind: "ready" };
        if (row?.state === "rolled-back" && row.body?.attempt === attempt) throw rolledBack(id);
        const { debts, group, isLogged, locks, writer } = this.#parts;
        const writes = ready.writes.map(({ key }) => key);
        if (!isLogged) debts.check(place, origin, [...reads, ...writes]);
        writer.checkPart(ready);
        const kept = {
          id: partId(place, id),
          origin,
          state: "prepared",
          body,
          result: ready.result ?? null,
        } as const;
        this.#rows.keep(place, kept, this.#next(place));
        locks.of(place).lock({ id: kept.id, origin, reads, writes });
        group.undo(() => debts.forget(kept.id));
        debts.begin(kept.id);
        return { kind: "ready" };
      });
    });
  }

  /**
   * Whether whose part it is has kept its keys from others for too long, as far as is known here.
   * @param now milliseconds of the clock that the engine goes by
   * @throws DataError with code `Locked`
   */
  checkDebts(place: string, { origin, commit }: PrepareRequest, now: number): void {
    const { debts, writer } = this.#parts;
    const { commit: { reads }, writes } = writer.read(commitOf(place, commit));
    debts.check(
      place,
      origin,
      [...reads.map(({ key }) => keyText(key)), ...writes.map(({ key }) => key)],
      now,
    );
  }

  finish(
    place: string,
    { id, attempt }: Attempt,
    outcome: Outcome,
    origin?: string,
  ): Promise<Outcome | undefined> {
    return this.#inTurn(place, () => {
      const row = this.#rows.find(partId(place, id));
      if (row?.body?.attempt !== attempt) return undefined;
      if (row.state === null) return "committed";
      if (row.state !== "prepared") return "rolled-back";
      checkOrigin(row, origin);
      const keys = this.#parts.locks.of(place).release(row.id);
      const isCommitted = outcome === "committed";
      this.#parts.debts.end({ id: row.id, place, origin: row.origin, keys, isCommitted });
      const { writer } = this.#parts;
      const ended = { ...row, body: { attempt } };
      if (outcome === "rolled-back") {
        const rolledBack = { ...ended, state: "rolled-back", result: null } as const;
        writer.noteEnded(place, row.origin, this.#rows.keep(place, rolledBack, this.#next(place)));
        return outcome;
      }
      const revisions = writer.writePart(
        writer.read(commitOf(place, { reads: [], writes: row.body.writes ?? [] })),
      );
      const last = Math.max(0, ...revisions);
      const revision = isInnerName(place) && last > 0 ? last : this.#next(place);
      const number = this.#rows.keep(place, { ...ended, state: null }, revision, revisions);
      writer.noteEnded(place, row.origin, number);
      return outcome;
    });
  }

  openRecord(place: string, { id, attempt, origin, places }: OpenRecordRequest): Promise<PrepareAnswer> {
    return this.#inTurn(place, () => {
      checkId(id);
      const row = this.#rows.find(recordId(place, id));
      const asked = { id, origin, reads: [{ collection: place, revision: 0 }], writes: [] };
      const happened = this.#parts.writer.happened(place, asked, attempt);
      if (happened !== undefined) {
        return { kind: "committed", ...happened.result !== undefined && { result: happened.result } };
      }
      if (row?.state === "open") return { kind: "ready" };
      if (row?.state === "rolled-back" && row.body?.attempt === attempt) throw rolledBack(id);
      this.#parts.writer.checkWrite(place);
      const { own, everybodys } = this.#rows.records(place, origin);
      if (own >= MAX_OPEN_PER_ORIGIN || everybodys >= MAX_OPEN) throw tooManyOpen(own);
      const kept = {
        id: recordId(place, id),
        origin,
        state: "open",
        body: { attempt, places },
        result: null,
      } as const;
      this.#rows.keep(place, kept, this.#next(place));
      return { kind: "ready" };
    });
  }

  decide(place: string, { id, attempt }: Attempt, origin: string, result?: JsonValue): Promise<Outcome> {
    return this.#inTurn(place, () => {
      const kept = resultText(result) ?? null;
      this.checkMoved(place, { id, attempt });
      const row = this.#rows.find(recordId(place, id));
      if (row?.body?.attempt !== attempt || row.state === "rolled-back") return "rolled-back";
      if (row.state !== "open") return "committed";
      checkOrigin(row, origin);
      this.#rows.keep(place, { ...row, state: "decided", result: kept }, this.#next(place));
      return "committed";
    });
  }

  outcome(place: string, { id, attempt }: Attempt): Promise<Outcome> {
    return this.#inTurn(place, () => {
      const row = this.#rows.find(recordId(place, id));
      if (row?.body?.attempt !== attempt || row.state === "rolled-back") return "rolled-back";
      if (row.state !== "open") return "committed";
      this.#rows.keep(place, { ...row, state: "rolled-back", body: { attempt } }, this.#next(place));
      return "rolled-back";
    });
  }

  settle(place: string, { id, attempt }: Attempt, origin?: string): Promise<void> {
    return this.#inTurn(place, () => {
      const row = this.#rows.find(recordId(place, id));
      if (row?.body?.attempt !== attempt || row.state !== "decided") return;
      checkOrigin(row, origin);
      const number = this.#rows.keep(place, { ...row, state: null, body: { attempt } }, this.#next(place));
      this.#parts.writer.noteEnded(place, row.origin, number);
    });
  }

  /** @returns where a part is, and nothing is done; undefined where nothing is known of its attempt */
  partState(place: string, { id, attempt }: Attempt): AttemptState | undefined {
    const row = this.#rows.find(partId(place, id));
    if (row?.body?.attempt !== attempt) return undefined;
    if (row.state === null) return "committed";
    return row.state === "prepared" ? "open" : "rolled-back";
  }

  isPrepared(place: string, of: Attempt): Promise<boolean> {
    return this.#parts.run(() => this.partState(place, of) === "open");
  }

  /** @returns where a record is, and nothing is done; undefined where nothing is known of its attempt */
  recordState(place: string, { id, attempt }: Attempt): AttemptState | undefined {
    const row = this.#rows.find(recordId(place, id));
    if (row?.body?.attempt !== attempt) return undefined;
    if (row.state === null) return "committed";
    return row.state === "open" || row.state === "decided" ? row.state : "rolled-back";
  }

  /** @throws DataError with code `OutcomeUnknown` where some attempt was committed before the collection came here */
  checkMoved(place: string, { id }: Attempt): void {
    const name = recordId(place, id);
    if (this.#rows.find(name) === undefined && this.#parts.writer.hasHappened(name)) throw movedSince(id);
  }

  open(place: string): Promise<readonly OpenTransaction[]> {
    return this.#parts.run(() =>
      this.#rows.open(place).flatMap(({ id: row, state, body }): OpenTransaction[] => {
        if (body === undefined) return [];
        const { attempt, record, places } = body;
        if (state === "prepared" && record !== undefined) {
          return [{ id: row.slice(place.length + 1), attempt, state, record }];
        }
        if ((state !== "open" && state !== "decided") || places === undefined) return [];
        return [{ id: row.slice(place.length + 2), attempt, state, places }];
      })
    );
  }

  places(): Promise<readonly string[]> {
    return this.#parts.run(() => this.#rows.places());
  }

  state(place: string, id: string): Promise<KnownTransaction | undefined> {
    return this.#parts.run(() => {
      const rows = [recordId(place, id), partId(place, id)].map((one) => this.#rows.find(one));
      const states = new Set(rows.filter((row) => row !== undefined).map(({ state }) => state));
      if (states.has(null) || states.has("decided")) return "committed";
      if (states.has("prepared") || states.has("open")) return "queued";
      return states.has("rolled-back") ? "rolled-back" : undefined;
    });
  }

  #inTurn<T>(place: string, work: () => T): Promise<T> {
    return this.#parts.run(() => this.#inGroup(place, work));
  }

  #inGroup<T>(place: string, work: () => T): Promise<T> {
    const { group, locks, writer } = this.#parts;
    return group.run(() => {
      writer.checkThere(place);
      group.undo(() => locks.forget(place));
      return work();
    });
  }

  #next(place: string): number | null {
    return isInnerName(place) ? this.#parts.nextOfCopy(place) : null;
  }
}

/** A part as a commit of its place. @throws DataError */
function commitOf(place: string, { reads, writes, result }: PrepareRequest["commit"]): Commit {
  if (writes.some(({ kind }) => kind === "patch")) {
    throw new DataError("InvalidValue", "A transaction over several shards or owners writes whole values");
  }
  return {
    reads: reads.map((read) => ({ ...read, collection: place })),
    writes: writes.map((write) => ({ ...write, collection: place })),
    ...result !== undefined && { result },
  };
}

function checkId(id: string): void {
  if (isIdText(id) && id.length < MAX_ID_LENGTH && !isMarked(id)) return;
  throw new DataError("InvalidKey", `The id of such a transaction has 1 to ${MAX_ID_LENGTH - 1} characters`);
}

function checkOrigin(row: TransactionRow, origin: string | undefined): void {
  if (origin === undefined || origin === row.origin) return;
  throw new DataError("Refused", "It is another node's transaction");
}

/** The record has come along with its collection, and its attempt has not. */
function movedSince(id: string): DataError {
  return new DataError("OutcomeUnknown", `Some attempt of ${JSON.stringify(id)} was committed`);
}

function rolledBack(id: string): DataError {
  return new DataError("Conflict", `This attempt of ${JSON.stringify(id)} was rolled back`);
}
