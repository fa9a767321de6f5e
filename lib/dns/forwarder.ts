/**
 * Asking other servers, as a machine without sockets.
 *
 * ```text
 *   ask ──▶ cache? ──▶ exchange ──▶ attempt 1 (UDP) ──late──▶ attempt 2 beside it (next server) ──▶ … ──▶ SERVFAIL
 *             │            ▲             │ TC: again over TCP       │
 *           reply     whoever asks       ▼                          ▼
 *                     the same waits   the first answer goes to all who wait
 * ```
 *
 * When no server of a name answers any more (`UpstreamHealth`), its questions fail at once; one every two seconds is
 * still sent, and waited for briefly.
 * @module
 */

import type { Endpoint } from "../net/mod.ts";
import { type Counters, type Millis, type RandomSource, randomUint32 } from "../base/mod.ts";
import { AnswerCache, type CacheKey, keyText } from "./answer_cache.ts";
import type { DomainName } from "./domain_name.ts";
import { type DnsMessage, FLAG, messageOf, type Question } from "./message.ts";
import { decodeMessage } from "./message_decoder.ts";
import { encodeMessage } from "./message_encoder.ts";
import type { DnsCounter } from "./dns_counter.ts";
import {
  DEFAULT_FORWARD_LIMITS,
  type ForwardLimits,
  type ForwardRoute,
  type KnownUpstream,
} from "./forward_options.ts";
import { CLASS_IN, RECORD_TYPE, RESPONSE_CODE } from "./record_type.ts";
import { UpstreamHealth } from "./upstream_health.ts";

/** What fits a datagram on every path: 1,280 bytes less the headers of IPv6 and UDP (DNS Flag Day 2020). */
export const EDNS_PAYLOAD_BYTES = 1232;

/** A probe asks so often before it counts as unanswered. */
const PROBE_ATTEMPTS = 3;
/** How many sockets attempts have on average at most; beyond that, a late one makes room for the next. */
const ATTEMPTS_PER_EXCHANGE = 2;

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
  /** Whether servers that have not answered are asked again by themselves. */
  readonly probes?: boolean;
  readonly random: RandomSource;
  readonly counters: Counters<DnsCounter>;
}

/** One question under way. */
interface Exchange<To> {
  readonly key: string;
  readonly question: CacheKey;
  /** Asked in this order, again from the first when all were. */
  servers: readonly Endpoint[];
  readonly waiting: ForwardQuery<To>[];
  readonly maxAttempts: number;
  /** How many began. */
  attempts: number;
  /** When the next one begins, if there is to be one. */
  nextAt: Millis;
  /** Those that may still be answered, the oldest first. */
  readonly open: Attempt[];
}

interface Attempt {
  readonly number: number;
  readonly id: number;
  readonly server: Endpoint;
  readonly transport: "udp" | "tcp";
  readonly since: Millis;
}

/** Questions under way and answers kept. `To` is whatever the caller needs to send the answer. */
export class Forwarder<To> {
  #routes: readonly ForwardRoute[] = [];
  readonly #limits: ForwardLimits;
  readonly #random: RandomSource;
  readonly #counters: Counters<DnsCounter>;
  #cache: AnswerCache;
  readonly #health: UpstreamHealth;
  readonly #probes: boolean;
  // Under way.
  readonly #exchanges = new Map<string, Exchange<To>>();
  readonly #byAttempt = new Map<number, Exchange<To>>();
  #lastAttempt = 0;
  // To be polled; bounded by what is under way.
  readonly #transmits: UpstreamQuery[] = [];
  readonly #finished: number[] = [];
  readonly #replies: ForwardReply<To>[] = [];

  constructor({ routes, limits, probes = false, random, counters }: ForwarderOptions) {
    this.#limits = { ...DEFAULT_FORWARD_LIMITS, ...limits };
    this.#random = random;
    this.#counters = counters;
    this.#cache = new AnswerCache(this.#limits.cacheCapacity);
    this.#health = new UpstreamHealth([]);
    this.#probes = probes;
    this.follow(routes);
  }

