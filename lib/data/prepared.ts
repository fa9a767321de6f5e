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
import { MAX_ID_LENGTH, MAX_OPERATIONS, MAX_PREPARED_BYTES, MAX_SHARDS } from "./bounds.ts";
import type { Commit, KnownTransaction, Write } from "./commit.ts";
import { isCollectionName } from "./documents.ts";

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
  /** @returns what is open at a place */
  open(place: string): Promise<readonly OpenTransaction[]>;
  /** @returns the places where something may be open, copies that follow among them */
  places(): Promise<readonly string[]>;
}

/** What is kept of a transaction while it is open; of one that has ended, the attempt alone. */
export interface TransactionBody {
  readonly attempt: string;
  /** Of a part. */
  readonly record?: CommitPlace;
  /** Of a part: the keys that it has read. */
  readonly reads?: readonly string[];
  /** Of a part, whose collections are named by the place. */
  readonly writes?: readonly Write[];
  /** Of a record. */
  readonly places?: readonly CommitPlace[];
}

/** @returns what was kept, or was sent by another member; undefined where it is none */
export function readBody(text: unknown): TransactionBody | undefined {
  if (typeof text !== "string" || text.length > MAX_PREPARED_BYTES) return undefined;
  let body: Partial<Record<keyof TransactionBody, unknown>> | null;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== "object" || body === null || !isAttempt(body.attempt)) return undefined;
  const { attempt, record, reads, writes, places } = body;
  if (record !== undefined && readPlace(record) === undefined) return undefined;
  if (places !== undefined && readPlaces(places) === undefined) return undefined;
  if (reads !== undefined && !isListOf(reads, (key) => typeof key === "string")) return undefined;
  if (writes !== undefined && !isListOf(writes, isWrite)) return undefined;
  return { ...body, attempt } as TransactionBody;
}

/** @returns a place that somebody has named; undefined where it is none */
export function readPlace(value: unknown): CommitPlace | undefined {
  const { collection, shard } = (value ?? {}) as Partial<Record<keyof CommitPlace, unknown>>;
  if (!isCollectionName(collection)) return undefined;
  if (shard === undefined) return { collection };
  const isShard = Number.isSafeInteger(shard) && (shard as number) >= 0 && (shard as number) < MAX_SHARDS;
  return isShard ? { collection, shard: shard as number } : undefined;
}

/** @returns places that somebody has named; undefined where one is none, or there are too many */
export function readPlaces(value: unknown): readonly CommitPlace[] | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_OPERATIONS) return undefined;
  const places = value.map(readPlace).filter((place) => place !== undefined);
  return places.length === value.length ? places : undefined;
}

/** Whether a value can name an attempt. */
export function isAttempt(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_ID_LENGTH;
}

function isListOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length <= MAX_OPERATIONS && value.every(isOne);
}

function isWrite(one: unknown): boolean {
  const { kind, key, value } = (one ?? {}) as Partial<Record<string, unknown>>;
  const isValue = typeof value === "object" && value !== null;
  if (kind === "put" || kind === "post") return isValue;
  return typeof key === "string" && (kind === "delete" || (kind === "patch" && isValue));
}
