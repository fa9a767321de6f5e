/**
 * What is kept and sent of transactions over several places, read strictly.
 * @module
 */

import { MAX_ID_LENGTH, MAX_OPERATIONS, MAX_PREPARED_BYTES, MAX_SHARDS } from "./bounds.ts";
import type { Write } from "./commit.ts";
import { isCollectionName } from "./documents.ts";
import type { CommitPlace } from "./prepared.ts";

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
