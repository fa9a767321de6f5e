/**
 * How values compare: the one order of the language, which SQLite keeps too.
 *
 *     null or absent  <  numbers  <  texts  <  false  <  true  <  objects and lists, which are all alike
 *
 * Texts are in the order of their code points, which is that of their bytes in UTF-8. Without `match-case` the letters `A` to
 * `Z` count as `a` to `z`, and only these, as in SQLite's `NOCASE`.
 * @module
 */

import type { JsonValue, Path, Scalar } from "./query.ts";

/** What an object or a list is to comparisons and groups. */
export type Composite = { readonly [name: string]: never };

/** A value as comparisons see it. */
export type ComparedValue = Scalar | Composite;

/** What stands for every object and list. */
export const COMPOSITE: Composite = Object.freeze({});

/** @returns the property of a value, null where there is none: a path leads through objects, not into lists */
export function valueAt(value: JsonValue, path: Path): JsonValue {
  let at = value;
  for (const name of path) {
    if (!isObject(at) || !Object.hasOwn(at, name)) return null;
    at = at[name] ?? null;
  }
  return at;
}

/** @returns a value as comparisons see it */
export function comparedValue(value: JsonValue): ComparedValue {
  return isScalar(value) ? value : COMPOSITE;
}

/** @returns whether a value is a scalar */
export function isScalar(value: JsonValue): value is Scalar {
  return typeof value !== "object" || value === null;
}

/** @returns less than 0 where `a` stands before `b`, 0 where they are equal, otherwise more than 0 */
export function compareValues(a: JsonValue, b: JsonValue, matchCase: boolean): number {
  const rank = rankOf(a);
  const difference = rank - rankOf(b);
  if (difference !== 0) return difference;
  if (typeof a === "string" && typeof b === "string") {
    return matchCase ? compareTexts(a, b) : compareTexts(foldCase(a), foldCase(b));
  }
  if (typeof a === "number" && typeof b === "number") return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "boolean" ? Number(a) - Number(b) : 0;
}

/** @returns less than 0 where `a` stands before `b` by code points, 0 where they are equal, otherwise more than 0 */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left === right) continue;
    // A surrogate stands for a code point above all that one unit can hold.
    return isSurrogate(left) === isSurrogate(right) ? left - right : isSurrogate(left) ? 1 : -1;
  }
  return a.length - b.length;
}

/** @returns a text with `A` to `Z` as `a` to `z` */
export function foldCase(text: string): string {
  return CAPITAL.test(text) ? text.replace(CAPITALS, (found) => found.toLowerCase()) : text;
}

/** @returns whether a text is the given parts with any text between them; the parts are two or more */
export function matchesPattern(text: string, parts: readonly string[]): boolean {
  const first = parts[0] ?? "";
  const last = parts.at(-1) ?? "";
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) {
    return false;
  }
  const end = text.length - last.length;
  let at = first.length;
  for (let i = 1; i < parts.length - 1; i++) {
    const part = parts[i] ?? "";
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return at <= end;
}

function rankOf(value: JsonValue): number {
  if (value === null) return 0;
  if (typeof value === "number") return 1;
  if (typeof value === "string") return 2;
  return typeof value === "boolean" ? 3 : 4;
}

function isObject(value: JsonValue): value is { readonly [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xe000;
}

const CAPITAL = /[A-Z]/;
const CAPITALS = /[A-Z]+/g;
