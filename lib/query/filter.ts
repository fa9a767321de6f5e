/**
 * Conditions as tests of values.
 *
 * Every comparison is true or false, there is no third: what is absent is null, `= null` is true of it, `!=` of anything
 * else is too. An order (`<`, `<=`, `>`, `>=`) holds between two numbers, two texts or two booleans only. A pattern matches
 * texts only, and an object or list equals nothing.
 * @module
 */

import { bindCondition, type BoundCondition } from "./binding.ts";
import type { Column, ComparisonOperator, Filter, JsonValue, QueryParameters, Scalar } from "./query.ts";
import { compareValues, foldCase, matchesPattern, valueAt } from "./values.ts";

/**
 * Makes a test of single values from the `where` of a filter or query, for a watch or a scan: bind once, call often.
 * @throws {QueryError} where a parameter is missing or not of its kind
 */
export function compileFilter(
  filter: Filter,
  parameters: QueryParameters = {},
): (value: JsonValue) => boolean {
  if (filter.where === undefined) return () => true;
  return compileCondition(bindCondition(filter.where, parameters), filter.matchCase, (column) => {
    const path = column.path ?? [];
    const [name, ...rest] = path;
    // Most properties have one name, and a scan asks for them once a row.
    if (name === undefined || rest.length > 0) return (value) => valueAt(value, path);
    return (value) => {
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      return isObject && Object.hasOwn(value, name)
        ? (value as { readonly [name: string]: JsonValue })[name] ?? null
        : null;
    };
  });
}

/**
 * @returns whether a value satisfies the `where` of a filter or query
 * @throws {QueryError} where a parameter is missing or not of its kind
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseFilter } from "./mod.ts";
 *
 * const open = parseFilter("status = open and customer.name = 'J*'");
 * assert.ok(matches(open, { status: "Open", customer: { name: "Jane" } }));
 * ```
 */
export function matches(filter: Filter, value: JsonValue, parameters: QueryParameters = {}): boolean {
  return compileFilter(filter, parameters)(value);
}

/** Makes a test of rows of any kind, of which `reader` knows the columns. */
export function compileCondition<Row>(
  condition: BoundCondition,
  matchCase: boolean,
  reader: (column: Column) => (row: Row) => JsonValue,
): (row: Row) => boolean {
  switch (condition.type) {
    case "compare": {
      const read = reader(condition.column);
      const test = orderTest(condition.operator, condition.value, matchCase);
      return (row) => test(read(row));
    }
    case "any": {
      const read = reader(condition.column);
      const test = equalityTest(condition.values, condition.patterns, matchCase);
      return (row) => test(read(row));
    }
    case "not": {
      const test = compileCondition(condition.condition, matchCase, reader);
      return (row) => !test(row);
    }
    default: {
      const tests = condition.conditions.map((one) => compileCondition(one, matchCase, reader));
      return condition.type === "and"
        ? (row) => tests.every((test) => test(row))
        : (row) => tests.some((test) => test(row));
    }
  }
}

function orderTest(
  operator: ComparisonOperator,
  right: Scalar,
  matchCase: boolean,
): (value: JsonValue) => boolean {
  const type = typeof right;
  if (right === null) return () => false;
  const holds = ORDERS[operator];
  return (value) => typeof value === type && holds(compareValues(value, right, matchCase));
}

function equalityTest(
  values: readonly Scalar[],
  patterns: readonly (readonly string[])[],
  matchCase: boolean,
): (value: JsonValue) => boolean {
  const fold = matchCase ? (text: string) => text : foldCase;
  const known = new Set<JsonValue>(values.map((value) => typeof value === "string" ? fold(value) : value));
  const folded = patterns.map((parts) => parts.map(fold));
  const [only] = known;
  if (folded.length === 0 && known.size === 1 && only !== undefined) {
    return typeof only === "string"
      ? (value) =>
        value === only || (typeof value === "string" && value.length === only.length && fold(value) === only)
      : (value) => value === only;
  }
  return (value) => {
    if (typeof value !== "string") return known.has(value);
    const text = fold(value);
    return known.has(text) || folded.some((parts) => matchesPattern(text, parts));
  };
}

const ORDERS: Readonly<Record<ComparisonOperator, (order: number) => boolean>> = {
  "=": (order) => order === 0,
  "!=": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};
