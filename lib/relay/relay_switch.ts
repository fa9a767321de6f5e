/**
 * What a relay does with each datagram: it goes out by the other leg of its session, says where a member is, or is
 * dropped and counted.
 *
 * A leg: unbound ──authentic bind──▶ bound to its source ──newer authentic bind──▶ bound to the source of that one
 * @module
 */

import { Counters } from "../base/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import {
  BIND_BYTES,
  BIND_KIND,
  BOUND_KIND,
  decodeBind,
  encodeBind,
  isAuthenticBind,
  PATH_MAGIC,
} from "./bind.ts";
import { HandshakeLimit } from "./handshake_limit.ts";
import type { LegKey } from "./leg_secret.ts";
import { RateBucket } from "./rate_bucket.ts";

/** Why a datagram was dropped. */
export const RELAY_DROPS = [
  /** Nobody has bound this leg yet. */
  "unbound",
  /** The other member has not bound its leg yet. */
  "other-unbound",
  /** It comes from elsewhere than the newest authentic bind of the leg. */
  "foreign-source",
  /** A bind of another form, of another leg, or by who does not have the secret. */
  "wrong-bind",
  /** An authentic bind that is not newer than the last one. */
  "replayed-bind",
  /** Neither WireGuard's nor a question or answer of the path protocol. */
  "unknown-kind",
  /** More handshakes than a member may begin by a session. */
  "handshake-rate",
  /** More than the session, or the relay, may carry. */
  "over-rate",
] as const;

/** One of `RELAY_DROPS`. */
export type RelayDropReason = (typeof RELAY_DROPS)[number];

/** What becomes of a datagram: `carried` is sent on by the caller, `bound` is answered by it. */
export type RelayVerdict = "carried" | "bound" | "dropped";

/** The kinds of WireGuard messages and the least of their lengths in bytes; all but the last have exactly it (§5.4). */
const INITIATION = [1, 148] as const;
const RESPONSE = [2, 92] as const;
const COOKIE_REPLY = [3, 64] as const;
const TRANSPORT_DATA = [4, 32] as const;
/** Questions and answers of the path protocol. */
const ASK_KIND = 1;
const ANSWER_KIND = 2;
const LEAST_PROBE_BYTES = 48;
const MOST_PROBE_BYTES = 1500;

/** One end of a session; `port` is the caller's own: a socket. */
export class SwitchLeg<Port> {
  readonly key: LegKey;
  readonly port: Port;
  readonly session: SwitchSession<Port>;
  readonly handshakes: HandshakeLimit;
  /** The source of the newest authentic bind: who alone is heard, and where the other one's datagrams go. */
  source: Endpoint | undefined;
  /** Of that bind. */
  newestCounter = -1;

  constructor(key: LegKey, port: Port, session: SwitchSession<Port>, now: number) {
    this.handshakes = new HandshakeLimit(now);
    this.key = key;
    this.port = port;
    this.session = session;
  }

  /** The leg that leads to the other member. */
  get other(): SwitchLeg<Port> {
    const { a, b } = this.session;
    return this === a ? b : a;
  }
}

/** Two legs, and what was carried between them. */
export class SwitchSession<Port> {
  readonly a: SwitchLeg<Port>;
  readonly b: SwitchLeg<Port>;
  readonly bucket: RateBucket;
  carriedDatagrams = 0;
  carriedBytes = 0;
  /** How many authentic binds there were. */
  binds = 0;

  constructor(ends: readonly (readonly [LegKey, Port])[], bucket: RateBucket, now: number) {
    const [first, second] = ends;
    if (first === undefined || second === undefined) throw new RangeError("A relay session has two legs");
    this.a = new SwitchLeg(...first, this, now);
    this.b = new SwitchLeg(...second, this, now);
    this.bucket = bucket;
  }
}

/** How much a relay carries, in bytes a second; Infinity for all there is. */
export interface RelayRates {
  readonly totalBytesPerSecond: number;
  readonly sessionBytesPerSecond: number;
}

