/**
 * Conditions with their parameters bound: what the filter tests and SQL is made of.
 * @module
 */

import { MAX_LIST_LENGTH, MAX_VALUES } from "./bounds.ts";
import { scalarProblem } from "./check.ts";
import type {
  Column,
  ComparisonOperator,
  Condition,
  Operand,
  ParameterOperand,
  QueryParameters,
  Scalar,
} from "./query.ts";
import { QueryError } from "./query_error.ts";

/** A condition of which every value is known. */
export type BoundCondition =
  | {
    readonly type: "compare";
    readonly column: Column;
    readonly operator: ComparisonOperator;
    readonly value: Scalar;
  }
  /** The column is one of the values, or matches one of the patterns. */
  | {
    readonly type: "any";
    readonly column: Column;
    readonly values: readonly Scalar[];
    readonly patterns: readonly (readonly string[])[];
  }
  | { readonly type: "and" | "or"; readonly conditions: readonly BoundCondition[] }
  | { readonly type: "not"; readonly condition: BoundCondition };

/**
 * @returns a condition with its parameters bound
 * @throws {QueryError} where a parameter is missing or not of its kind, or all values together are too many
 */
export function bindCondition(condition: Condition, parameters: QueryParameters): BoundCondition {
  return new Binding(parameters).condition(condition);
}

class Binding {
  readonly #parameters: QueryParameters;
  #values = 0;

  constructor(parameters: QueryParameters) {
    this.#parameters = parameters;
  }

  condition(condition: Condition): BoundCondition {
    switch (condition.type) {
      case "compare":
        return this.#comparison(condition.column, condition.operator, condition.operand);
      case "in": {
        const any = this.#any(condition.column, condition.list);
        return condition.isNegated ? { type: "not", condition: any } : any;
      }
      case "not":
        return { type: "not", condition: this.condition(condition.condition) };
      default:
        return {
          type: condition.type,
          conditions: condition.conditions.map((one) => this.condition(one)),
        };
    }
  }

  #comparison(column: Column, operator: ComparisonOperator, operand: Operand): BoundCondition {
    const isEquality = operator === "=" || operator === "!=";
    if (!isEquality) return { type: "compare", column, operator, value: this.#scalar(operand) };
    const equal = this.#any(column, [operand]);
    return operator === "=" ? equal : { type: "not", condition: equal };
  }

  #any(column: Column, list: readonly Operand[] | ParameterOperand): BoundCondition {
    if ("type" in list) return { type: "any", column, values: this.#list(list.name), patterns: [] };
    const values: Scalar[] = [];
    const patterns: (readonly string[])[] = [];
    for (const operand of list) {
      if (operand.type === "pattern") patterns.push(operand.parts);
      else values.push(this.#scalar(operand));
    }
    return { type: "any", column, values, patterns };
  }

  #scalar(operand: Operand): Scalar {
    if (operand.type === "literal") return this.#counted(operand.value);
    if (operand.type === "pattern") throw new TypeError("a checked query gives no order by a pattern");
    const value = this.#parameter(operand.name);
    if (isList(value)) throw new QueryError(`:${operand.name} is a list`, "a single value");
    return this.#counted(this.#checked(operand.name, value));
  }

  #list(name: string): Scalar[] {
    const list = this.#parameter(name);
    if (!isList(list)) throw new QueryError(`:${name} is no list`, "a list of values");
    if (list.length > MAX_LIST_LENGTH) {
      throw new QueryError(`:${name} has ${list.length} values`, `at most ${MAX_LIST_LENGTH}`);
    }
    return list.map((value) => this.#counted(this.#checked(name, value)));
  }

  #parameter(name: string): Scalar | readonly Scalar[] {
    const value = Object.hasOwn(this.#parameters, name) ? this.#parameters[name] : undefined;
    if (value === undefined) throw new QueryError(`:${name} has no value`, "one in the parameters");
    return value;
  }

  #checked(name: string, value: Scalar): Scalar {
    const expected = scalarProblem(value);
    if (expected !== undefined) throw new QueryError(`:${name} cannot be compared with`, expected);
    return value;
  }

  #counted(value: Scalar): Scalar {
    this.#values += 1;
    if (this.#values > MAX_VALUES) throw new QueryError("too many values", `at most ${MAX_VALUES} in all`);
    return value;
  }
}

function isList(value: Scalar | readonly Scalar[]): value is readonly Scalar[] {
  return Array.isArray(value);
}
