/**
 * When to look into the DHT, whom to ask, and where to announce this node.
 *
 * ```
 *   idle ──due──▶ walk to today's key ──▶ announce ──▶ walk to yesterday's key ──▶ idle
 *                                 (members)             (while somebody is missing)
 * ```
 *
 * A member goes round at its start and then every 10 minutes; while somebody is missing, sooner at first, after 5, 20,
 * 80 and 320 s. A seeker's pauses grow from 1 to 16 s. Nobody is answered: this node keeps nothing for others, and is on
 * nobody's list (BEP 43).
 *
 * @module
 */

import {
  Counters,
  decodeHex,
  encodeHex,
  KeyedRateLimiter,
  type Millis,
  millis,
  randomBytes,
  randomFraction,
  type RandomSource,
  utf8Bytes,
} from "../base/mod.ts";
import { blake2s, blake2sMac } from "../crypto/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { DhtLookup } from "./dht_lookup.ts";
import type { DiscoveryTransmit } from "./discovery_state.ts";
import {
  decodeKrpc,
  DHT_ID_BYTES,
  type DhtContact,
  type DhtQuery,
  encodeAnnouncePeer,
  encodeGetPeers,
  TRANSACTION_BYTES,
} from "./krpc.ts";

const NETWORK_ID_BYTES = 16;
/** Nodes of the DHT forget what was announced to them half an hour ago. */
const ROUND_MS = 600_000;
/** Of two that started together neither finds the other in its first round. */
const FIRST_PAUSE_MS = 5_000;
const PAUSE_GROWTH = 4;
/** Where no node of the DHT has answered, this host may have no network yet. */
const UNANSWERED_PAUSE_MS = 60_000;
const FIRST_SEEK_PAUSE_MS = 1_000;
const MAX_SEEK_PAUSE_MS = 16_000;
/** Each pause is shortened by up to this part, so that nodes that started together do not stay together. */
const JITTER = 0.2;
const ANSWER_MS = 1_500;
/** Between two queries: 40 a second at most, whatever is answered. */
const SEND_EVERY_MS = 25;
/** Answers can't be more than queries; what is beyond that is not even read. */
const RECEIVE_LIMITS = { burst: 128, everyMs: 10, maxSources: 1 };
/** Walks begin with nodes that answered the last time; with so many of them nobody else is needed. */
const ENOUGH_CONTACTS = 4;

const DROP_REASONS = ["dht-too-many", "dht-malformed", "dht-query", "dht-unasked"] as const;

/** What is announced, whom to ask first, and when to look. */
export interface DhtOptions {
  /** 32 hexadecimal digits. */
  readonly networkId: string;
  /** Where this node's peers are to dial, 1 to 65535; absent for who has a token and only looks. */
  readonly port?: number;
  /** Nodes of the DHT to begin with. */
  readonly routers: readonly Endpoint[];
  readonly random: RandomSource;
  /** Whether somebody is missing; otherwise this node is announced, and nothing found is passed on. */
  isLooking(): boolean;
}

interface Asked {
  readonly endpoint: Endpoint;
  readonly until: Millis;
  /** Absent for an announcement. */
  readonly lookup?: DhtLookup;
}

interface Walk {
  readonly lookup: DhtLookup;
  readonly isAnnounced: boolean;
}

/** One node's business with the DHT; `handleTimeout` may be called early and often. */
export class DhtState {
  readonly #options: DhtOptions;
  /** How many datagrams were dropped, by reason. */
  readonly drops: Counters<typeof DROP_REASONS[number]> = new Counters(DROP_REASONS);
  readonly #receiveLimiter = new KeyedRateLimiter(RECEIVE_LIMITS);
  /** By transaction. */
  readonly #asked = new Map<string, Asked>();
  readonly #walks: Walk[] = [];
  readonly #announcing: { readonly endpoint: Endpoint; readonly token: Uint8Array; infoHash: Uint8Array }[] =
    [];
  readonly #transmits: Required<DiscoveryTransmit>[] = [];
  readonly #found: Endpoint[] = [];
  #contacts: readonly DhtContact[] = [];
  #nodeId: Uint8Array = new Uint8Array(DHT_ID_BYTES);
  #today: number | undefined;
  #rounds = 0;
  #roundAt: Millis;
  #sendAt: Millis;

