/**
 * How names and columns are written: also what they are called in results.
 * @module
 */

import type { Column, Path } from "./query.ts";
import { isBareName, isKeyword } from "./words.ts";

/** @returns the text of a column, which is its name in results: `total`, `customer.name`, `sum(total)` */
export function formatColumn(column: Column): string {
  if (column.type === "property") return formatPath(column.path);
  return `${column.function}(${column.path === undefined ? "*" : formatPath(column.path)})`;
}

/** @returns the text of a path: names that mean something else stand between quotes */
export function formatPath(path: Path): string {
  return path.map(formatName).join(".");
}

/** @returns a name, between quotes where it needs them */
export function formatName(name: string): string {
  return isBareName(name) && !isKeyword(name) ? name : quote(name);
}

/** @returns a text between quotes, with its wildcards as they are */
export function quote(text: string): string {
  return `'${text.replace(/[\\'*]/g, "\\$&")}'`;
}
