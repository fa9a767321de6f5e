/**
 * Conditions as the SQL of SQLite, each value bound.
 *
 * A property is SQL whose values stand in SQLite in the order of the language: NULL, then numbers, all as REAL so that both
 * sides round alike, then texts; SQLite has no booleans, and puts blobs last: `false` is `x'00'`, `true` is `x'01'`, an object or
 * a list is `x'02'`.
 * @module
 */

import type { BoundCondition } from "./binding.ts";
import { formatColumn } from "./column_name.ts";
import type { Path, Scalar } from "./query.ts";
import { foldCase } from "./values.ts";

/** SQL with one `?` for each value. */
export interface Fragment {
  readonly sql: string;
  readonly values: readonly (null | number | string)[];
}

/** The SQL of properties. */
export interface PropertySql {
  /** The SQL of a property whose values compare as the language compares them. */
  readonly exact: (path: Path) => Fragment;
  /** The same text where the property is one, and anything where it is none; undefined where the exact one costs no more. */
  readonly loose: (path: Path) => Fragment | undefined;
}

/** The SQL of an object or a list. */
export const COMPOSITE_SQL = "x'02'";

/** Joins SQL and values in their order: what stands in the template is SQL, what is put in are fragments. */
export function sql(texts: TemplateStringsArray, ...fragments: readonly Fragment[]): Fragment {
  return {
    sql: texts.map((text, i) => text + (fragments[i]?.sql ?? "")).join(""),
    values: fragments.flatMap(({ values }) => values),
  };
}

/** @returns SQL without values */
export function raw(text: string): Fragment {
  return { sql: text, values: [] };
}

/** @returns fragments with a separator between them */
export function join(fragments: readonly Fragment[], separator: string): Fragment {
  return {
    sql: fragments.map(({ sql }) => sql).join(separator),
    values: fragments.flatMap(({ values }) => values),
  };
}

/** @returns a bound value */
export function bound(value: null | number | string): Fragment {
  return { sql: "?", values: [value] };
}

/** @returns the SQL of a property of a document, with the path as it is given twice */
export function propertyFragment(document: string, path: Fragment): Fragment {
  const json = raw(document);
  const extract = sql`json_extract(${json}, ${path})`;
  const whens = join([
    sql`CASE json_type(${json}, ${path})`,
    raw(`WHEN 'true' THEN x'01' WHEN 'false' THEN x'00'`),
    raw(`WHEN 'object' THEN ${COMPOSITE_SQL} WHEN 'array' THEN ${COMPOSITE_SQL}`),
    sql`WHEN 'integer' THEN CAST(${extract} AS REAL)`,
    sql`ELSE ${extract} END`,
  ], " ");
  return sql`(${whens})`;
}

/** @returns the SQL of a property of a document as SQLite's JSON functions read it: texts are exact, other types are mixed */
export function looseFragment(document: string, path: Path): Fragment {
  return sql`json_extract(${raw(document)}, ${bound(jsonPath(path))})`;
}

/** @returns the JSON path of SQLite; its names hold neither quotation marks nor backslashes */
export function jsonPath(path: Path): string {
  return `$${path.map((name) => `."${name}"`).join("")}`;
}

/** @returns the condition in SQL: 1 where it holds, 0 or NULL where not */
export function conditionSql(
  condition: BoundCondition,
  matchCase: boolean,
  property: PropertySql,
): Fragment {
  const collation = matchCase ? "BINARY" : "NOCASE";
  const compile = (condition: BoundCondition, siblings: readonly BoundCondition[]): Fragment => {
    switch (condition.type) {
      case "compare": {
        const column = sql`${property.exact(condition.column.path ?? [])} COLLATE ${raw(collation)}`;
        return orderSql(column, condition, siblings.some((other) => isOtherEnd(condition, other)));
      }
      case "any": {
        const plain = property.exact(condition.column.path ?? []);
        const column = sql`${plain} COLLATE ${raw(collation)}`;
        const tests = [
          ...membershipSql(column, condition.values),
          ...condition.patterns.map((parts) => patternSql(plain, column, parts, matchCase)),
        ];
        if (tests.length === 0) return raw("0");
        const any = sql`(${join(tests, " OR ")})`;
        const loose = property.loose(condition.column.path ?? []);
        const isText = condition.patterns.length === 0 &&
          condition.values.every((one) => typeof one === "string");
        if (loose === undefined || !isText) return any;
        // Where nothing but a scan will do, most rows differ already by what costs less to read.
        return sql`(${
          membershipSql(sql`${loose} COLLATE ${raw(collation)}`, condition.values)[0] ?? any
        } AND ${any})`;
      }
      case "not":
        return sql`(${compile(condition.condition, [])} IS NOT TRUE)`;
      default: {
        const isAnd = condition.type === "and";
        const tests = condition.conditions.map((one) => compile(one, isAnd ? condition.conditions : []));
        return sql`(${join(tests, isAnd ? " AND " : " OR ")})`;
      }
    }
  };
  return compile(condition, []);
}

