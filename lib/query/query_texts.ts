/**
 * Queries by their texts: who asks the same again and again has it read once.
 * @module
 */

import { parseQuery } from "./parser.ts";
import type { Query } from "./query.ts";

/** Reads texts, and keeps the queries of those that were asked for last: one text is one and the same query. */
export class QueryTexts {
  readonly #maxTexts: number;
  readonly #maxCharacters: number;
  readonly #known = new Map<string, Query>();
  #characters = 0;

  /** @param maxCharacters how many characters all texts have that are kept; a longer one is read each time */
  constructor(maxTexts = 64, maxCharacters: number = 16 << 10) {
    this.#maxTexts = maxTexts;
    this.#maxCharacters = maxCharacters;
  }

  /** @returns the query, which is not to be changed @throws QueryError */
  parse(text: string): Query {
    const known = this.#known.get(text);
    if (known !== undefined) {
      // The one that was asked for last is forgotten last.
      this.#known.delete(text);
      this.#known.set(text, known);
      return known;
    }
    const query = parseQuery(text);
    if (text.length > this.#maxCharacters) return query;
    this.#known.set(text, query);
    this.#characters += text.length;
    for (const [oldest] of this.#known) {
      if (this.#known.size <= this.#maxTexts && this.#characters <= this.#maxCharacters) break;
      this.#known.delete(oldest);
      this.#characters -= oldest.length;
    }
    return query;
  }
}
