/**
 * Aggregates: what is known of each while rows come, so that it can be merged with what other shards know.
 * @module
 */

import { isGrouped } from "./check.ts";
import { formatColumn } from "./column_name.ts";
import type {
  AggregateColumn,
  AggregateFunction,
  Column,
  Condition,
  JsonValue,
  Query,
  Scalar,
} from "./query.ts";
import { compareValues, isScalar } from "./values.ts";

/** What a shard knows of an aggregate: enough of it to be merged with what others know. */
export interface PartialAggregate {
  /** How many rows or values there were for `count`, how many numbers for `avg`; otherwise it says nothing. */
  readonly count: number;
  /** The sum of the numbers for `sum` and `avg`, otherwise 0; null when it is more than a number can hold. */
  readonly sum: number | null;
  /** The least or greatest value for `min` and `max`; null when there is none. */
  readonly extreme: Scalar;
}

/** @returns the aggregates of a query, each once, in the order in which they first stand in it; undefined where its rows are no groups */
export function aggregatesOf(query: Query): readonly AggregateColumn[] | undefined {
  if (!isGrouped(query)) return undefined;
  const found = new Map<string, AggregateColumn>();
  const add = (column: Column) => {
    const name = formatColumn(column);
    if (column.type === "aggregate" && !found.has(name)) found.set(name, column);
  };
  if (query.columns !== "*") query.columns.forEach(add);
  if (query.having !== undefined) forEachColumn(query.having, add);
  for (const { column } of query.sortBy) add(column);
  return [...found.values()];
}

/**
 * One aggregate of one group. Numbers are added as SQLite adds them, by the algorithm of Kahan and Babuška in Neumaier's
 * form: whole numbers up to 2^53 exactly, others with an error that does not grow with their number.
 */
export class Accumulator {
  readonly #function: AggregateFunction;
  #count = 0;
  #sum = 0;
  #compensation = 0;
  #extreme: Scalar = null;

  constructor(name: AggregateFunction) {
    this.#function = name;
  }

  /** Counts a row, for `count(*)`. */
  addRow(): void {
    this.#count += 1;
  }

  /** Adds the value of a row. */
  add(value: JsonValue): void {
    if (value === null) return;
    switch (this.#function) {
      case "count":
        this.#count += 1;
        return;
      case "sum":
      case "avg":
        if (typeof value === "number") this.#addNumber(value, 1);
        return;
      default:
        if (isScalar(value)) this.#addExtreme(value);
    }
  }

  /** Adds what another shard knows. */
  addPartial({ count, sum, extreme }: PartialAggregate): void {
    if (this.#function === "sum" || this.#function === "avg") this.#addNumber(sum ?? Infinity, count);
    else if (this.#function === "count") this.#count += count;
    else if (extreme !== null) this.#addExtreme(extreme);
  }

  /** @returns what is known, for others */
  partial(): PartialAggregate {
    return { count: this.#count, sum: this.#total(), extreme: this.#extreme };
  }

  /** @returns the value: 0 for a sum of nothing, null for an average, a least and a greatest value of nothing */
  result(): Scalar {
    switch (this.#function) {
      case "count":
        return this.#count;
      case "sum":
        return this.#total();
      case "avg": {
        const total = this.#total();
        return this.#count === 0 || total === null ? null : total / this.#count;
      }
      default:
        return this.#extreme;
    }
  }

  #addNumber(value: number, count: number): void {
    this.#count += count;
    const sum = this.#sum + value;
    this.#compensation += Math.abs(this.#sum) > Math.abs(value)
      ? (this.#sum - sum) + value
      : (value - sum) + this.#sum;
    this.#sum = sum;
  }

  #addExtreme(value: Scalar): void {
    const order = this.#extreme === null ? 0 : compareValues(value, this.#extreme, true);
    if (this.#extreme === null || (this.#function === "min" ? order < 0 : order > 0)) this.#extreme = value;
  }

  #total(): number | null {
    const total = Number.isFinite(this.#compensation) ? this.#sum + this.#compensation : this.#sum;
    return Number.isFinite(total) ? total : null;
  }
}

function forEachColumn(condition: Condition, visit: (column: Column) => void): void {
  if (condition.type === "compare" || condition.type === "in") visit(condition.column);
  else if (condition.type === "not") forEachColumn(condition.condition, visit);
  else for (const one of condition.conditions) forEachColumn(one, visit);
}