  /** @throws RangeError when the network's id or the port is none */
  constructor(now: Millis, options: DhtOptions) {
    const { port, networkId } = options;
    if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65535)) {
      throw new RangeError(`Cannot announce port ${port}: ports are 1 to 65535`);
    }
    dhtKey(networkId, 0);
    this.#options = options;
    this.#roundAt = now;
    this.#sendAt = now;
  }

  /** How many nodes of the DHT answered in the last round, at most 8. */
  get contacts(): number {
    return this.#contacts.length;
  }

  /** @param source where it came from */
  handleDatagram(now: Millis, datagram: Uint8Array, source: Endpoint): void {
    if (!this.#receiveLimiter.allows(now, "")) return this.drops.count("dht-too-many");
    const message = decodeKrpc(datagram);
    if (message === undefined) return this.drops.count("dht-malformed");
    if (message.kind === "query") return this.drops.count("dht-query");
    const asked = this.#asked.get(message.transaction);
    if (asked === undefined || !asked.endpoint.equals(source)) return this.drops.count("dht-unasked");
    this.#asked.delete(message.transaction);
    if (message.kind === "error") return asked.lookup?.handleSilence(source);
    const fresh = asked.lookup?.handleResponse(source, message) ?? [];
    if (this.#options.isLooking()) this.#found.push(...fresh);
  }

  /** @param today days since 1970 in UTC */
  handleTimeout(now: Millis, today: number): void {
    for (const [transaction, { until, endpoint, lookup }] of this.#asked) {
      if (until > now) continue;
      this.#asked.delete(transaction);
      lookup?.handleSilence(endpoint);
    }
    if (now >= this.#roundAt && !this.#isBusy) this.#beginRound(now, today);
    while (now >= this.#sendAt && this.#ask(now)) this.#sendAt = millis(now + SEND_EVERY_MS);
    while (this.#walks[0]?.lookup.isDone) this.#endWalk(now);
  }

  /** @returns when `handleTimeout` has something to do */
  pollTimeout(): Millis {
    if (!this.#isBusy) return this.#roundAt;
    const deadlines = [...this.#asked.values()].map(({ until }) => until);
    const mayGoOn = deadlines.length === 0 || this.#announcing.length > 0 || this.#walks[0]?.lookup.canAsk;
    return millis(Math.min(...deadlines, ...mayGoOn ? [this.#sendAt] : []));
  }

  /** @returns what is to be sent, or undefined */
  pollTransmit(): Required<DiscoveryTransmit> | undefined {
    return this.#transmits.shift();
  }

  /** @returns where somebody of the network says to listen, or undefined; nothing of it is proved */
  pollFound(): Endpoint | undefined {
    return this.#found.shift();
  }

  get #isBusy(): boolean {
    return this.#walks.length > 0 || this.#announcing.length > 0 || this.#asked.size > 0;
  }

  #beginRound(now: Millis, today: number): void {
    const { port, random, networkId, routers, isLooking } = this.#options;
    if (today !== this.#today) {
      this.#today = today;
      // Under the same id for ever, a host could be followed from one network to another.
      this.#nodeId = randomBytes(random, DHT_ID_BYTES);
    }
    this.#rounds++;
    const days = isLooking() ? [today, today - 1] : port === undefined ? [] : [today];
    const contacts = this.#contacts;
    const known = { contacts, routers: contacts.length < ENOUGH_CONTACTS ? routers : [] };
    for (const day of days) {
      const lookup = new DhtLookup({ target: dhtKey(networkId, day), self: this.#nodeId, random, ...known });
      this.#walks.push({ lookup, isAnnounced: day === today && port !== undefined });
    }
    this.#plan(now);
  }

  /** @returns whether a query went out */
  #ask(now: Millis): boolean {
    const { port } = this.#options;
    const announcement = this.#announcing.shift();
    if (announcement !== undefined && port !== undefined) {
      const { endpoint, infoHash, token } = announcement;
      this.#query(now, { endpoint }, (query) => encodeAnnouncePeer({ ...query, infoHash }, port, token));
      return true;
    }
    const lookup = this.#walks[0]?.lookup;
    const endpoint = lookup?.next();
    if (lookup === undefined || endpoint === undefined) return false;
    const infoHash = lookup.target;
    this.#query(now, { endpoint, lookup }, (query) => encodeGetPeers({ ...query, infoHash }));
    return true;
  }

  #query(
    now: Millis,
    asked: Omit<Asked, "until">,
    encode: (query: Pick<DhtQuery, "transaction" | "nodeId">) => Uint8Array,
  ): void {
    const transaction = randomBytes(this.#options.random, TRANSACTION_BYTES);
    const datagram = encode({ transaction, nodeId: this.#nodeId });
    this.#asked.set(encodeHex(transaction), { ...asked, until: millis(now + ANSWER_MS) });
    this.#transmits.push({ datagram, destination: asked.endpoint });
  }

  #endWalk(now: Millis): void {
    const walk = this.#walks.shift();
    if (walk === undefined) return;
    const { lookup, isAnnounced } = walk;
    const nearest = lookup.nearest();
    this.#contacts = nearest.map(({ id, endpoint }) => ({ id, endpoint }));
    if (isAnnounced) {
      for (const { endpoint, token } of nearest) {
        if (token !== undefined) this.#announcing.push({ endpoint, token, infoHash: lookup.target });
      }
    }
    this.#plan(now);
  }

  /** A pause is counted from the end of the round, or from its last walk. */
  #plan(now: Millis): void {
    const pauseMs = this.#pauseMs() * (1 - JITTER * randomFraction(this.#options.random));
    this.#roundAt = millis(now + pauseMs);
  }

  #pauseMs(): number {
    const { port, isLooking } = this.#options;
    if (port === undefined) return Math.min(MAX_SEEK_PAUSE_MS, FIRST_SEEK_PAUSE_MS * 2 ** (this.#rounds - 1));
    const longestMs = this.#contacts.length === 0 ? UNANSWERED_PAUSE_MS : ROUND_MS;
    if (!isLooking()) return longestMs;
    return Math.min(longestMs, FIRST_PAUSE_MS * PAUSE_GROWTH ** (this.#rounds - 1));
  }
}

/**
 * The key under which a network is found in the DHT: `BLAKE2s(key = BLAKE2s("weft dht v1" | network id), day)`, cut to
 * 20 bytes. Only who knows the network's id, which members and tokens do, can find the key of a day; it leads neither
 * back to the id nor to the key of another day.
 *
 * @param networkId 32 hexadecimal digits
 * @param day days since 1970 in UTC
 * @returns 20 bytes
 * @throws RangeError when the network's id is none, or the day is no whole number
 */
export function dhtKey(networkId: string, day: number): Uint8Array {
  const id = decodeHex(networkId);
  if (id?.length !== NETWORK_ID_BYTES) {
    throw new RangeError(
      `Cannot look for ${JSON.stringify(networkId)}: a network's id has 32 hexadecimal digits`,
    );
  }
  const dayBytes = new Uint8Array(8);
  new DataView(dayBytes.buffer).setBigUint64(0, BigInt(day));
  return blake2sMac(blake2s(utf8Bytes("weft dht v1"), id), 32, dayBytes).slice(0, DHT_ID_BYTES);
}
