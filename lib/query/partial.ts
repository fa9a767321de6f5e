/**
 * Answers from shards: each makes a partial answer of its rows, and whoever asked merges them. A shard sends the rows or groups
 * that may stand on the page, not all it has.
 * @module
 */

import { Accumulator, aggregatesOf, type PartialAggregate } from "./aggregate.ts";
import { bindCondition } from "./binding.ts";
import { MAX_GROUPS } from "./bounds.ts";
import { formatColumn, formatPath } from "./column_name.ts";
import { compileCondition, compileFilter } from "./filter.ts";
import { columnNames, FirstItems, groupOrder, namedColumns, pageOf, rowOrder, windowRows } from "./order.ts";
import type { AggregateColumn, Column, JsonValue, Query, QueryParameters, QueryRow } from "./query.ts";
import { QueryError } from "./query_error.ts";
import { type ComparedValue, comparedValue, valueAt } from "./values.ts";

/** A row of a partial answer. */
export interface PartialRow {
  readonly key: string;
  /** The values that the query sorts by; an object or a list stands as `{}`. */
  readonly sort: readonly ComparedValue[];
  /** What is answered for the row. */
  readonly value: JsonValue;
}

/** A group of a partial answer. */
export interface PartialGroup {
  /** The values of the columns that are grouped by; an object or a list stands as `{}`. */
  readonly group: readonly ComparedValue[];
  /** What is known of each aggregate of the query, each once, in the order in which they first stand in it. */
  readonly aggregates: readonly PartialAggregate[];
}

/** The answer of one shard, as JSON can carry it. */
export type PartialResult =
  | { readonly type: "rows"; readonly rows: readonly PartialRow[] }
  | { readonly type: "groups"; readonly groups: readonly PartialGroup[] };

/**
 * Answers a query as far as one shard can.
 * @throws {QueryError} where a parameter is missing or not of its kind, or there are too many groups
 */
export function partial(
  query: Query,
  rows: Iterable<QueryRow>,
  parameters: QueryParameters = {},
): PartialResult {
  const aggregates = aggregatesOf(query);
  const test = compileFilter(query, parameters);
  return aggregates === undefined
    ? { type: "rows", rows: partialRows(query, rows, test) }
    : { type: "groups", groups: partialGroups(query, aggregates, rows, test) };
}

/**
 * Makes the answer from those of all shards, of which no two hold one key. What came from others goes through
 * {@link decodePartial} first.
 * @throws {QueryError} where a parameter is missing or not of its kind, or there are too many groups
 */
export function merge(
  query: Query,
  partials: Iterable<PartialResult>,
  parameters: QueryParameters = {},
): JsonValue[] {
  const aggregates = aggregatesOf(query);
  if (aggregates !== undefined) return mergeGroups(query, aggregates, partials, parameters);
  const first = new FirstItems<PartialRow>(rowOrder(query), windowRows(query));
  for (const answer of partials) {
    if (answer.type === "rows") { for (const row of answer.rows) first.add(row); }
  }
  return pageOf(query, first.sorted()).map(({ value }) => value);
}

/** @returns what a query answers for the value of a row */
export function projection(query: Query): (value: JsonValue) => JsonValue {
  const { columns } = query;
  if (columns === "*") return (value) => value;
  const names = columnNames(query);
  const paths = columns.map(({ path }) => path ?? []);
  return (value) => namedColumns(names, paths.map((path) => valueAt(value, path)));
}

/** @returns what a query sorts a row by */
export function sortValues({ sortBy }: Query): (value: JsonValue) => ComparedValue[] {
  const paths = sortBy.map(({ column }) => column.path ?? []);
  return (value) => paths.map((path) => comparedValue(valueAt(value, path)));
}

/** @throws {QueryError} there are more groups than may be */
export function tooManyGroups(): never {
  throw new QueryError("too many groups", `at most ${MAX_GROUPS}; where can leave rows out`);
}

