/**
 * Queries over UDP by a datagram socket, the portable way: what was answered before is answered from a cache.
 * @module
 */

import type { DatagramSocket } from "../transport/mod.ts";
import { AnswerTable, countRepeated } from "./answer_table.ts";
import type { QueryService } from "./query_service.ts";
import { QuestionKey } from "./question_key.ts";

const TABLE_BYTES = 1 << 20;

/** Holds what a zone has answered, until it changes. */
export class ResponseCache {
  readonly #bytes = new Uint8Array(TABLE_BYTES);
  readonly #table = new AnswerTable(this.#bytes);
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

/** Answers what comes in until the socket is closed. */
export async function serveDatagrams(
  service: QueryService,
  socket: DatagramSocket,
  known: ResponseCache,
): Promise<void> {
  for (;;) {
    const batch = await socket.receiveBatch();
    if (batch === undefined) return;
    for (let i = 0; i < batch.count; i++) {
      const source = batch.source(i);
      if (!service.admits(source)) continue;
      const query = batch.datagram(i);
      // What is hidden from one is not hidden from all.
      const again = service.hidden === undefined ? known.find(query, service.serial) : undefined;
      if (again !== undefined) {
        countRepeated(again[2] ?? 0, again[3] ?? 0, (counter) => service.counters.count(counter));
        socket.send(again, source);
        continue;
      }
      const response = service.handle(query, "udp", (later) => socket.send(later, source), source.address);
      if (typeof response === "string") continue;
      if (response.isLasting && service.hidden === undefined) known.keep(response.bytes);
      socket.send(response.bytes, source);
    }
  }
}
