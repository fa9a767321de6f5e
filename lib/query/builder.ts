/**
 * Queries built in TypeScript: the compiler knows the properties of a row, and what each is compared with.
 * @module
 */

import { checkFilter, checkQuery } from "./check.ts";
import type {
  AggregateFunction,
  Column,
  ComparisonOperator,
  Condition,
  Filter,
  Operand,
  ParameterOperand,
  PatternOperand,
  Query,
  Scalar,
  SortDirection,
} from "./query.ts";
import { isParameterName } from "./words.ts";

/** The names of a row's properties, with dots between them where they lead into objects: `total`, `customer.name`; as deep as `Depth` says. */
export type PropertyName<Row, Depth extends number = 4> = [Depth] extends [never] ? never
  : Row extends readonly unknown[] ? never
  : Row extends object ? {
      [Name in keyof Row & string]:
        | Name
        | `${Name}.${PropertyName<NonNullable<Row[Name]>, [never, 0, 1, 2, 3, 4][Depth]>}`;
    }[keyof Row & string]
  : never;

/** The type of a property, as it is read: null stands for what is absent. */
export type PropertyType<Row, Name extends string> = Row extends object
  ? Name extends keyof Row ? undefined extends Row[Name] ? Exclude<Row[Name], undefined> | null : Row[Name]
  : Name extends `${infer First}.${infer Rest}` ? First extends keyof Row ?
        | PropertyType<NonNullable<Row[First]>, Rest>
        | (null extends Row[First] ? null : never)
        | (undefined extends Row[First] ? null : never)
    : never
  : never
  : never;

/** What a property may be compared with. */
export type PropertyValue<Row, Name extends string> =
  | Extract<PropertyType<Row, Name>, Scalar>
  | null
  | ParameterOperand
  | (string extends Extract<PropertyType<Row, Name>, string> ? PatternOperand : never);

/** An aggregate of a row's property, as it is called in results: `count(*)`, `sum(total)`. */
export type AggregateName<Row> = "count(*)" | `${AggregateFunction}(${PropertyName<Row>})`;

/** The type of a column of results. */
export type ColumnType<Row, Name extends string> = Name extends `count(${string})` ? number
  : Name extends `sum(${string})` | `avg(${string})` ? number | null
  : Name extends `min(${infer Property})` | `max(${infer Property})`
    ? Extract<PropertyType<Row, Property>, Scalar> | null
  : PropertyType<Row, Name>;

/** Makes conditions on rows. */
export interface ConditionBuilder<Row> {
  /** The property compared with a value, a {@link pattern} or a {@link parameter}; a text has no wildcards. */
  <Name extends PropertyName<Row>>(
    property: Name,
    operator: ComparisonOperator,
    value: PropertyValue<Row, Name>,
  ): Condition;
  /** The property is one of the values, or none of them. */
  <Name extends PropertyName<Row>>(
    property: Name,
    operator: "in" | "not in",
    values: readonly PropertyValue<Row, Name>[] | ParameterOperand,
  ): Condition;
  /** All of the conditions hold. */
  and(...conditions: Condition[]): Condition;
  /** One of the conditions holds. */
  or(...conditions: Condition[]): Condition;
  /** The condition doesn't hold. */
  not(condition: Condition): Condition;
}

/** A query that is being built; every step makes a new one. `Result` is the type of what it answers. */
export class QueryBuilder<Row, Result = Row> {
  readonly #query: Query;
  /** There for the compiler alone. */
  declare protected readonly resultType: Result;

  /** Programs begin with {@link from}. */
  constructor(query: Query) {
    this.#query = query;
  }

