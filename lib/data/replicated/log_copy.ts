/**
 * One node's copy of what a log says: an embedded database, and the message up to which it was read.
 * @module
 */

import { EmbeddedEngine, type SqlDatabase, type SqlStatement } from "../embedded/mod.ts";
import { DataError } from "../errors.ts";
import type { LogMessage, LogSnapshot } from "./commit_log.ts";
import { decodeMessage, decodeRecord, type LogOperation, type LogRecord } from "./log_record.ts";
import { PartBuffer } from "./part_buffer.ts";
import { doQueueOperation } from "./queue_operations.ts";
import { doTransactionStep } from "./transaction_operations.ts";

/** Where a copy is kept. */
export interface CopyFile {
  /** Opens the database, with the tables of `DATA_SCHEMA`. What it loses can be read again, so that it need not be durable. */
  open(): SqlDatabase;
  /** Puts another database in the place of the one that was, which is closed. */
  replace(chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** @returns the open database as it is at some moment while this is read */
  image(): AsyncIterable<Uint8Array>;
}

/** Nearly as much as SQLite can number pages. */
const UNBOUNDED_BYTES = 2 ** 43;

interface PositionStatements {
  readonly read: SqlStatement;
  readonly store: SqlStatement;
}

/** What became of an operation. */
export type OperationOutcome = PromiseSettledResult<unknown>;

/** Does what the messages of a log say. */
export class LogCopy {
  readonly #file: CopyFile;
  readonly #onRecord: (record: LogRecord, outcomes: readonly OperationOutcome[]) => void;
  readonly #parts = new PartBuffer();
  #database: SqlDatabase;
  #engine: EmbeddedEngine;
  #statements: PositionStatements;
  #isOpen = false;
  /** Of the records that it has done; the database says it to releases that would read it without knowing them. */
  #version = 1;
  #isVersionStored = true;
  #position = { identity: "", sequence: 0, replay: 1 };
  /** The message that was written last as the one that was done; undefined when that may have been taken back. */
  #storedSequence: number | undefined;
  /** When the message was appended that is being done. */
  #at = 0;
  #fires: (() => void)[] = [];

  /** @param onRecord is told what came of each record */
  constructor(file: CopyFile, onRecord: (record: LogRecord, outcomes: readonly OperationOutcome[]) => void) {
    this.#file = file;
    this.#onRecord = onRecord;
    this.#database = file.open();
    this.#statements = preparePosition(this.#database);
    this.#engine = this.#open();
  }

  /** Reads only: what is written comes from the log. */
  get engine(): EmbeddedEngine {
    return this.#engine;
  }

  /** Of the log that was read; empty before one was. */
  get identity(): string {
    return this.#position.identity;
  }

  /** The newest version of the records that it has done. */
  get version(): number {
    return this.#version;
  }

  /** The last message that was done. */
  get sequence(): number {
    return this.#position.sequence;
  }

  /** The message from which to read on: parts of what is not whole may stand before the last that was done. */
  get replayFrom(): number {
    return this.#position.replay;
  }

  /** Begins to read a log. */
  adopt(identity: string): void {
    this.#position = { ...this.#position, identity };
    this.#store();
  }

  /** Reads from `replayFrom` on. */
  rewind(): void {
    this.#parts.clear();
  }

