/**
 * Asking other servers, as a machine without sockets.
 *
 * ```text
 *   ask ──▶ cache? ──▶ exchange ──▶ attempt 1 (UDP) ──▶ attempt 2 (next server) ──▶ … ──▶ SERVFAIL
 *             │            ▲             │ TC: again over TCP
 *           reply     whoever asks       ▼
 *                     the same waits   reply to all who wait
 * ```
 * @module
 */

import type { Endpoint } from "../net/mod.ts";
import { type Counters, type Millis, type RandomSource, randomUint32 } from "../base/mod.ts";
import { AnswerCache, type CacheKey, keyText } from "./answer_cache.ts";
import type { DomainName } from "./domain_name.ts";
import { type DnsMessage, FLAG, messageOf } from "./message.ts";
import { decodeMessage } from "./message_decoder.ts";
import { encodeMessage } from "./message_encoder.ts";
import type { DnsCounter } from "./dns_counter.ts";
import { RESPONSE_CODE } from "./record_type.ts";

/** What fits a datagram on every path: 1,280 bytes less the headers of IPv6 and UDP (DNS Flag Day 2020). */
export const EDNS_PAYLOAD_BYTES = 1232;

/** Servers for all names under a suffix. */
export interface ForwardRoute {
  /** The root for all names that no longer suffix has. */
  readonly suffix: DomainName;
  /** Asked in this order; none: names under the suffix are refused. */
  readonly servers: readonly Endpoint[];
}

/** The bounds of forwarding. */
export interface ForwardLimits {
  /** How long one server is waited for, in milliseconds. */
  readonly attemptTimeoutMs: number;
  /** How many attempts a question is worth, over all servers. */
  readonly maxAttempts: number;
  /** How many questions may be under way. */
  readonly maxExchanges: number;
  /** How many may wait for the same answer. */
  readonly maxWaiters: number;
  /** How many answers are kept. */
  readonly cacheCapacity: number;
}

/** Three attempts end before the five seconds that resolvers wait (resolv.conf(5), `timeout`). */
export const DEFAULT_FORWARD_LIMITS: ForwardLimits = {
  attemptTimeoutMs: 1500,
  maxAttempts: 3,
  maxExchanges: 256,
  maxWaiters: 64,
  cacheCapacity: 4096,
};

/** What is asked on behalf of somebody. */
export interface ForwardQuery<To> extends CacheKey {
  /** Who gets the answer. */
  readonly to: To;
}

/** A message to a server. Each attempt is to have a socket of its own, so that its port is hard to guess (RFC 5452 §9.2). */
export interface UpstreamQuery {
  /** Names the attempt. */
  readonly attempt: number;
  readonly server: Endpoint;
  readonly transport: "udp" | "tcp";
  readonly bytes: Uint8Array;
}

/** The answer to one query; the message has the question of the first who asked the same. */
export interface ForwardReply<To> {
  readonly query: ForwardQuery<To>;
  readonly message: DnsMessage;
}

/** Which servers a forwarder asks for which names, and its limits. */
export interface ForwarderOptions {
  readonly routes: readonly ForwardRoute[];
  readonly limits?: Partial<ForwardLimits>;
  readonly random: RandomSource;
  readonly counters: Counters<DnsCounter>;
}

/** One question under way. */
interface Exchange<To> {
  readonly key: string;
  readonly question: CacheKey;
  readonly servers: readonly Endpoint[];
  readonly waiting: ForwardQuery<To>[];
  attempts: number;
  current: Attempt;
}

interface Attempt {
  readonly number: number;
  readonly id: number;
  readonly server: Endpoint;
  readonly transport: "udp" | "tcp";
  readonly deadline: Millis;
}

/** Questions under way and answers kept. `To` is whatever the caller needs to send the answer. */
export class Forwarder<To> {
  readonly #routes: readonly ForwardRoute[];
  readonly #limits: ForwardLimits;
  readonly #random: RandomSource;
  readonly #counters: Counters<DnsCounter>;
  readonly #cache: AnswerCache;
  // Under way.
  readonly #exchanges = new Map<string, Exchange<To>>();
  readonly #byAttempt = new Map<number, Exchange<To>>();
  #lastAttempt = 0;
  // To be polled; bounded by what is under way.
  readonly #transmits: UpstreamQuery[] = [];
  readonly #finished: number[] = [];
  readonly #replies: ForwardReply<To>[] = [];

  constructor({ routes, limits, random, counters }: ForwarderOptions) {
    this.#limits = { ...DEFAULT_FORWARD_LIMITS, ...limits };
    this.#random = random;
    this.#counters = counters;
    this.#cache = new AnswerCache(this.#limits.cacheCapacity);
    this.#routes = routes.toSorted((a, b) => b.suffix.labelCount - a.suffix.labelCount);
  }

  /** Whether anybody is asked at all. */
  get isOn(): boolean {
    return this.#routes.length > 0;
  }

  /** @returns the servers for a name; empty when it is to be refused */
  serversFor(name: DomainName): readonly Endpoint[] {
    return this.#routes.find(({ suffix }) => name.isWithin(suffix))?.servers ?? [];
  }

  /** @returns what is known of the answer without asking anybody */
  cached(now: Millis, key: CacheKey): DnsMessage | undefined {
    const message = this.#cache.get(now, key);
    if (message !== undefined) this.#counters.count("cache-hit");
    return message;
  }

