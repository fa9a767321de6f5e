/**
 * Answers that were given before, for the portable way.
 * @module
 */

import type { DnsCounter } from "../dns/mod.ts";
import { AnswerTable } from "./answer_table.ts";
import { QuestionKey } from "./question_key.ts";

const TABLE_BYTES = 1 << 20;
const TRUNCATED = 0x02;
/** By the code of a response that lasts. */
const CODE_COUNTERS: readonly DnsCounter[] = [
  "noerror",
  "formerr",
  "servfail",
  "nxdomain",
  "notimp",
  "refused",
];

/** Counts a response that was given again. */
export function countRepeated(flags: number, code: number, count: (counter: DnsCounter) => void): void {
  count(CODE_COUNTERS[code & 15] ?? "servfail");
  if ((flags & TRUNCATED) !== 0) count("truncated");
}

/** Holds what a zone has answered, until it changes. */
export class ResponseCache {
  readonly #bytes = new Uint8Array(TABLE_BYTES);
  readonly #table = new AnswerTable({ bytes: this.#bytes, start: 0, end: TABLE_BYTES });
  readonly #key = new QuestionKey();
  #isPlain = false;
  #serial = -1;

  /**
   * @param serial of the zone: another one than before empties the table
   * @returns the response with the query's id and spelling, or undefined
   */
  find(query: Uint8Array, serial: number): Uint8Array | undefined {
    if (serial !== this.#serial) {
      this.#serial = serial;
      this.#table.clear();
    }
    this.#isPlain = this.#key.read(query, 0, query.length);
    if (!this.#isPlain || !this.#table.find(this.#key)) return undefined;
    const { foundAt, foundBytes } = this.#table;
    const response = this.#bytes.slice(foundAt, foundAt + foundBytes);
    response[0] = query[0] ?? 0;
    response[1] = query[1] ?? 0;
    response.set(query.subarray(12, 12 + this.#key.nameBytes), 12);
    return response;
  }

  /** Keeps the response to the query that was looked for last. */
  keep(response: Uint8Array): void {
    if (this.#isPlain) this.#table.put(this.#key, response);
  }
}