/** @returns whether of two comparisons of one property one keeps values from above and the other from below, by values of one type */
function isOtherEnd(one: BoundComparison, other: BoundCondition): boolean {
  return other.type === "compare" && other.value !== null && typeof other.value === typeof one.value &&
    isUpperEnd(other) !== isUpperEnd(one) && formatColumn(other.column) === formatColumn(one.column);
}

function isUpperEnd({ operator }: BoundComparison): boolean {
  return operator.startsWith("<");
}

/**
 * An order holds between values of one type: a second end keeps the others out, and an index still serves. Where the condition
 * has a second end itself, that does it; a further one SQLite might take for the end of the range, and read all up to it.
 */
function orderSql(column: Fragment, comparison: BoundComparison, isBounded: boolean): Fragment {
  const { operator, value } = comparison;
  if (value === null) return raw("0");
  const isUpper = isUpperEnd(comparison);
  const test = sql`${column} ${raw(operator)} ${scalarSql(value)}`;
  // NULL is below all numbers, but no comparison holds of it.
  if (isBounded || (typeof value === "number" && isUpper)) return sql`(${test})`;
  const [least, above] = RANGES[typeof value] ?? [];
  return sql`(${test} AND ${column} ${raw(isUpper ? `>= ${least}` : `< ${above}`)})`;
}

function membershipSql(column: Fragment, values: readonly Scalar[]): Fragment[] {
  const present = values.filter((value) => value !== null).map(scalarSql);
  const tests = present.length < values.length ? [sql`${column} IS NULL`] : [];
  const [first] = present;
  if (first === undefined) return tests;
  return present.length === 1
    ? [sql`${column} = ${first}`, ...tests]
    : [sql`${column} IN (${join(present, ", ")})`, ...tests];
}

/**
 * `GLOB` matches the case, has wildcards of its own that are put in brackets, and is handed text alone. What stands before the
 * first wildcard is also a range, which an index can serve.
 */
function patternSql(
  plain: Fragment,
  column: Fragment,
  parts: readonly string[],
  matchCase: boolean,
): Fragment {
  const folded = matchCase ? parts : parts.map(foldCase);
  const glob = bound(folded.map((part) => part.replace(/[*?[]/g, "[$&]")).join("*"));
  const text = matchCase ? plain : sql`lower(${plain})`;
  const prefix = folded[0] ?? "";
  const after = successor(prefix);
  const start = sql`${column} >= ${bound(prefix)}`;
  const end = after === undefined ? sql`${column} < x''` : sql`${column} < ${bound(after)}`;
  return sql`(${start} AND ${end} AND ${text} GLOB ${glob})`;
}

/** @returns the least text that stands after all that begin with a prefix, undefined where there is none */
function successor(prefix: string): string | undefined {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const point = (last.codePointAt(0) ?? 0) + 1;
    if (point <= 0x10ffff) return points.join("") + String.fromCodePoint(point === 0xd800 ? 0xe000 : point);
  }
  return undefined;
}

function scalarSql(value: Scalar): Fragment {
  return typeof value === "boolean" ? raw(value ? "x'01'" : "x'00'") : bound(value);
}

/** For each type the least value and what stands above all of its values. */
const RANGES: Readonly<Record<string, readonly [least: string, above: string]>> = {
  number: ["", "''"],
  string: ["''", "x''"],
  boolean: ["x''", COMPOSITE_SQL],
};

type BoundComparison = BoundCondition & { readonly type: "compare" };
