/**
 * Answering queries for whatever sockets they come from: who may ask, how much, and the driving of the responder.
 * @module
 */

import { type Clock, type Counters, KeyedRateLimiter, type Timers } from "../base/mod.ts";
import {
  type Asker,
  type DnsCounter,
  type DnsTransport,
  type Forwarder,
  type ForwardRoute,
  type HidesGroup,
  type KnownUpstream,
  Responder,
  type ResponderParts,
} from "../dns/mod.ts";
import type { Cidr, Endpoint, IpAddress } from "../net/mod.ts";
import type { GateRules } from "./source_gate.ts";
import type { UpstreamSockets } from "./upstream_sockets.ts";

/** Sources whose rate is remembered: strangers choose their addresses. */
const MAX_SOURCES = 4096;

/** @returns what is kept from an address; undefined for nothing */
export type HidesFrom = (source: IpAddress) => HidesGroup | undefined;

/** Takes a response. */
export type Reply = (response: Uint8Array) => void;

/** A response that is there at once. */
export interface Response {
  readonly bytes: Uint8Array;
  /** The same query gets the same response until the zone changes. */
  readonly isLasting: boolean;
}

/** The zone, other servers, the runtime, and who may ask how often. */
export interface QueryServiceParts extends ResponderParts<Reply> {
  readonly forwarder: Forwarder<Asker<Reply>>;
  readonly counters: Counters<DnsCounter>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly upstream: UpstreamSockets;
  /** Who is answered; everybody unless given. This host is always. */
  readonly clients?: readonly Cidr[] | undefined;
  /** Queries of one source in a second; this host itself is not limited. */
  readonly queriesPerSecond: number;
  /** Addresses of this host. */
  readonly ownAddresses: () => readonly IpAddress[];
}

/** One service for all sockets of a server. */
export class QueryService {
  readonly #parts: QueryServiceParts;
  readonly #responder: Responder<Reply>;
  readonly #limiter: KeyedRateLimiter;
  #cancelTimer = (): void => {};
  #isClosed = false;
  /**
   * What is kept from whom, by the address that asks; undefined while everybody gets the same answers, which others may keep.
   */
  hidden: HidesFrom | undefined;

  constructor(parts: QueryServiceParts) {
    this.#parts = parts;
    this.#responder = new Responder(parts);
    const { queriesPerSecond } = parts;
    this.#limiter = new KeyedRateLimiter({
      burst: queriesPerSecond,
      everyMs: 1000 / queriesPerSecond,
      maxSources: MAX_SOURCES,
    });
  }

  get counters(): Counters<DnsCounter> {
    return this.#parts.counters;
  }

  /** Of the zone: another one means that nothing that lasted holds any more. */
  get serial(): number {
    return this.#parts.authority.serial;
  }

  /** Who may ask, and how often, for whoever judges by the bytes of addresses. */
  get rules(): GateRules {
    const { clients, queriesPerSecond, ownAddresses } = this.#parts;
    return {
      clients: clients?.map(({ address, prefixBits }) => ({ bytes: address.bytes, prefixBits })),
      own: ownAddresses().map(({ bytes }) => bytes),
      queriesPerSecond,
    };
  }

  /** Whether a query of this source is to be looked at; what is not is counted. */
  admits({ address, port }: Endpoint): boolean {
    const { clients, clock, counters, queriesPerSecond } = this.#parts;
    if (this.isOwn(address)) return port > 0;
    if (port === 0 || (clients !== undefined && !clients.some((cidr) => cidr.contains(address)))) {
      counters.count("dropped-source");
      return false;
    }
    const isBounded = queriesPerSecond !== Infinity;
    if (!isBounded || (queriesPerSecond >= 1 && this.#limiter.allows(clock.now(), address.toString()))) {
      return true;
    }
    counters.count("dropped-rate");
    return false;
  }

  /** Whether this is an address of this host. */
  isOwn(address: IpAddress): boolean {
    return address.isLoopback || this.#parts.ownAddresses().some((own) => own.equals(address));
  }

  /**
   * Answers a query that was admitted.
   * @param reply gets the response when others have to be asked first
   * @param source who asks; undefined for this node itself, from which nothing is hidden
   * @returns the response, or whether it comes later or never
   */
  handle(
    query: Uint8Array,
    transport: DnsTransport,
    reply: Reply,
    source?: IpAddress,
  ): Response | "pending" | "dropped" {
    if (this.#isClosed) return "dropped";
    const now = this.#parts.clock.now();
    const hides = source && this.hidden?.(source);
    const outcome = this.#responder.handleQuery(now, query, transport, reply, hides);
    if (outcome.kind === "pending") this.#drive();
    return outcome.kind === "response" ? outcome : outcome.kind;
  }

  /** Answers a query whose response may take its time. @returns undefined for what gets no answer */
  answer(query: Uint8Array, source?: IpAddress): Promise<Uint8Array | undefined> {
    const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
    const outcome = this.handle(query, "tcp", resolve, source);
    if (outcome === "dropped") resolve(undefined);
    else if (outcome !== "pending") resolve(outcome.bytes);
    return promise;
  }

  /** Finds out whether the other servers answer, and from then on when those that did not answer again. */
  probeUpstreams(): void {
    const { forwarder, clock } = this.#parts;
    forwarder.probeAll(clock.now());
    this.#drive();
  }

  /** Asks others from now on. */
  followRoutes(routes: readonly ForwardRoute[]): void {
    this.#parts.forwarder.follow(routes);
  }

  /** @returns whether each of the other servers answers, as far as that is known */
  upstreams(): readonly KnownUpstream[] {
    return this.#parts.forwarder.upstreams();
  }

  /** Nobody is answered any more. Harmless when repeated. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#parts.upstream.close();
  }

  /** Carries out what the forwarder wants until it wants nothing more. */
  #drive(): void {
    if (this.#isClosed) return;
    const { forwarder, upstream, clock, timers } = this.#parts;
    // An answer may lead to the next question.
    for (;;) {
      const next = this.#responder.pollReply(clock.now());
      if (next === undefined) break;
      next.to(next.bytes);
    }
    for (let done = forwarder.pollFinished(); done !== undefined; done = forwarder.pollFinished()) {
      upstream.end(done);
    }
    for (let query = forwarder.pollTransmit(); query !== undefined; query = forwarder.pollTransmit()) {
      const { attempt } = query;
      upstream.begin(query, (response) => {
        if (response === undefined) forwarder.handleFailure(clock.now(), attempt);
        else forwarder.handleResponse(clock.now(), attempt, response);
        this.#drive();
      });
    }
    this.#cancelTimer();
    const deadline = forwarder.pollTimeout();
    if (deadline === undefined) return;
    this.#cancelTimer = timers.setTimer(deadline - clock.now(), () => {
      forwarder.handleTimeout(clock.now());
      this.#drive();
    });
  }
}
