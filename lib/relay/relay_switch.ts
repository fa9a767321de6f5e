/**
 * What a relay does with each datagram: it goes out by the other leg of its session, says where a member is, or is
 * dropped and counted.
 *
 * A leg: unbound ──authentic bind──▶ bound to its source ──newer authentic bind──▶ bound to the source of that one
 *
 * Who has the secret of a leg may write any source into a bind. So a new source is sent a few datagrams a second only, until
 * a bind from there repeats the echo of a bound, which nobody else has seen.
 * @module
 */

import { Counters, equalBytes, millis, type RandomSource, RateMeter } from "../base/mod.ts";
import { type Endpoint, PATH_KIND, PATH_MAGIC, pathKindAt } from "../net/mod.ts";
import { BIND_BYTES, decodeBind, ECHO_BYTES, encodeBind, isAuthenticBind } from "./bind.ts";
import { forwardingMeter } from "./forwarding_rate.ts";
import { HandshakeLimit } from "./handshake_limit.ts";
import type { LegKey } from "./leg_secret.ts";

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
  /** It is for a source that has not proven itself yet, and there were some in this second. */
  "unproven-source",
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
/** To a source that has not proven itself: handshakes, questions after the path and some packets, no flood. */
const UNPROVEN_BYTES_PER_SECOND = 4_000;
const UNPROVEN_BURST_BYTES = 8_192;

/** One end of a session; `port` is the caller's own: a socket. */
export class SwitchLeg<Port> {
  readonly key: LegKey;
  readonly port: Port;
  readonly session: SwitchSession<Port>;
  readonly handshakes: HandshakeLimit = new HandshakeLimit();
  /** The source of the newest authentic bind: who alone is heard, and where the other one's datagrams go. */
  source: Endpoint | undefined;
  /** Of that bind. */
  newestCounter = -1;
  /** Whether datagrams that were sent to `source` were received there. */
  isProven = false;
  /** What a bind from `source` has to repeat; zeros when it is proven. */
  readonly echo: Uint8Array = new Uint8Array(ECHO_BYTES);
  readonly #unproven = new RateMeter(UNPROVEN_BYTES_PER_SECOND, UNPROVEN_BURST_BYTES);

  constructor(key: LegKey, port: Port, session: SwitchSession<Port>) {
    this.key = key;
    this.port = port;
    this.session = session;
  }

  /** The leg that leads to the other member. */
  get other(): SwitchLeg<Port> {
    const { a, b } = this.session;
    return this === a ? b : a;
  }

  /** @returns whether so many bytes may be sent to `source`, which take of what an unproven one may have */
  mayReceive(now: number, lengthBytes: number): boolean {
    return this.isProven || this.#unproven.tryTake(millis(now), lengthBytes);
  }
}

/** Two legs, and what was carried between them. */
export class SwitchSession<Port> {
  readonly a: SwitchLeg<Port>;
  readonly b: SwitchLeg<Port>;
  readonly rate: RateMeter;
  carriedDatagrams = 0;
  carriedBytes = 0;
  /** How many authentic binds there were. */
  binds = 0;

  constructor(ends: readonly (readonly [LegKey, Port])[], rate: RateMeter) {
    const [first, second] = ends;
    if (first === undefined || second === undefined) throw new RangeError("A relay session has two legs");
    this.a = new SwitchLeg(...first, this);
    this.b = new SwitchLeg(...second, this);
    this.rate = rate;
  }

  /** Whether both members have said where they are. */
  get isBound(): boolean {
    return this.a.source !== undefined && this.b.source !== undefined;
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
  readonly #total: RateMeter;
  readonly #random: RandomSource;

  /** @param random of echoes; no member may foresee it */
  constructor(rates: RelayRates, random: RandomSource) {
    this.#rates = rates;
    this.#random = random;
    this.#total = forwardingMeter(rates.totalBytesPerSecond);
  }

  /** @param ends key and port of each leg @returns a session whose legs nobody has bound yet */
  open(ends: readonly [a: readonly [LegKey, Port], b: readonly [LegKey, Port]]): SwitchSession<Port> {
    return new SwitchSession(ends, forwardingMeter(this.#rates.sessionBytesPerSecond));
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
    const time = millis(now);
    if (!session.rate.has(time, lengthBytes) || !this.#total.has(time, lengthBytes)) {
      return this.#drop("over-rate");
    }
    if (!leg.other.mayReceive(now, lengthBytes)) return this.#drop("unproven-source");
    session.rate.take(time, lengthBytes);
    this.#total.take(time, lengthBytes);
    session.carriedDatagrams++;
    session.carriedBytes += lengthBytes;
    return "carried";
  }

  #bind(leg: SwitchLeg<Port>, source: Endpoint, datagram: Uint8Array): RelayVerdict {
    const bind = decodeBind(datagram);
    if (bind?.kind !== "bind" || !isAuthenticBind(datagram, leg.key)) return this.#drop("wrong-bind");
    if (bind.counter <= leg.newestCounter) return this.#drop("replayed-bind");
    leg.newestCounter = bind.counter;
    if (leg.source === undefined || !leg.source.equals(source)) {
      leg.source = source;
      leg.isProven = false;
      this.#random.fill(leg.echo);
      // Zeros ask for nothing.
      leg.echo[0] = (leg.echo[0] ?? 0) | 1;
    } else if (!leg.isProven && equalBytes(bind.echo, leg.echo)) {
      leg.isProven = true;
      leg.echo.fill(0);
    }
    leg.session.binds++;
    this.answer = encodeBind("bound", leg.key, bind.counter, leg.echo);
    return "bound";
  }

  #drop(reason: RelayDropReason): RelayVerdict {
    this.drops.count(reason);
    return "dropped";
  }
}

function isBind(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
  if (lengthBytes < 2 || bytes[at] !== PATH_MAGIC) return false;
  return bytes[at + 1] === PATH_KIND.BIND || bytes[at + 1] === PATH_KIND.BOUND;
}

/** Whether a datagram looks like WireGuard's, or like a question or an answer of the path protocol. */
export function mayBeCarried(bytes: Uint8Array, at: number, lengthBytes: number): boolean {
  if (lengthBytes < TRANSPORT_DATA[1] || bytes[at + 2] !== 0 || bytes[at + 3] !== 0) return false;
  if (bytes[at] === PATH_MAGIC) {
    const kind = pathKindAt(bytes, at, lengthBytes);
    return kind === PATH_KIND.ASK || kind === PATH_KIND.ANSWER;
  }
  if (bytes[at + 1] !== 0) return false;
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
