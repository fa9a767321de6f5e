/**
 * The order of answers, and the page of them that was asked for.
 * @module
 */

import { formatColumn } from "./column_name.ts";
import type { JsonValue, Query } from "./query.ts";
import { compareTexts, compareValues } from "./values.ts";

/** How many more than asked for are kept before they are cut, so that cutting is seldom. */
const SLACK = 1_024;

/** Keeps the first items of an order while all come along, in memory bounded by how many are wanted. */
export class FirstItems<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #wanted: number;
  #items: T[] = [];

  /** Keeps all items where `wanted` is undefined. */
  constructor(compare: (a: T, b: T) => number, wanted: number | undefined) {
    this.#compare = compare;
    this.#wanted = wanted ?? Infinity;
  }

  /** Adds an item. */
  add(item: T): void {
    this.#items.push(item);
    if (this.#items.length >= 2 * this.#wanted + SLACK) this.#items = this.sorted();
  }

  /** @returns the items in their order */
  sorted(): T[] {
    this.#items.sort(this.#compare);
    return this.#items.length > this.#wanted ? this.#items.slice(0, this.#wanted) : this.#items;
  }
}

/** @returns how many rows from the first a query reaches, undefined where it has no limit */
export function windowRows({ limit, page }: Query): number | undefined {
  return limit === undefined ? undefined : limit * (page ?? 1);
}

/** @returns the page of sorted items that a query asks for */
export function pageOf<T>({ limit, page }: Query, sorted: readonly T[]): readonly T[] {
  if (limit === undefined) return sorted;
  const start = limit * ((page ?? 1) - 1);
  return sorted.slice(start, start + limit);
}

/** An item that can be sorted. */
export interface Sortable {
  /** Its values of the columns that the query sorts by. */
  readonly sort: readonly JsonValue[];
}

/** @returns the order of rows: equal ones by their keys, in the direction of the last column */
export function rowOrder(
  query: Query,
): (a: Sortable & { key: string }, b: Sortable & { key: string }) => number {
  const compare = sortOrder(query);
  const direction = query.sortBy.at(-1)?.direction === "descending" ? -1 : 1;
  return (a, b) => compare(a, b) || direction * compareTexts(a.key, b.key);
}

/** @returns the order of groups: equal ones by what they are grouped by, with the case matched, ascending */
export function groupOrder(
  query: Query,
): (a: Sortable & { group: readonly JsonValue[] }, b: Sortable & { group: readonly JsonValue[] }) => number {
  const compare = sortOrder(query);
  return (a, b) => {
    const order = compare(a, b);
    if (order !== 0) return order;
    for (const [i, value] of a.group.entries()) {
      const order = compareValues(value, b.group[i] ?? null, true);
      if (order !== 0) return order;
    }
    return 0;
  };
}

/** @returns an object of named columns */
export function namedColumns(names: readonly string[], values: readonly JsonValue[]): JsonValue {
  return Object.fromEntries(names.map((name, i) => [name, values[i] ?? null]));
}

/** @returns what the selected columns of a query are called, empty for `*` */
export function columnNames({ columns }: Query): readonly string[] {
  return columns === "*" ? [] : columns.map(formatColumn);
}

function sortOrder({ sortBy, matchCase }: Query): (a: Sortable, b: Sortable) => number {
  const directions = sortBy.map(({ direction }) => direction === "descending" ? -1 : 1);
  return (a, b) => {
    for (let i = 0; i < directions.length; i++) {
      const order = compareValues(a.sort[i] ?? null, b.sort[i] ?? null, matchCase);
      if (order !== 0) return order * (directions[i] ?? 1);
    }
    return 0;
  };
}
