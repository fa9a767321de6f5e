/**
 * Answers from shards: each makes a partial answer, whoever asked merges them.
 * @module
 */
import type { JsonValue, Query, QueryParameters, QueryRow, Scalar } from "./query.ts";

/** A row of a partial answer. */
export interface PartialRow {
  readonly key: string;
  /** The values that the query sorts by; an object or a list stands as `{}`. */
  readonly sort: readonly (Scalar | { readonly [name: string]: never })[];
  /** What is answered for the row. */
  readonly value: JsonValue;
}

/** A group of a partial answer. */
export interface PartialGroup {
  /** The values of the columns that are grouped by; an object or a list stands as `{}`. */
  readonly group: readonly (Scalar | { readonly [name: string]: never })[];
  /** What is known of each aggregate of the query, in the order in which they first stand in it. */
  readonly aggregates: readonly PartialAggregate[];
}

/** What a shard knows of an aggregate: enough of it to be merged with what others know. */
export interface PartialAggregate {
  /** How many rows or values counted, for `sum` and `avg` the numbers among them. */
  readonly count: number;
  /** The sum of the numbers, for `sum` and `avg`. */
  readonly sum: number;
  /** The least or greatest value, for `min` and `max`; null when there is none. */
  readonly extreme: Scalar;
}

/** The answer of one shard, as JSON can carry it. */
export type PartialResult =
  | { readonly type: "rows"; readonly rows: readonly PartialRow[] }
  | { readonly type: "groups"; readonly groups: readonly PartialGroup[] };

/**
 * Answers a query as far as one shard can.
 * @throws {QueryError} where a parameter is missing or not of its kind, or there are too many groups
 */
export function partial(query: Query, rows: Iterable<QueryRow>, parameters: QueryParameters = {}): PartialResult {
  throw new Error(`not written yet: ${query.from} ${rows} ${parameters}`);
}

/**
 * Makes the answer from those of all shards, of which no two hold one key. Give what came from others to
 * {@link decodePartial} first.
 * @throws {QueryError} where a parameter is missing or not of its kind, or there are too many groups
 */
export function merge(
  query: Query,
  partials: Iterable<PartialResult>,
  parameters: QueryParameters = {},
): JsonValue[] {
  throw new Error(`not written yet: ${query.from} ${partials} ${parameters}`);
}

/** @returns the partial answer that a shard sent, or undefined where it does not answer this query */
export function decodePartial(query: Query, value: unknown): PartialResult | undefined {
  throw new Error(`not written yet: ${query.from} ${value}`);
}
