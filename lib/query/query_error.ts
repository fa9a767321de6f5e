/**
 * Why a query was refused, and where.
 * @module
 */

import { WeftError } from "../base/mod.ts";

/** Where in which text a query was refused. */
export interface QueryErrorPlace {
  /** The text of the query. */
  readonly text: string;
  /** The offset of what was refused, in UTF-16 units from 0. */
  readonly offset: number;
}

/** A query that cannot be read, or cannot be answered with the parameters that were given. */
export class QueryError extends WeftError {
  readonly code = "Query";
  /** The column of what was refused, counted from 1 in UTF-16 units; 1 where the query has no text. */
  readonly column: number;
  /** What would have been right, as in `a value`. */
  readonly expected: string;
  /** Two lines: the part of the text around the column, and a caret below it; empty where the query has no text. */
  readonly view: string;

  /** Takes what was wrong in one line, what would have been right, and the place where there is a text. */
  constructor(problem: string, expected: string, place?: QueryErrorPlace) {
    const column = (place?.offset ?? 0) + 1;
    super(
      place === undefined
        ? `${problem}, expected ${expected}`
        : `column ${column}: ${problem}, expected ${expected}`,
    );
    this.column = column;
    this.expected = expected;
    this.view = place === undefined ? "" : caretView(place);
  }
}

function caretView({ text, offset }: QueryErrorPlace): string {
  const from = Math.max(0, offset - VIEW_BEFORE);
  const to = Math.min(text.length, offset + VIEW_AFTER);
  const before = from > 0 ? "…" : "";
  const line = before + text.slice(from, to).replace(UNPRINTABLE, " ") + (to < text.length ? "…" : "");
  return `${line}\n${" ".repeat(before.length + offset - from)}^`;
}

const VIEW_BEFORE = 40;
const VIEW_AFTER = 30;
/** What would move the caret away from its column, or write on a terminal what nobody asked for. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;