  /**
   * Does what a message says; one that was done already is left out.
   * @throws DataError when the database could not take it: then nothing was done, and it is to come again
   */
  async apply({ sequence, at, bytes }: LogMessage): Promise<void> {
    const content = decodeMessage(bytes);
    this.#parts.advance(sequence);
    let record = content.kind === "record" ? content.record : undefined;
    if (content.kind === "part") {
      const whole = this.#parts.take(sequence, content.part);
      const read = whole && decodeRecord(whole);
      if (read?.kind === "newer") throw newer();
      record = read?.kind === "record" ? read.record : undefined;
    }
    if (content.kind === "newer") throw newer();
    if (sequence <= this.#position.sequence) return;
    const before = this.#position;
    this.#position = { ...before, sequence, replay: this.#parts.first ?? sequence + 1 };
    if (record === undefined) return;
    if (record.version > this.#version) {
      this.#version = record.version;
      this.#isVersionStored = false;
    }
    this.#at = at;
    const outcomes = await this.#do(record);
    const broken = outcomes.find(isBroken);
    if (broken !== undefined) {
      this.#position = before;
      this.#storedSequence = undefined;
      throw broken.reason;
    }
    // Where nothing was written, no transaction has kept it.
    if (this.#storedSequence !== sequence) this.#store();
    this.#isVersionStored = true;
    this.#onRecord(record, outcomes);
  }

  /** Takes a snapshot in place of what is here. */
  async restore({ chunks }: LogSnapshot): Promise<void> {
    this.#isOpen = false;
    await this.#engine.close();
    try {
      await this.#file.replace(chunks);
    } finally {
      this.#parts.clear();
      this.#database = this.#file.open();
      this.#statements = preparePosition(this.#database);
      this.#engine = this.#open();
    }
  }

  /** @returns the copy as it is at some moment while this is read, which its position says */
  image(): AsyncIterable<Uint8Array> {
    this.#store();
    return this.#file.image();
  }

  /** How full the database is: pages that hold something, in bytes; 0 while another one takes its place. */
  get usedBytes(): number {
    if (!this.#isOpen) return 0;
    const pragma = (name: string) => Number(this.#database.prepare(`PRAGMA ${name}`).get()?.[name] ?? 0);
    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size");
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    await this.#engine.close();
  }

  #open(): EmbeddedEngine {
    this.#isOpen = true;
    this.#storedSequence = undefined;
    const row = this.#statements.read.get();
    this.#position = {
      identity: String(row?.["identity"] ?? ""),
      sequence: Number(row?.["sequence"] ?? 0),
      replay: Number(row?.["replay"] ?? 1),
    };
    this.#version = Math.max(
      1,
      Number(this.#database.prepare("PRAGMA user_version").get()?.["user_version"]),
    );
    this.#isVersionStored = true;
    if (row === undefined) this.#database.exec("INSERT INTO log_position VALUES ('', 0, 1)");
    return new EmbeddedEngine({
      database: this.#database,
      wall: () => this.#at,
      now: () => this.#at,
      loggedAt: () => this.#at,
      afterTurn: (fire) => this.#fires.push(fire),
      // Who appends looks at what there is room for: what stands in the log has to be done.
      maxBytes: UNBOUNDED_BYTES,
      beforeCommit: () => this.#store(),
    });
  }

  async #do({ operations }: LogRecord): Promise<OperationOutcome[]> {
    const begun = operations.map((operation) => this.#begin(operation));
    // Commits of one record are one transaction of SQLite.
    for (const fire of this.#fires.splice(0)) fire();
    return await Promise.allSettled(begun);
  }

  #begin(operation: LogOperation): Promise<unknown> {
    switch (operation.kind) {
      case "commit":
        return this.#engine.commit(operation.commit);
      case "create":
        return this.#engine.create(operation.spec);
      case "drop":
        return this.#engine.drop(operation.collection);
      case "move":
        return this.#engine.moves.step(operation.step);
      case "transaction":
        return doTransactionStep(this.#engine.prepared, operation.step);
      default:
        return doQueueOperation(this.#engine.queues, operation);
    }
  }

  #store(): void {
    if (!this.#isVersionStored) this.#database.exec(`PRAGMA user_version = ${this.#version}`);
    const { identity, sequence, replay } = this.#position;
    this.#statements.store.run(identity, sequence, replay);
    this.#storedSequence = sequence;
  }
}

function preparePosition(database: SqlDatabase): PositionStatements {
  database.exec(
    "CREATE TABLE IF NOT EXISTS log_position (identity TEXT NOT NULL, sequence INTEGER NOT NULL, replay INTEGER NOT NULL)",
  );
  return {
    read: database.prepare("SELECT identity, sequence, replay FROM log_position"),
    store: database.prepare("UPDATE log_position SET identity = ?, sequence = ?, replay = ?"),
  };
}

/** What has failed here alone, and not by what the operation says. */
function isBroken(outcome: OperationOutcome): outcome is PromiseRejectedResult {
  if (outcome.status === "fulfilled") return false;
  const { reason } = outcome;
  return !(reason instanceof DataError) || ["DiskFull", "Failed", "OwnerAway"].includes(reason.code);
}

/** @returns that a later release has written what is to be read */
export function newer(): DataError {
  return new DataError(
    "Failed",
    "The log of the collections holds what a later version of weft has written",
    {
      hint: "Upgrade this node.",
    },
  );
}
