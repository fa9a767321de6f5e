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
  readonly type: "property";
  readonly path: Path;
}

/** A value over the rows of a group; `path` is undefined in `count(*)` alone. */
export interface AggregateColumn {
  readonly type: "aggregate";
  readonly function: AggregateFunction;
  readonly path: Path | undefined;
}

/** What a query may select, compare and sort by. */
export type Column = PropertyColumn | AggregateColumn;

/** A value that stands in the query. */
export interface LiteralOperand {
  readonly type: "literal";
  readonly value: Scalar;
}

/** A text with wildcards: any text may stand between two neighbouring parts. There are two parts or more. */
export interface PatternOperand {
  readonly type: "pattern";
  readonly parts: readonly string[];
}

/** A value that is bound when the query is answered; a text that is bound has no wildcards. */
export interface ParameterOperand {
  readonly type: "parameter";
  readonly name: string;
}

/** What a column is compared with. */
export type Operand = LiteralOperand | PatternOperand | ParameterOperand;

/** How a column is compared. */
export type ComparisonOperator = "=" | "!=" | "<" | "<=" | ">" | ">=";

/** A column beside a value. */
export interface Comparison {
  readonly type: "compare";
  readonly column: Column;
  readonly operator: ComparisonOperator;
  readonly operand: Operand;
}

/** A column and the values of which it must be one, or none. A single parameter is bound to a list. */
export interface Membership {
  readonly type: "in";
  readonly column: Column;
  readonly isNegated: boolean;
  readonly list: readonly Operand[] | ParameterOperand;
}

/** Two conditions or more that must all hold, or of which one must. */
export interface Junction {
  readonly type: "and" | "or";
  readonly conditions: readonly Condition[];
}

/** A condition that must not hold. */
export interface Negation {
  readonly type: "not";
  readonly condition: Condition;
}

/** What a row, or a group of rows, must satisfy. */
export type Condition = Comparison | Membership | Junction | Negation;

/** The direction of an order. */
export type SortDirection = "ascending" | "descending";

/** A column to sort by. */
export interface SortKey {
  readonly column: Column;
  readonly direction: SortDirection;
}

/** A condition on single rows: what a watch asks for. Every {@link Query} is one. */
export interface Filter {
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
  readonly groupBy: readonly Path[];
  readonly having: Condition | undefined;
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
