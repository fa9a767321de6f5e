/**
 * Writes queries as the parser reads them.
 * @module
 */

import { MAX_QUERY_LENGTH } from "./bounds.ts";
import { formatColumn, formatName, formatPath, quote } from "./column_name.ts";
import type { Condition, Filter, Operand, Query } from "./query.ts";
import { QueryError } from "./query_error.ts";
export { formatColumn } from "./column_name.ts";

/**
 * @returns the text of a query: `parseQuery` reads from it an equal one
 * @throws {QueryError} where the text would be longer than may be read
 */
export function formatQuery(query: Query): string {
  const { columns, groupBy, sortBy, limit, page } = query;
  const sort = sortBy.map(({ column, direction }) =>
    `${formatColumn(column)}${direction === "descending" ? " descending" : ""}`
  );
  return bounded([
    `select ${columns === "*" ? "*" : columns.map(formatColumn).join(", ")}`,
    `from ${formatName(query.from)}`,
    query.where === undefined ? "" : `where ${formatCondition(query.where)}`,
    groupBy.length === 0 ? "" : `group-by ${groupBy.map(formatPath).join(", ")}`,
    query.having === undefined ? "" : `having ${formatCondition(query.having)}`,
    sort.length === 0 ? "" : `sort-by ${sort.join(", ")}`,
    limit === undefined ? "" : `limit ${limit}`,
    page === undefined ? "" : `page ${page}`,
    query.matchCase ? "match-case" : "",
  ]);
}

/**
 * @returns the text of a filter, as `parseFilter` reads it; empty where it has no condition
 * @throws {QueryError} where the text would be longer than may be read
 */
export function formatFilter({ where, matchCase }: Filter): string {
  if (where === undefined) return "";
  return bounded([formatCondition(where), matchCase ? "match-case" : ""]);
}

function bounded(clauses: readonly string[]): string {
  const text = clauses.filter((clause) => clause !== "").join(" ");
  if (text.length <= MAX_QUERY_LENGTH) return text;
  throw new QueryError(`a query of ${text.length} characters`, `at most ${MAX_QUERY_LENGTH}`);
}

function formatCondition(condition: Condition): string {
  switch (condition.type) {
    case "compare":
      return `${formatColumn(condition.column)} ${condition.operator} ${formatOperand(condition.operand)}`;
    case "in": {
      const { list } = condition;
      const values = "type" in list ? formatOperand(list) : `[${list.map(formatOperand).join(", ")}]`;
      return `${formatColumn(condition.column)} ${condition.isNegated ? "not in" : "in"} ${values}`;
    }
    case "not":
      return `not ${formatWithin(condition.condition, true)}`;
    default:
      return condition.conditions
        // An "and" within an "or" binds stronger by itself; all else that is joined keeps its own parentheses.
        .map((one) => formatWithin(one, condition.type === "and" || one.type === "or"))
        .join(` ${condition.type} `);
  }
}

function formatWithin(condition: Condition, isTight: boolean): string {
  const text = formatCondition(condition);
  return isTight && (condition.type === "and" || condition.type === "or") ? `(${text})` : text;
}

function formatOperand(operand: Operand): string {
  if (operand.type === "parameter") return `:${operand.name}`;
  if (operand.type === "pattern") {
    return `'${operand.parts.map((part) => quote(part).slice(1, -1)).join("*")}'`;
  }
  return typeof operand.value === "string" ? quote(operand.value) : JSON.stringify(operand.value);
}
