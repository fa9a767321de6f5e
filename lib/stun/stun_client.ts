/**
 * Asking servers how this host looks from where they are, by one socket: RFC 8489 §6.
 * @module
 */

import { Counters, type Millis, millis, randomBytes, type RandomSource } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { decodeStun, encodeBindingRequest, isOfTransaction, TRANSACTION_ID_BYTES } from "./stun_message.ts";

/**
 * DEVIATION: RFC 8489 §6.2.1 sends seven times over 39.5 s. Who asks is waiting for what can't be waited for so long, and
 * three losses in a row are taken for silence.
 */
const SEND_AFTER_MS = [0, 500, 1_500] as const;
const GIVE_UP_AFTER_MS = 3_500;
/** More servers than this are not asked. */
const MAX_SERVERS = 16;

/** Why a datagram was dropped. */
export type StunDropReason = typeof STUN_DROP_REASONS[number];
/** All of them. */
export const STUN_DROP_REASONS = ["stun-malformed", "stun-unasked"] as const;

/** What came of one server. */
export interface StunResult {
  readonly server: Endpoint;
  /** Where it saw this host; undefined when it did not say. */
  readonly mapped?: Endpoint;
  /** The round trip in milliseconds; undefined when it did not answer. */
  readonly rttMs?: number;
  /** The code of the error that it answered with. */
  readonly errorCode?: number;
}

interface Question {
  readonly server: Endpoint;
  readonly beganAt: Millis;
  /** Of each that was sent, so that a round trip is known of which it is (RFC 6298 §3, Karn's algorithm). */
  readonly sent: { readonly id: Uint8Array; readonly at: Millis }[];
}

/** Asks each of some servers once. `handleTimeout` may be called early and often. */
export class StunClient {
  /** How many datagrams were dropped, by reason. */
  readonly drops: Counters<StunDropReason>;
  readonly #random: RandomSource;
  #waiting: readonly Question[];
  readonly #results: StunResult[] = [];
  readonly #transmits: { readonly datagram: Uint8Array; readonly destination: Endpoint }[] = [];

  /** @param servers the first 16 are asked @param drops of its own unless given */
  constructor(
    now: Millis,
    servers: readonly Endpoint[],
    random: RandomSource,
    drops: Counters<StunDropReason> = new Counters(STUN_DROP_REASONS),
  ) {
    this.drops = drops;
    this.#random = random;
    this.#waiting = servers.slice(0, MAX_SERVERS).map((server) => ({ server, beganAt: now, sent: [] }));
  }

  /** Whether nothing is waited for any more. */
  get isDone(): boolean {
    return this.#waiting.length === 0;
  }

  /** What has come of those that were asked, in the order in which it came. */
  get results(): readonly StunResult[] {
    return this.#results;
  }

  /** @param source where it came from, which has to be the server */
  handleDatagram(now: Millis, datagram: Uint8Array, source: Endpoint): void {
    const message = decodeStun(datagram);
    if (message === undefined) return this.drops.count("stun-malformed");
    for (const question of this.#waiting) {
      const asked = question.sent.find(({ id }) => isOfTransaction(message, id));
      if (asked === undefined || message.kind === "request" || !question.server.equals(source)) continue;
      const rttMs = now - asked.at;
      const { server } = question;
      const result = message.kind === "success" ? { mapped: message.mapped } : { errorCode: message.code };
      return this.#finish(question, { server, rttMs, ...result });
    }
    this.drops.count("stun-unasked");
  }

  handleTimeout(now: Millis): void {
    for (const question of this.#waiting) {
      const { server, beganAt, sent } = question;
      if (now - beganAt >= GIVE_UP_AFTER_MS) {
        this.#finish(question, { server });
        continue;
      }
      while (now - beganAt >= (SEND_AFTER_MS[sent.length] ?? Infinity)) {
        const id = randomBytes(this.#random, TRANSACTION_ID_BYTES);
        sent.push({ id, at: now });
        this.#transmits.push({ datagram: encodeBindingRequest(id), destination: server });
      }
    }
  }

  /** @returns a datagram to send, or undefined */
  pollTransmit(): { readonly datagram: Uint8Array; readonly destination: Endpoint } | undefined {
    return this.#transmits.shift();
  }

  /** @returns when `handleTimeout` has something to do, or undefined when all is done */
  pollTimeout(): Millis | undefined {
    if (this.isDone) return undefined;
    return millis(
      Math.min(
        ...this.#waiting.map(({ beganAt, sent }) =>
          beganAt + (SEND_AFTER_MS[sent.length] ?? GIVE_UP_AFTER_MS)
        ),
      ),
    );
  }

  #finish(question: Question, result: StunResult): void {
    this.#waiting = this.#waiting.filter((other) => other !== question);
    this.#results.push(result);
  }
}