  /** Asks for somebody. @returns false when too much is under way; then no reply will come */
  ask(now: Millis, query: ForwardQuery<To>): boolean {
    const key = keyText(query);
    const same = this.#exchanges.get(key);
    if (same !== undefined) {
      if (same.waiting.length >= this.#limits.maxWaiters) return this.#refuse();
      same.waiting.push(query);
      return true;
    }
    const servers = this.serversFor(query.question.name);
    const [server] = servers;
    if (server === undefined || this.#exchanges.size >= this.#limits.maxExchanges) return this.#refuse();
    this.#counters.count("forwarded");
    const current = this.#attempt(now, query, server, "udp");
    const exchange = { key, question: query, servers, waiting: [query], attempts: 1, current };
    this.#exchanges.set(key, exchange);
    this.#byAttempt.set(current.number, exchange);
    return true;
  }

  /**
   * Takes what a server has sent on the socket of an attempt. What does not answer the question is counted and passed
   * over, because anybody may have sent it.
   */
  handleResponse(now: Millis, attempt: number, bytes: Uint8Array): void {
    const exchange = this.#byAttempt.get(attempt);
    if (exchange === undefined) return;
    const message = decodeMessage(bytes);
    if (typeof message === "string" || !isAnswerTo(exchange, message)) {
      this.#counters.count("forward-mismatch");
      return;
    }
    const { current: { server, transport } } = exchange;
    if ((message.flags & FLAG.TC) !== 0) {
      if (transport === "tcp") this.#next(now, exchange);
      // RFC 7766 §5: the whole answer is to be had over TCP, from the same server.
      else this.#retry(now, exchange, server, "tcp");
      return;
    }
    const { NOERROR, NXDOMAIN } = RESPONSE_CODE;
    if (message.responseCode !== NOERROR && message.responseCode !== NXDOMAIN) this.#next(now, exchange);
    else this.#finish(now, exchange, message);
  }

  /** An attempt can't go on: its socket failed, or its stream ended. */
  handleFailure(now: Millis, attempt: number): void {
    const exchange = this.#byAttempt.get(attempt);
    if (exchange !== undefined) this.#next(now, exchange);
  }

  /** Gives up attempts that have waited long enough; early and repeated calls are harmless. */
  handleTimeout(now: Millis): void {
    for (const exchange of [...this.#exchanges.values()]) {
      if (exchange.current.deadline > now) continue;
      this.#counters.count("forward-timeout");
      this.#next(now, exchange);
    }
  }

  /** @returns when `handleTimeout` is due, or undefined when nothing is under way */
  pollTimeout(): Millis | undefined {
    let earliest: Millis | undefined;
    for (const { current: { deadline } } of this.#exchanges.values()) {
      if (earliest === undefined || deadline < earliest) earliest = deadline;
    }
    return earliest;
  }

  /** @returns the next message to send, or undefined */
  pollTransmit(): UpstreamQuery | undefined {
    return this.#transmits.shift();
  }

  /** @returns an attempt whose socket is not needed any more, or undefined */
  pollFinished(): number | undefined {
    return this.#finished.shift();
  }

  /** @returns the next answer, or undefined */
  pollReply(): ForwardReply<To> | undefined {
    return this.#replies.shift();
  }

  #refuse(): false {
    this.#counters.count("forward-full");
    return false;
  }

  #next(now: Millis, exchange: Exchange<To>): void {
    const { servers, attempts, question } = exchange;
    const server = servers[attempts % servers.length];
    if (server === undefined || attempts >= this.#limits.maxAttempts) {
      const failure = { flags: FLAG.QR, responseCode: RESPONSE_CODE.SERVFAIL };
      return this.#finish(now, exchange, messageOf(question.question, failure));
    }
    exchange.attempts++;
    this.#retry(now, exchange, server, "udp");
  }

  #retry(now: Millis, exchange: Exchange<To>, server: Endpoint, transport: "udp" | "tcp"): void {
    this.#end(exchange.current);
    exchange.current = this.#attempt(now, exchange.question, server, transport);
    this.#byAttempt.set(exchange.current.number, exchange);
  }

  #attempt(now: Millis, key: CacheKey, server: Endpoint, transport: "udp" | "tcp"): Attempt {
    const number = ++this.#lastAttempt;
    const id = randomUint32(this.#random) & 0xffff;
    const flags = FLAG.RD | (key.isUnchecked ? FLAG.CD : 0);
    const edns = { version: 0, payloadBytes: EDNS_PAYLOAD_BYTES, wantsDnssec: key.wantsDnssec };
    const bytes = encodeMessage(messageOf(key.question, { id, flags, edns }));
    this.#transmits.push({ attempt: number, server, transport, bytes });
    return { number, id, server, transport, deadline: now + this.#limits.attemptTimeoutMs as Millis };
  }

  #finish(now: Millis, exchange: Exchange<To>, message: DnsMessage): void {
    this.#end(exchange.current);
    this.#exchanges.delete(exchange.key);
    this.#cache.put(now, exchange.question, message);
    for (const query of exchange.waiting) this.#replies.push({ query, message });
  }

  #end({ number }: Attempt): void {
    this.#byAttempt.delete(number);
    this.#finished.push(number);
  }
}

/** RFC 5452 §9.1: the same id, and the question that was asked. */
function isAnswerTo({ current, question: { question } }: Exchange<unknown>, message: DnsMessage): boolean {
  const [echoed] = message.questions;
  return message.id === current.id && (message.flags & FLAG.QR) !== 0 && message.opcode === 0 &&
    echoed !== undefined && echoed.name.equals(question.name) && echoed.type === question.type &&
    echoed.class === question.class;
}
