/**
 * A query as a value: what the parser reads, the builder makes, and the evaluators answer.
 * @module
 */

/** What JSON can say: a value of a collection. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** A value that can be compared. */
export type Scalar = null | boolean | number | string;

/** The names that lead to a property, from the outermost. */
export type Path = readonly string[];

/** What can be computed over the rows of a group. */
export type AggregateFunction = "count" | "sum" | "avg" | "min" | "max";

/** A property of a row. */
export interface PropertyColumn {
  /** Which kind it is. */
  readonly type: "property";
  /** The names that lead to the property. */
  readonly path: Path;
}

/** A value over the rows of a group; `path` is undefined in `count(*)` alone. */
export interface AggregateColumn {
  /** Which kind it is. */
  readonly type: "aggregate";
  /** What is computed. */
  readonly function: AggregateFunction;
  /** The names that lead to the property. */
  readonly path: Path | undefined;
}

/** What a query may select, compare and sort by. */
export type Column = PropertyColumn | AggregateColumn;

/** A value that stands in the query. */
export interface LiteralOperand {
  /** Which kind it is. */
  readonly type: "literal";
  /** What stands there. */
  readonly value: Scalar;
}

/** A text with wildcards: any text may stand between two neighbouring parts. There are two parts or more. */
export interface PatternOperand {
  /** Which kind it is. */
  readonly type: "pattern";
  /** What stands between the stars. */
  readonly parts: readonly string[];
}

/** A value that is bound when the query is answered; a text that is bound has no wildcards. */
export interface ParameterOperand {
  /** Which kind it is. */
  readonly type: "parameter";
  /** The name after the colon. */
  readonly name: string;
}

/** What a column is compared with. */
export type Operand = LiteralOperand | PatternOperand | ParameterOperand;

/** How a column is compared. */
export type ComparisonOperator = "=" | "!=" | "<" | "<=" | ">" | ">=";

/** A column beside a value. */
export interface Comparison {
  /** Which kind it is. */
  readonly type: "compare";
  /** What is looked at. */
  readonly column: Column;
  /** How they are compared. */
  readonly operator: ComparisonOperator;
  /** What it is compared with. */
  readonly operand: Operand;
}

/** A column and the values of which it must be one, or none. A single parameter is bound to a list. */
export interface Membership {
  /** Which kind it is. */
  readonly type: "in";
  /** What is looked at. */
  readonly column: Column;
  /** Whether it must be none of them. */
  readonly isNegated: boolean;
  /** The values, or the parameter that is bound to them. */
  readonly list: readonly Operand[] | ParameterOperand;
}

/** Two conditions or more that must all hold, or of which one must. */
export interface Junction {
  /** Which kind it is. */
  readonly type: "and" | "or";
  /** Two or more. */
  readonly conditions: readonly Condition[];
}

/** A condition that must not hold. */
export interface Negation {
  /** Which kind it is. */
  readonly type: "not";
  /** What must not hold. */
  readonly condition: Condition;
}

/** What a row, or a group of rows, must satisfy. */
export type Condition = Comparison | Membership | Junction | Negation;

/** The direction of an order. */
export type SortDirection = "ascending" | "descending";

/** A column to sort by. */
export interface SortKey {
  /** What is looked at. */
  readonly column: Column;
  /** Which way. */
  readonly direction: SortDirection;
}

/** A condition on single rows: what a watch asks for. Every {@link Query} is one. */
export interface Filter {
  /** What rows must satisfy; undefined for nothing. */
  readonly where: Condition | undefined;
  /** Whether texts are compared as they are; otherwise `A` to `Z` equal `a` to `z`. */
  readonly matchCase: boolean;
}

/** A query, read and checked. */
export interface Query extends Filter {
  /** What is selected; `*` is the whole value. */
  readonly columns: readonly Column[] | "*";
  /** The collection. */
  readonly from: string;
  /** Rows that are equal in these make a group. */
  readonly groupBy: readonly Path[];
  /** What groups must satisfy; undefined for nothing. */
  readonly having: Condition | undefined;
  /** The first one counts most. */
  readonly sortBy: readonly SortKey[];
  /** How many rows a page holds, from 1. */
  readonly limit: number | undefined;
  /** Which page, from 1; never without a limit. */
  readonly page: number | undefined;
}

/** The values of a query's parameters by name; a list is for `in :name`. */
export type QueryParameters = Readonly<Record<string, Scalar | readonly Scalar[]>>;

/** A row of a collection. */
export interface QueryRow {
  /** The key, unique in the collection: what orders rows that are otherwise equal. */
  readonly key: string;
  readonly value: JsonValue;
}
