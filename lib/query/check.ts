/**
 * What must hold of every query, read or built: bounds, and which column may stand where.
 * @module
 */

import {
  MAX_COLUMNS,
  MAX_CONDITION_DEPTH,
  MAX_CONDITIONS,
  MAX_LIST_LENGTH,
  MAX_NAME_LENGTH,
  MAX_PATH_DEPTH,
  MAX_PATTERN_LENGTH,
  MAX_VALUES,
  MAX_WILDCARDS,
  MAX_WINDOW_ROWS,
} from "./bounds.ts";
import { formatColumn } from "./column_name.ts";
import type { Column, Condition, Filter, Operand, Path, Query, Scalar } from "./query.ts";
import { QueryError, type QueryErrorPlace } from "./query_error.ts";
import { isParameterName } from "./words.ts";

/** Where a node of a query stands in its text. */
export type PlaceOf = (node: object) => QueryErrorPlace | undefined;

/** @throws {QueryError} where a query breaks a bound or a rule */
export function checkQuery(query: Query, placeOf: PlaceOf = () => undefined): void {
  new Check(placeOf).query(query);
}

/** @throws {QueryError} where a filter breaks a bound or a rule */
export function checkFilter(filter: Filter, placeOf: PlaceOf = () => undefined): void {
  new Check(placeOf).condition(filter.where, 0, rejectAggregate);
}