/** Judges datagrams; what it allows, its caller sends. */
export class RelaySwitch<Port> {
  readonly drops: Counters<RelayDropReason> = new Counters(RELAY_DROPS);
  /** The answer to the bind that was judged last, `BIND_BYTES` long. */
  answer: Uint8Array = new Uint8Array(BIND_BYTES);
  readonly #rates: RelayRates;
  readonly #total: RateBucket;

  /** @param now monotonic milliseconds, as everywhere here */
  constructor(rates: RelayRates, now: number) {
    this.#rates = rates;
    this.#total = new RateBucket(rates.totalBytesPerSecond, now);
  }

  /** @param ends key and port of each leg @returns a session whose legs nobody has bound yet */
  open(
    ends: readonly [a: readonly [LegKey, Port], b: readonly [LegKey, Port]],
    now: number,
  ): SwitchSession<Port> {
    return new SwitchSession(ends, new RateBucket(this.#rates.sessionBytesPerSecond, now), now);
  }

  /**
   * Judges a datagram that has come to `leg`.
   * @param bytes in which it stands at `at`, `lengthBytes` long
   * @returns `carried`: the same bytes go to `leg.other.source` by `leg.other`; `bound`: `answer` goes to `source` by `leg`
   */
  judge(
    now: number,
    leg: SwitchLeg<Port>,
    source: Endpoint,
    bytes: Uint8Array,
    at: number,
    lengthBytes: number,
  ): RelayVerdict {
    if (isBind(bytes, at, lengthBytes)) return this.#bind(leg, source, bytes.subarray(at, at + lengthBytes));
    const bound = leg.source;
    if (bound === undefined) return this.#drop("unbound");
    if (bound !== source && !bound.equals(source)) return this.#drop("foreign-source");
    if (!mayBeCarried(bytes, at, lengthBytes)) return this.#drop("unknown-kind");
    if (leg.other.source === undefined) return this.#drop("other-unbound");
    if (!leg.handshakes.allows(now, bytes[at])) return this.#drop("handshake-rate");
    const { session } = leg;
    if (!session.bucket.has(now, lengthBytes) || !this.#total.has(now, lengthBytes)) {
      return this.#drop("over-rate");
    }
    session.bucket.take(lengthBytes);
    this.#total.take(lengthBytes);
    session.carriedDatagrams++;
    session.carriedBytes += lengthBytes;
    return "carried";
  }

  #bind(leg: SwitchLeg<Port>, source: Endpoint, datagram: Uint8Array): RelayVerdict {
    const bind = decodeBind(datagram);
    if (bind?.kind !== "bind" || !isAuthenticBind(datagram, leg.key)) return this.#drop("wrong-bind");
    if (bind.counter <= leg.newestCounter) return this.#drop("replayed-bind");
    leg.newestCounter = bind.counter;
    leg.source = source;
    leg.session.binds++;
    this.answer = encodeBind("bound", leg.key, bind.counter);
    return "bound";
  }

  #drop(reason: RelayDropReason): RelayVerdict {
    this.drops.count(reason);
    return "dropped";
  }
}

function isBind(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
  if (lengthBytes < 2 || bytes[at] !== PATH_MAGIC) return false;
  return bytes[at + 1] === BIND_KIND || bytes[at + 1] === BOUND_KIND;
}

/** Whether a datagram looks like WireGuard's, or like a question or an answer of the path protocol. */
export function mayBeCarried(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
  if (lengthBytes < TRANSPORT_DATA[1] || bytes[at + 2] !== 0 || bytes[at + 3] !== 0) return false;
  const second = bytes[at + 1];
  if (bytes[at] === PATH_MAGIC) {
    return (second === ASK_KIND || second === ANSWER_KIND) &&
      lengthBytes >= LEAST_PROBE_BYTES && lengthBytes <= MOST_PROBE_BYTES;
  }
  if (second !== 0) return false;
  switch (bytes[at]) {
    // First, because nearly all are.
    case TRANSPORT_DATA[0]:
      return true;
    case INITIATION[0]:
      return lengthBytes === INITIATION[1];
    case RESPONSE[0]:
      return lengthBytes === RESPONSE[1];
    case COOKIE_REPLY[0]:
      return lengthBytes === COOKIE_REPLY[1];
    default:
      return false;
  }
}