  /** Asks others from now on. What is under way goes on, and what was answered is forgotten: others may know better. */
  follow(routes: readonly ForwardRoute[]): void {
    this.#routes = routes.toSorted((a, b) => b.suffix.labelCount - a.suffix.labelCount);
    const underWay = [...this.#exchanges.values()].flatMap(({ servers }) => servers);
    this.#health.follow([...routes.flatMap(({ servers }) => servers), ...underWay]);
    this.#cache = new AnswerCache(this.#limits.cacheCapacity);
  }

  /** Whether anybody is asked at all. */
  get isOn(): boolean {
    return this.#routes.length > 0;
  }

  /** @returns the route of a name; undefined, or one without servers, when the name is to be refused */
  routeFor(name: DomainName): ForwardRoute | undefined {
    return this.#routes.find(({ suffix }) => name.isWithin(suffix));
  }

  /** @returns whether each server answers, as far as that is known */
  upstreams(): readonly KnownUpstream[] {
    return this.#routes.flatMap(({ suffix, servers }) =>
      servers.map((server) => ({ suffix, server, state: this.#health.stateOf(server) }))
    );
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
    const all = this.routeFor(query.question.name)?.servers ?? [];
    if (all.length === 0 || this.#exchanges.size >= this.#limits.maxExchanges) return this.#refuse();
    const { maxAttempts } = this.#limits;
    const awake = this.#health.awake(all);
    if (awake.length > 0) {
      this.#counters.count("forwarded");
      this.#begin(now, key, query, awake, [query], maxAttempts);
      return true;
    }
    const due = this.#health.due(now, all).slice(0, maxAttempts);
    if (due.length === 0) return this.#refuse("forward-silent");
    this.#counters.count("forwarded");
    const exchange = this.#begin(now, key, query, due, [query], 1);
    for (const server of due.slice(1)) this.#attempt(now, exchange, server, "udp");
    return true;
  }

  /** Asks every server whether it is there. */
  probeAll(now: Millis): void {
    for (const { suffix, servers } of this.#routes) {
      for (const server of servers) this.#probe(now, suffix, server);
    }
  }

  /**
   * Takes what a server has sent on the socket of an attempt. What does not answer the question is counted and passed
   * over, because anybody may have sent it.
   */
  handleResponse(now: Millis, number: number, bytes: Uint8Array): void {
    const exchange = this.#byAttempt.get(number);
    const attempt = exchange?.open.find((each) => each.number === number);
    if (exchange === undefined || attempt === undefined) return;
    const message = decodeMessage(bytes);
    if (typeof message === "string" || !isAnswerTo(attempt, exchange.question.question, message)) {
      this.#counters.count("forward-mismatch");
      return;
    }
    const { server, transport } = attempt;
    this.#health.handleAnswer(now, server);
    if ((message.flags & FLAG.TC) !== 0) {
      this.#end(exchange, attempt);
      // RFC 7766 §5: the whole answer is to be had over TCP, from the same server.
      if (transport === "udp") {
        this.#attempt(now, exchange, server, "tcp");
        exchange.nextAt = now + this.#limits.attemptTimeoutMs as Millis;
      } else this.#pass(now, exchange, server);
      return;
    }
    const { NOERROR, NXDOMAIN } = RESPONSE_CODE;
    if (message.responseCode === NOERROR || message.responseCode === NXDOMAIN) {
      return this.#finish(now, exchange, message);
    }
    this.#end(exchange, attempt);
    this.#pass(now, exchange, server);
  }

  /** An attempt can't go on: its socket failed, or its stream ended. */
  handleFailure(now: Millis, number: number): void {
    const exchange = this.#byAttempt.get(number);
    const attempt = exchange?.open.find((each) => each.number === number);
    if (exchange === undefined || attempt === undefined) return;
    this.#health.handleMiss(now, attempt.server, attempt.since);
    this.#end(exchange, attempt);
    this.#pass(now, exchange, attempt.server);
  }

  /** Asks the next servers, gives up and probes what is due; early and repeated calls are harmless. */
  handleTimeout(now: Millis): void {
    for (const exchange of [...this.#exchanges.values()]) {
      if (exchange.nextAt > now) continue;
      // What nobody waits for is a probe.
      if (exchange.waiting.length > 0) this.#counters.count("forward-timeout");
      if (exchange.attempts >= exchange.maxAttempts) this.#fail(now, exchange);
      else this.#next(now, exchange);
    }
    if (!this.#probes) return;
    for (const due of this.#health.takeProbes(now)) {
      const route = this.#routes.find(({ servers }) => servers.some((server) => server.equals(due)));
      if (route !== undefined) this.#probe(now, route.suffix, due);
    }
  }

  /** @returns when `handleTimeout` is due, or undefined when nothing is under way and nobody to be probed */
  pollTimeout(): Millis | undefined {
    let earliest = this.#probes ? this.#health.pollTimeout() : undefined;
    for (const { nextAt } of this.#exchanges.values()) {
      if (earliest === undefined || nextAt < earliest) earliest = nextAt;
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

  #refuse(why: "forward-full" | "forward-silent" = "forward-full"): false {
    this.#counters.count(why);
    return false;
  }

  #probe(now: Millis, name: DomainName, server: Endpoint): void {
    const key = `probe ${server}`;
    if (this.#exchanges.has(key) || this.#exchanges.size >= this.#limits.maxExchanges) return;
    const question = { name, type: RECORD_TYPE.SOA, class: CLASS_IN };
    this.#begin(
      now,
      key,
      { question, wantsDnssec: false, isUnchecked: false },
      [server],
      [],
      PROBE_ATTEMPTS,
    );
  }

  #begin(
    now: Millis,
    key: string,
    question: CacheKey,
    servers: readonly Endpoint[],
    waiting: ForwardQuery<To>[],
    maxAttempts: number,
  ): Exchange<To> {
    const exchange = { key, question, servers, waiting, maxAttempts, attempts: 0, nextAt: now, open: [] };
    this.#exchanges.set(key, exchange);
    this.#next(now, exchange);
    return exchange;
  }

  /** Asks the next server; those that were asked may answer all the same. */
  #next(now: Millis, exchange: Exchange<To>): void {
    const { servers, attempts, open } = exchange;
    const server = servers[attempts % servers.length];
    if (server === undefined || attempts >= exchange.maxAttempts) {
      if (open.length === 0) this.#fail(now, exchange);
      return;
    }
    const [oldest] = open;
    const maxOpen = ATTEMPTS_PER_EXCHANGE * this.#limits.maxExchanges;
    if (oldest !== undefined && this.#byAttempt.size >= maxOpen) this.#end(exchange, oldest);
    exchange.attempts++;
    exchange.nextAt = now + this.#limits.attemptTimeoutMs as Millis;
    this.#attempt(now, exchange, server, "udp");
  }

  /** A server has said no, and is not asked the same again. */
  #pass(now: Millis, exchange: Exchange<To>, server: Endpoint): void {
    const at = exchange.attempts % exchange.servers.length;
    const inTurn = [...exchange.servers.slice(at), ...exchange.servers.slice(0, at)];
    const left = inTurn.filter((each) => !each.equals(server));
    // The turn begins at the next, however many attempts there were.
    const shift = left.length === 0 ? 0 : left.length - exchange.attempts % left.length;
    exchange.servers = [...left.slice(shift), ...left.slice(0, shift)];
    // Whoever was asked is waited for, unless it was the last.
    if (exchange.open.length === 0 || left.length > 0) this.#next(now, exchange);
  }

  #attempt(now: Millis, exchange: Exchange<To>, server: Endpoint, transport: "udp" | "tcp"): void {
    const { question: key } = exchange;
    const number = ++this.#lastAttempt;
    const id = randomUint32(this.#random) & 0xffff;
    const flags = FLAG.RD | (key.isUnchecked ? FLAG.CD : 0);
    const edns = { version: 0, payloadBytes: EDNS_PAYLOAD_BYTES, wantsDnssec: key.wantsDnssec };
    const bytes = encodeMessage(messageOf(key.question, { id, flags, edns }));
    this.#transmits.push({ attempt: number, server, transport, bytes });
    this.#health.handleAttempt(now, server);
    exchange.open.push({ number, id, server, transport, since: now });
    this.#byAttempt.set(number, exchange);
  }

  #fail(now: Millis, exchange: Exchange<To>): void {
    const failure = { flags: FLAG.QR, responseCode: RESPONSE_CODE.SERVFAIL };
    for (const { server, since } of exchange.open) this.#health.handleMiss(now, server, since);
    this.#finish(now, exchange, messageOf(exchange.question.question, failure));
  }

  #finish(now: Millis, exchange: Exchange<To>, message: DnsMessage): void {
    const { attemptTimeoutMs } = this.#limits;
    for (const attempt of [...exchange.open]) {
      // Another had to be asked because this one did not answer.
      const isLate = now - attempt.since >= attemptTimeoutMs;
      if (isLate) this.#health.handleMiss(now, attempt.server, attempt.since);
      this.#end(exchange, attempt);
    }
    this.#exchanges.delete(exchange.key);
    if (exchange.waiting.length === 0) return;
    this.#cache.put(now, exchange.question, message);
    for (const query of exchange.waiting) this.#replies.push({ query, message });
  }

  #end(exchange: Exchange<To>, attempt: Attempt): void {
    exchange.open.splice(exchange.open.indexOf(attempt), 1);
    this.#byAttempt.delete(attempt.number);
    this.#finished.push(attempt.number);
  }
}

/** RFC 5452 §9.1: the same id, and the question that was asked. */
function isAnswerTo({ id }: Attempt, question: Question, message: DnsMessage): boolean {
  const [echoed] = message.questions;
  return message.id === id && (message.flags & FLAG.QR) !== 0 && message.opcode === 0 &&
    echoed !== undefined && echoed.name.equals(question.name) && echoed.type === question.type &&
    echoed.class === question.class;
}
