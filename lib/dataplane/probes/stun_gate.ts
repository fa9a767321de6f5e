/**
 * Which answers of STUN are worth handing on: one for each request that was sent by this socket a moment ago, from the very
 * server that it went to. So nobody but a server that was asked gets past this, and that one no more often than it was
 * asked; all others cost a look at their first two bytes, and at a short list.
 * @module
 */

import type { Counters, Millis } from "../../base/mod.ts";
import { type Endpoint, STUN_HEADER_BYTES, STUN_ID_AT } from "../../net/mod.ts";

/** So many requests may be without their answer; the oldest gives way. */
const MAX_ASKED = 32;
/** So long an answer is waited for. */
const WAIT_MS = 10_000;
const ID_BYTES = STUN_HEADER_BYTES - STUN_ID_AT;

interface AskedServer {
  /** Of the transaction, 12 bytes. */
  readonly id: Uint8Array;
  readonly server: Endpoint;
  readonly until: number;
}

/** Belongs to one plane. */
export class StunGate {
  readonly #counters: Pick<Counters<"foreign-stun">, "count">;
  #asked: AskedServer[] = [];

  constructor(counters: Pick<Counters<"foreign-stun">, "count">) {
    this.#counters = counters;
  }

  /** @param request a Binding request that is sent to `server` now */
  noteAsked(now: Millis, request: Uint8Array, server: Endpoint): void {
    this.#asked = this.#asked.filter(({ until }) => until > now).slice(1 - MAX_ASKED);
    this.#asked.push({ id: request.slice(STUN_ID_AT, STUN_HEADER_BYTES), server, until: now + WAIT_MS });
  }

  /**
   * @param memory where an answer stands, from `at` on
   * @param source where it came from; asked only of one whose transaction is known
   * @returns whether to hand it on, which is so once for each request; counted when not
   */
  admits(now: Millis, memory: Uint8Array, at: number, source: () => Endpoint): boolean {
    const found = this.#asked.length === 0 ? -1 : this.#find(memory, at);
    const asked = this.#asked[found];
    if (asked === undefined || asked.until <= now || !asked.server.equals(source())) {
      this.#counters.count("foreign-stun");
      return false;
    }
    this.#asked.splice(found, 1);
    return true;
  }

  #find(memory: Uint8Array, at: number): number {
    for (let i = 0; i < this.#asked.length; i++) {
      const id = this.#asked[i]?.id;
      let same = 0;
      while (same < ID_BYTES && id?.[same] === memory[at + STUN_ID_AT + same]) same++;
      if (same === ID_BYTES) return i;
    }
    return -1;
  }
}