/** @returns why a value cannot be compared with, as what would have been right, or undefined */
export function scalarProblem(value: unknown): string | undefined {
  if (value === null || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : "a finite number";
  if (typeof value !== "string") return "a text, a number, true, false or null";
  return value.isWellFormed() && !value.includes("\0") ? undefined : "well-formed text without U+0000";
}

/** @returns whether the rows of a query are groups */
export function isGrouped(query: Query): boolean {
  return query.groupBy.length > 0 || query.having !== undefined ||
    columnsOf(query).some((column) => column.type === "aggregate");
}

/** @returns the columns that a query selects by name and sorts by */
function columnsOf({ columns, sortBy }: Query): Column[] {
  return [...columns === "*" ? [] : columns, ...sortBy.map(({ column }) => column)];
}

type ColumnRule = (column: Column) => string | undefined;

function rejectAggregate(column: Column): string | undefined {
  return column.type === "aggregate" ? "a property; having compares aggregates" : undefined;
}

class Check {
  readonly #placeOf: PlaceOf;
  #conditions = 0;
  #values = 0;

  constructor(placeOf: PlaceOf) {
    this.#placeOf = placeOf;
  }

  query(query: Query): void {
    this.#name(query.from, query, "a collection");
    this.#selected(query);
    this.condition(query.where, 0, rejectAggregate);
    this.#count(query.groupBy, MAX_COLUMNS, "columns in group-by");
    for (const path of query.groupBy) this.#path(path);
    this.#grouped(query);
    this.#window(query);
  }

  condition(condition: Condition | undefined, depth: number, rule: ColumnRule): void {
    if (condition === undefined) return;
    switch (condition.type) {
      case "compare": {
        this.#tested(condition.column, condition, rule);
        const { operand, operator } = condition;
        if (operand.type === "pattern" && operator !== "=" && operator !== "!=") {
          throw this.#error(operand, "a wildcard in what gives an order", "a value without wildcards");
        }
        return this.#operand(operand);
      }
      case "in":
        this.#tested(condition.column, condition, rule);
        if ("type" in condition.list) return this.#operand(condition.list);
        this.#count(condition.list, MAX_LIST_LENGTH, "values in a list");
        return condition.list.forEach((operand) => this.#operand(operand));
      case "not":
        this.#deeper(condition, depth);
        return this.condition(condition.condition, depth + 1, rule);
      default:
        this.#deeper(condition, depth);
        if (condition.conditions.length < 2) {
          throw this.#error(condition, `${condition.type} of less than two conditions`, "two or more");
        }
        for (const one of condition.conditions) this.condition(one, depth + 1, rule);
    }
  }

  #selected(query: Query): void {
    if (query.columns === "*") return;
    if (query.columns.length === 0) throw this.#error(query, "select of no column", "a column or *");
    this.#count(query.columns, MAX_COLUMNS, "columns in select");
    const names = new Set<string>();
    for (const column of query.columns) {
      this.#column(column);
      const name = formatColumn(column);
      if (names.has(name)) throw this.#error(column, "a column that is selected twice", "each once");
      names.add(name);
    }
  }

  #grouped(query: Query): void {
    this.#count(query.sortBy, MAX_COLUMNS, "columns in sort-by");
    for (const { column } of query.sortBy) this.#column(column);
    if (!isGrouped(query)) return;
    if (query.columns === "*") {
      throw this.#error(query, "select * of groups", "columns of group-by and aggregates");
    }
    const groups = new Set(query.groupBy.map((path) => formatColumn({ type: "property", path })));
    const rule: ColumnRule = (column) =>
      column.type === "aggregate" || groups.has(formatColumn(column))
        ? undefined
        : "a column of group-by or an aggregate";
    for (const column of columnsOf(query)) {
      const expected = rule(column);
      if (expected !== undefined) {
        throw this.#error(column, "a property of single rows among groups", expected);
      }
    }
    this.condition(query.having, 0, rule);
  }

  #window({ limit, page }: Query): void {
    for (const count of [limit, page]) {
      if (count !== undefined && !(Number.isSafeInteger(count) && count >= 1)) {
        throw new QueryError("a limit or page that is no whole number", "one from 1");
      }
    }
    if (page !== undefined && limit === undefined) throw new QueryError("a page without a limit", "a limit");
    if ((limit ?? 0) * (page ?? 1) > MAX_WINDOW_ROWS) {
      throw new QueryError("a page that is too far", `at most ${MAX_WINDOW_ROWS} for limit times page`);
    }
  }

  #tested(column: Column, condition: Condition, rule: ColumnRule): void {
    this.#conditions += 1;
    if (this.#conditions > MAX_CONDITIONS) {
      throw this.#error(condition, "one comparison more than may be", `at most ${MAX_CONDITIONS}`);
    }
    this.#column(column);
    const expected = rule(column);
    if (expected !== undefined) {
      throw this.#error(column, `found ${formatColumn(column).slice(0, 64)}`, expected);
    }
  }

  #deeper(condition: Condition, depth: number): void {
    if (depth < MAX_CONDITION_DEPTH) return;
    throw this.#error(condition, "a condition that is too deep", `at most ${MAX_CONDITION_DEPTH} levels`);
  }

  #operand(operand: Operand): void {
    this.#values += 1;
    if (this.#values > MAX_VALUES) {
      throw this.#error(operand, "one value more than may be", `at most ${MAX_VALUES} in all`);
    }
    if (operand.type === "parameter") {
      if (isParameterName(operand.name)) return this.#name(operand.name, operand, "a parameter");
      throw this.#error(operand, "the name of a parameter", "letters, digits and _");
    }
    if (operand.type === "literal") return this.#scalar(operand.value, operand);
    const { parts } = operand;
    if (parts.length < 2 || parts.length - 1 > MAX_WILDCARDS) {
      throw this.#error(operand, `${parts.length - 1} wildcards`, `1 to ${MAX_WILDCARDS}`);
    }
    if (parts.reduce((sum, part) => sum + part.length, 0) > MAX_PATTERN_LENGTH) {
      throw this.#error(operand, "a pattern that is too long", `at most ${MAX_PATTERN_LENGTH} characters`);
    }
    for (const part of parts) this.#scalar(part, operand);
  }

  #scalar(value: Scalar, operand: Operand): void {
    const expected = scalarProblem(value);
    if (expected !== undefined) throw this.#error(operand, "a value that has no order", expected);
  }

  #column(column: Column): void {
    if (column.path !== undefined) return this.#path(column.path);
    if (column.type === "property" || column.function !== "count") {
      throw this.#error(column, "a column without a property", "a property");
    }
  }

  #path(path: Path): void {
    if (path.length < 1 || path.length > MAX_PATH_DEPTH) {
      throw this.#error(path, `a property of ${path.length} names`, `1 to ${MAX_PATH_DEPTH}`);
    }
    for (const name of path) this.#name(name, path, "a property");
  }

  #name(name: string, node: object, whose: string): void {
    if (name.length > 0 && name.length <= MAX_NAME_LENGTH && name.isWellFormed() && !UNNAMEABLE.test(name)) {
      return;
    }
    const expected =
      `1 to ${MAX_NAME_LENGTH} characters without quotation marks, backslashes and control characters`;
    throw this.#error(node, `the name of ${whose}`, expected);
  }

  #count(items: readonly unknown[], most: number, what: string): void {
    if (items.length > most) throw this.#error(items, `${items.length} ${what}`, `at most ${most}`);
  }

  #error(node: object, problem: string, expected: string): QueryError {
    return new QueryError(problem, expected, this.#placeOf(node));
  }
}

/** What a name of SQLite's JSON paths cannot hold. */
const UNNAMEABLE = /["\\\p{Cc}]/u;
