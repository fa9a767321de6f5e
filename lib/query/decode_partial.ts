/**
 * Partial answers that came from others.
 * @module
 */

import { aggregatesOf, type PartialAggregate } from "./aggregate.ts";
import { MAX_GROUPS } from "./bounds.ts";
import { scalarProblem } from "./check.ts";
import { windowRows } from "./order.ts";
import type { PartialGroup, PartialResult, PartialRow } from "./partial.ts";
import type { JsonValue, Query, Scalar } from "./query.ts";
import { type ComparedValue, COMPOSITE } from "./values.ts";

/**
 * @param value what a shard sent, parsed from JSON
 * @returns the partial answer, or undefined where it is none to this query
 */
export function decodePartial(query: Query, value: JsonValue): PartialResult | undefined {
  const aggregates = aggregatesOf(query);
  if (!isObject(value)) return undefined;
  if (aggregates === undefined) {
    if (value["type"] !== "rows") return undefined;
    const decode = (row: JsonValue) => decodeRow(row, query.sortBy.length);
    const rows = decodeList(value["rows"], windowRows(query) ?? Infinity, decode);
    return rows === undefined ? undefined : { type: "rows", rows };
  }
  if (value["type"] !== "groups") return undefined;
  const decode = (group: JsonValue) => decodeGroup(group, query.groupBy.length, aggregates.length);
  const groups = decodeList(value["groups"], MAX_GROUPS, decode);
  return groups === undefined ? undefined : { type: "groups", groups };
}

function decodeRow(row: JsonValue, sortLength: number): PartialRow | undefined {
  if (!isObject(row) || typeof row["key"] !== "string" || row["value"] === undefined) return undefined;
  const sort = decodeList(row["sort"], sortLength, decodeCompared);
  return sort?.length === sortLength ? { key: row["key"], sort, value: row["value"] } : undefined;
}

function decodeGroup(
  value: JsonValue,
  groupLength: number,
  aggregateCount: number,
): PartialGroup | undefined {
  if (!isObject(value)) return undefined;
  const group = decodeList(value["group"], groupLength, decodeCompared);
  const aggregates = decodeList(value["aggregates"], aggregateCount, decodeAggregate);
  if (group?.length !== groupLength || aggregates?.length !== aggregateCount) return undefined;
  return { group, aggregates };
}

function decodeAggregate(value: JsonValue): PartialAggregate | undefined {
  if (!isObject(value)) return undefined;
  const { count, sum, extreme } = value;
  if (typeof count !== "number" || !Number.isSafeInteger(count) || count < 0) return undefined;
  if (!isScalar(extreme)) return undefined;
  if (typeof sum === "number") return { count, sum, extreme };
  return sum === null ? { count, sum: null, extreme } : undefined;
}

function decodeCompared(value: JsonValue): ComparedValue | undefined {
  if (isScalar(value)) return value;
  return isObject(value) && Object.keys(value).length === 0 ? COMPOSITE : undefined;
}

function decodeList<T>(
  value: JsonValue | undefined,
  most: number,
  decode: (value: JsonValue) => T | undefined,
): T[] | undefined {
  if (!Array.isArray(value) || value.length > most) return undefined;
  const items: T[] = [];
  for (const one of value) {
    const item = decode(one);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

function isObject(value: JsonValue): value is { readonly [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isScalar(value: JsonValue | undefined): value is Scalar {
  return value !== undefined && scalarProblem(value) === undefined;
}