  /** Selects columns; without this the rows come whole. */
  select<Name extends PropertyName<Row> | AggregateName<Row>>(
    ...columns: readonly Name[]
  ): QueryBuilder<Row, { [Column in Name]: ColumnType<Row, Column> }> {
    return new QueryBuilder({ ...this.#query, columns: columns.map(columnOf) });
  }

  /** Wants a condition to hold too, beside those before. */
  where<Name extends PropertyName<Row>>(
    property: Name,
    operator: ComparisonOperator,
    value: PropertyValue<Row, Name>,
  ): QueryBuilder<Row, Result>;
  /** Wants the property to be one of the values, or none of them. */
  where<Name extends PropertyName<Row>>(
    property: Name,
    operator: "in" | "not in",
    values: readonly PropertyValue<Row, Name>[] | ParameterOperand,
  ): QueryBuilder<Row, Result>;
  /** Wants the condition that is made of the property's to hold too. */
  where(make: (is: ConditionBuilder<Row>) => Condition): QueryBuilder<Row, Result>;
  where(
    first: string | ((is: ConditionBuilder<Row>) => Condition),
    operator: ComparisonOperator | "in" | "not in" = "=",
    value: BuiltValue = null,
  ): QueryBuilder<Row, Result> {
    const condition = typeof first === "string" ? conditionOf(first, operator, value) : first(CONDITIONS);
    return new QueryBuilder({ ...this.#query, where: both(this.#query.where, condition) });
  }

  /** Makes groups of the rows that are equal in the properties. */
  groupBy(...properties: readonly PropertyName<Row>[]): QueryBuilder<Row, Result> {
    return new QueryBuilder({ ...this.#query, groupBy: properties.map((name) => name.split(".")) });
  }

  /** Wants a condition to hold of each group too, beside those before. */
  having<Name extends PropertyName<Row> | AggregateName<Row>>(
    column: Name,
    operator: ComparisonOperator,
    value: Extract<ColumnType<Row, Name>, Scalar> | null | ParameterOperand,
  ): QueryBuilder<Row, Result> {
    const condition = conditionOf(column, operator, value);
    return new QueryBuilder({ ...this.#query, having: both(this.#query.having, condition) });
  }

  /** Sorts by a column too, after those before. */
  sortBy(
    column: PropertyName<Row> | AggregateName<Row>,
    direction: SortDirection = "ascending",
  ): QueryBuilder<Row, Result> {
    const sortBy = [...this.#query.sortBy, { column: columnOf(column), direction }];
    return new QueryBuilder({ ...this.#query, sortBy });
  }

  /** Takes so many rows, from the first or from a later page, counted from 1. */
  limit(rows: number, page?: number): QueryBuilder<Row, Result> {
    return new QueryBuilder({ ...this.#query, limit: rows, page });
  }

  /** Compares texts as they are. */
  matchCase(): QueryBuilder<Row, Result> {
    return new QueryBuilder({ ...this.#query, matchCase: true });
  }

  /**
   * Ends the building.
   * @returns the query
   * @throws {QueryError} where what was built breaks a bound or a rule
   */
  toQuery(): Query {
    checkQuery(this.#query);
    return this.#query;
  }

  /**
   * Ends the building of what a watch asks for.
   * @returns the condition alone, for a watch
   * @throws {QueryError} where it breaks a bound or a rule
   */
  toFilter(): Filter {
    const { where, matchCase } = this.#query;
    checkFilter({ where, matchCase });
    return { where, matchCase };
  }
}

/**
 * Begins a query of a collection.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { formatQuery } from "./mod.ts";
 *
 * interface Order {
 *   id: number;
 *   status: "open" | "paid";
 *   total: number;
 * }
 * const query = from<Order>("orders").select("id", "total").where("status", "=", "open").where("total", ">", 100)
 *   .sortBy("total", "descending").limit(10).toQuery();
 * assert.equal(
 *   formatQuery(query),
 *   "select id, total from orders where status = 'open' and total > 100 sort-by total descending limit 10",
 * );
 * ```
 */
export function from<Row>(collection: string): QueryBuilder<Row> {
  return new QueryBuilder<Row>({
    columns: "*",
    from: collection,
    where: undefined,
    groupBy: [],
    having: undefined,
    sortBy: [],
    limit: undefined,
    page: undefined,
    matchCase: false,
  });
}

/** A value that is bound when the query is answered; letters, digits and `_` make its name. */
export function parameter(name: string): ParameterOperand {
  if (!isParameterName(name)) throw new TypeError("the name of a parameter is letters, digits and _");
  return { type: "parameter", name };
}

/** A text in which each `*` stands for any text; there is one at least. */
export function pattern(text: string): PatternOperand {
  const parts = text.split("*");
  if (parts.length < 2) throw new TypeError("a pattern holds a *");
  return { type: "pattern", parts };
}

type BuiltOperand = Scalar | ParameterOperand | PatternOperand;
type BuiltValue = BuiltOperand | readonly BuiltOperand[];

const CONDITIONS = Object.assign(
  (column: string, operator: ComparisonOperator | "in" | "not in", value: BuiltValue) =>
    conditionOf(column, operator, value),
  {
    and: (...conditions: Condition[]) => joined("and", conditions),
    or: (...conditions: Condition[]) => joined("or", conditions),
    not: (condition: Condition): Condition => ({ type: "not", condition }),
  },
);

function conditionOf(
  name: string,
  operator: ComparisonOperator | "in" | "not in",
  value: BuiltValue,
): Condition {
  const column = columnOf(name);
  if (operator === "in" || operator === "not in") {
    const list = isList(value) ? value.map(operandOf) : operandOf(value);
    if ("type" in list && list.type !== "parameter") {
      throw new TypeError(`${operator} takes a list or a parameter`);
    }
    return { type: "in", column, isNegated: operator === "not in", list };
  }
  if (isList(value)) throw new TypeError(`${operator} takes a single value`);
  return { type: "compare", column, operator, operand: operandOf(value) };
}

function isList(value: BuiltValue): value is readonly BuiltOperand[] {
  return Array.isArray(value);
}

function isScalar(value: BuiltOperand): value is Scalar {
  return typeof value !== "object" || value === null;
}

function operandOf(value: BuiltOperand): Operand {
  if (!isScalar(value)) return value;
  // Minus zero equals zero, and is written as such.
  return { type: "literal", value: typeof value === "number" ? value + 0 : value };
}

function columnOf(name: string): Column {
  const call = AGGREGATE.exec(name);
  if (call === null) return { type: "property", path: name.split(".") };
  const argument = call[2] ?? "*";
  const called = call[1] as AggregateFunction;
  return { type: "aggregate", function: called, path: argument === "*" ? undefined : argument.split(".") };
}

/** Conditions one after the other are one "and", as in the text. */
function both(first: Condition | undefined, second: Condition): Condition {
  if (first === undefined) return second;
  return { type: "and", conditions: first.type === "and" ? [...first.conditions, second] : [first, second] };
}

function joined(type: "and" | "or", conditions: readonly Condition[]): Condition {
  const [first] = conditions;
  if (first === undefined) throw new TypeError(`${type} takes a condition`);
  return conditions.length === 1 ? first : { type, conditions };
}

const AGGREGATE = /^(count|sum|avg|min|max)\((.+)\)$/;
