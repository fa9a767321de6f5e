/**
 * The words of the language, and which texts stand in a query as they are.
 * @module
 */

import type { AggregateFunction } from "./query.ts";

/** The words that mean something by themselves: as names or values they stand between quotes. */
export const KEYWORDS: ReadonlySet<string> = new Set([
  "select",
  "from",
  "where",
  "group-by",
  "having",
  "sort-by",
  "ascending",
  "descending",
  "limit",
  "page",
  "match-case",
  "and",
  "or",
  "not",
  "in",
]);

/** The aggregate functions. */
export const AGGREGATE_FUNCTIONS: readonly AggregateFunction[] = ["count", "sum", "avg", "min", "max"];

/** @returns whether a word is a keyword, in whatever case */
export function isKeyword(word: string): boolean {
  return KEYWORDS.has(word.toLowerCase());
}

/** @returns whether a name may stand without quotes as part of a path */
export function isBareName(name: string): boolean {
  return BARE_NAME.test(name);
}

/** @returns whether a parameter may bear a name */
export function isParameterName(name: string): boolean {
  return PARAMETER_NAME.test(name);
}

/** @returns the number that a word is, as JSON writes numbers, or undefined */
export function numberOf(word: string): number | undefined {
  return JSON_NUMBER.test(word) ? Number(word) : undefined;
}

/** The words that are values other than texts. */
export const NAMED_VALUES: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

const BARE_NAME = /^[\p{L}\p{N}_$][\p{L}\p{M}\p{N}_$-]*$/u;
const PARAMETER_NAME = /^[\p{L}\p{N}_]+$/u;
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
