/**
 * Where some servers see a socket, kept up to date: each is asked at once, again before a NAT forgets what the answer said,
 * and less and less often while it is silent.
 *
 * ```
 *   asking ──answer──▶ mapped: asked again after 25 s
 *      │                  │ silent twice in a row: what it said counts no more
 *      └──silence──▶ asked again after 30 s, 60 s … 10 min
 * ```
 * @module
 */

import { Counters, type Millis, millis, type RandomSource } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { STUN_DROP_REASONS, StunClient, type StunDropReason } from "./stun_client.ts";

/** So many servers are asked, each by three datagrams of 28 bytes in a round at most. */
const MAX_SERVERS = 8;
/** Below the 30 s after which the least patient NATs forget; RFC 8445 §11 wants 15 s at least. */
const RENEW_MS = 25_000;
const FIRST_RETRY_MS = 30_000;
const MAX_RETRY_MS = 600_000;
/** A host that changes its addresses all the time asks no more often than this. */
const LEAST_PAUSE_MS = 5_000;
/** What a server said counts until it has been silent so often in a row. */
const FORGET_AFTER = 2;

interface AskedServer {
  readonly server: Endpoint;
  /** While it is being asked. */
  client: StunClient | undefined;
  /** When it is asked next. */
  askAt: Millis;
  askedAt: number;
  silences: number;
  mapped: Endpoint | undefined;
}

/** Asks some servers as long as it is used. `handleTimeout` may be called early and often. */
export class MappedAddresses {
  /** How many datagrams were dropped, by reason. */
  readonly drops: Counters<StunDropReason> = new Counters(STUN_DROP_REASONS);
  readonly #random: RandomSource;
  #servers: readonly AskedServer[] = [];

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** Where each server sees the socket that has said so, in the order of the servers. */
  get mapped(): readonly Endpoint[] {
    return this.#servers.flatMap(({ mapped }) => mapped === undefined ? [] : [mapped]);
  }

  /** Asks these from now on, the first 8 of them; what others have said counts no more. */
  setServers(now: Millis, servers: readonly Endpoint[]): void {
    this.#servers = servers.filter((one, i) => servers.findIndex((other) => other.equals(one)) === i)
      .slice(0, MAX_SERVERS)
      .map((server) =>
        this.#servers.find((known) => known.server.equals(server)) ??
          { server, client: undefined, askAt: now, askedAt: -Infinity, silences: 0, mapped: undefined }
      );
  }

  /** This host's addresses have changed: nothing that was said is true, and all are asked anew. */
  handleMove(now: Millis): void {
    for (const asked of this.#servers) {
      asked.client = asked.mapped = undefined;
      asked.silences = 0;
      asked.askAt = millis(Math.max(now, asked.askedAt + LEAST_PAUSE_MS));
    }
  }

  /** @param source where it came from, which has to be one of the servers */
  handleDatagram(now: Millis, datagram: Uint8Array, source: Endpoint): void {
    const asked = this.#servers.find(({ server }) => server.equals(source));
    if (asked?.client === undefined) return this.drops.count("stun-unasked");
    asked.client.handleDatagram(now, datagram, source);
    this.#settle(now, asked);
  }

  handleTimeout(now: Millis): void {
    for (const asked of this.#servers) {
      if (asked.client === undefined && asked.askAt <= now) {
        asked.client = new StunClient(now, [asked.server], this.#random, this.drops);
        asked.askedAt = now;
      }
      asked.client?.handleTimeout(now);
      this.#settle(now, asked);
    }
  }

  /** @returns a datagram to send, or undefined */
  pollTransmit(): { readonly datagram: Uint8Array; readonly destination: Endpoint } | undefined {
    for (const { client } of this.#servers) {
      const out = client?.pollTransmit();
      if (out !== undefined) return out;
    }
    return undefined;
  }

  /** @returns when `handleTimeout` has something to do, or undefined without servers */
  pollTimeout(): Millis | undefined {
    if (this.#servers.length === 0) return undefined;
    return millis(
      Math.min(...this.#servers.map(({ client, askAt }) => client?.pollTimeout() ?? askAt)),
    );
  }

  #settle(now: Millis, asked: AskedServer): void {
    if (asked.client?.isDone !== true) return;
    const mapped = asked.client.results[0]?.mapped;
    asked.client = undefined;
    if (mapped !== undefined && mayBeOutside(mapped, asked.server)) {
      asked.mapped = mapped;
      asked.silences = 0;
      asked.askAt = millis(now + RENEW_MS);
      return;
    }
    asked.silences++;
    if (asked.silences >= FORGET_AFTER) asked.mapped = undefined;
    asked.askAt = millis(now + Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (asked.silences - 1)));
  }
}

/** A server may say anything, and others send where it says: to one host of the family by which it was asked. */
function mayBeOutside({ address }: Endpoint, server: Endpoint): boolean {
  return address.family === server.address.family &&
    !(address.isLoopback && !server.address.isLoopback) && !address.isLinkLocal && !address.isMulticast &&
    !address.isUnspecified;
}
