/**
 * What one place does for a transaction that is over several: it prepares a part, and ends it as the record of the
 * transaction says, which is at one of them.
 *
 * ```
 *   record:  open ──▶ decided (who has part in it may not know) ──▶ committed, for good
 *              └────▶ rolled back: its client says so, or somebody has asked before it was decided
 *   part:    prepared: its keys are locked ──▶ committed, or rolled back
 * ```
 *
 * A transaction is committed when its record says so, and else never (two-phase commit with presumed abort; Mohan, Lindsay
 * and Obermarck 1986). All of this is durable when it is answered, and follows a shard wherever that goes.
 *
 * @module
 */

import type { JsonValue } from "../query/mod.ts";
import type { Commit, KnownTransaction } from "./commit.ts";

/** Where a part of a transaction is, or its record: a shard, or a collection that one node keeps. */
export interface CommitPlace {
  readonly collection: string;
  readonly shard?: number;
}

/** One try to commit a transaction: each has a name of its own, which nobody guesses. */
export interface Attempt {
  /** Of the transaction. */
  readonly id: string;
  readonly attempt: string;
}

/** A part that is to be prepared. */
export interface PrepareRequest extends Attempt {
  /** Whose transaction it is. */
  readonly origin: string;
  readonly record: CommitPlace;
  readonly commit: Pick<Commit, "reads" | "writes" | "result">;
}

/** A record that is to be opened. */
export interface OpenRecordRequest extends Attempt {
  readonly origin: string;
  /** Where its parts are. */
  readonly places: readonly CommitPlace[];
}

/** Whether a part was prepared, or a record opened; or the transaction has happened before. */
export type PrepareAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "committed"; readonly result?: JsonValue };

/** How a transaction ends. */
export type Outcome = "committed" | "rolled-back";

/** What is open at a place: a part that is prepared, a record that waits to be decided, or to be known by all parts. */
export type OpenTransaction =
  & Attempt
  & (
    | { readonly state: "prepared"; readonly record: CommitPlace }
    | { readonly state: "open" | "decided"; readonly places: readonly CommitPlace[] }
  );

/**
 * What keeps parts and records. A place is a collection, or a copy of a shard, by its name in the engine. Methods throw
 * `DataError`: with code `Locked` where another transaction is about to end, with `TooLarge` where a bound is met.
 */
export interface TransactionStore {
  /** Checks what a part has read and is to write, and locks its keys. @throws DataError with code `Conflict`, `Locked` */
  prepare(place: string, request: PrepareRequest): Promise<PrepareAnswer>;
  /**
   * Ends a part.
   * @param origin whose it has to be; anybody's unless given
   * @returns how it has ended; undefined where nothing is known of it
   */
  finish(place: string, of: Attempt, outcome: Outcome, origin?: string): Promise<Outcome | undefined>;
  /** Opens a record. @throws DataError with code `Locked` while another attempt is open */
  openRecord(place: string, request: OpenRecordRequest): Promise<PrepareAnswer>;
  /** Commits a transaction, for good. @returns `rolled-back` where somebody was faster */
  decide(place: string, of: Attempt, origin: string, result?: JsonValue): Promise<Outcome>;
  /** @returns how a transaction ends, which is decided herewith: what nobody has committed by now is rolled back */
  outcome(place: string, of: Attempt): Promise<Outcome>;
  /** All parts of a transaction know how it has ended. @param origin whose it has to be; anybody's unless given */
  settle(place: string, of: Attempt, origin?: string): Promise<void>;
  /** @returns what a place knows of a transaction, as a part of it or by its record */
  state(place: string, id: string): Promise<KnownTransaction | undefined>;
  /** @returns whether a part is prepared still; what it costs depends on no other part */
  isPrepared(place: string, of: Attempt): Promise<boolean>;
  /** @returns what is open at a place */
  open(place: string): Promise<readonly OpenTransaction[]>;
  /** @returns the places where something may be open, copies that follow among them */
  places(): Promise<readonly string[]>;
}