function partialRows(
  query: Query,
  rows: Iterable<QueryRow>,
  test: (value: JsonValue) => boolean,
): PartialRow[] {
  const project = projection(query);
  const sort = sortValues(query);
  const first = new FirstItems<PartialRow>(rowOrder(query), windowRows(query));
  for (const { key, value } of rows) {
    if (test(value)) first.add({ key, sort: sort(value), value });
  }
  return first.sorted().map((row) => ({ ...row, value: project(row.value) }));
}

function partialGroups(
  { groupBy }: Query,
  aggregates: readonly AggregateColumn[],
  rows: Iterable<QueryRow>,
  test: (value: JsonValue) => boolean,
): PartialGroup[] {
  const groups = new Groups(aggregates);
  // Without group-by all rows are one group, also when there are none.
  if (groupBy.length === 0) groups.of([]);
  for (const { value } of rows) {
    if (!test(value)) continue;
    const accumulators = groups.of(groupBy.map((path) => comparedValue(valueAt(value, path))));
    for (const [i, { path }] of aggregates.entries()) {
      if (path === undefined) accumulators[i]?.addRow();
      else accumulators[i]?.add(valueAt(value, path));
    }
  }
  return groups.all().map(([group, accumulators]) => ({
    group,
    aggregates: accumulators.map((accumulator) => accumulator.partial()),
  }));
}

function mergeGroups(
  query: Query,
  aggregates: readonly AggregateColumn[],
  partials: Iterable<PartialResult>,
  parameters: QueryParameters,
): JsonValue[] {
  const groups = new Groups(aggregates);
  if (query.groupBy.length === 0) groups.of([]);
  for (const answer of partials) {
    if (answer.type !== "groups") continue;
    for (const { group, aggregates } of answer.groups) {
      const accumulators = groups.of(group);
      for (const [i, known] of aggregates.entries()) accumulators[i]?.addPartial(known);
    }
  }
  return finishGroups(query, aggregates, groups, parameters);
}

function finishGroups(
  query: Query,
  aggregates: readonly AggregateColumn[],
  groups: Groups,
  parameters: QueryParameters,
): JsonValue[] {
  const names = [...query.groupBy.map(formatPath), ...aggregates.map(formatColumn)];
  const reader = (column: Column) => {
    const place = names.indexOf(formatColumn(column));
    return (values: readonly JsonValue[]) => values[place] ?? null;
  };
  const { having, columns } = query;
  const test = having === undefined
    ? () => true
    : compileCondition(bindCondition(having, parameters), query.matchCase, reader);
  const sort = query.sortBy.map(({ column }) => reader(column));
  const selected = columns === "*" ? [] : columns.map(reader);
  const first = new FirstItems<{ sort: JsonValue[]; group: readonly JsonValue[]; values: JsonValue[] }>(
    groupOrder(query),
    windowRows(query),
  );
  for (const [group, accumulators] of groups.all()) {
    const values = [...group, ...accumulators.map((accumulator) => accumulator.result())];
    if (test(values)) first.add({ group, values, sort: sort.map((read) => read(values)) });
  }
  const columnsNamed = columnNames(query);
  return pageOf(query, first.sorted())
    .map(({ values }) => namedColumns(columnsNamed, selected.map((read) => read(values))));
}

/** The accumulators of each group. */
class Groups {
  readonly #aggregates: readonly AggregateColumn[];
  readonly #groups = new Map<string, [readonly ComparedValue[], Accumulator[]]>();

  constructor(aggregates: readonly AggregateColumn[]) {
    this.#aggregates = aggregates;
  }

  of(group: readonly ComparedValue[]): Accumulator[] {
    // JSON tells all values apart that the language does.
    const id = JSON.stringify(group);
    const known = this.#groups.get(id);
    if (known !== undefined) return known[1];
    if (this.#groups.size === MAX_GROUPS) tooManyGroups();
    const accumulators = this.#aggregates.map((aggregate) => new Accumulator(aggregate.function));
    this.#groups.set(id, [group, accumulators]);
    return accumulators;
  }

  all(): (readonly [readonly ComparedValue[], readonly Accumulator[]])[] {
    return [...this.#groups.values()];
  }
}
