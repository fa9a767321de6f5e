/**
 * Which datagrams of the path protocol are worth handing on: those with an id that somebody here waits for, and not too
 * many of them. A flood of others costs a look at a table for each.
 *
 * An id stands in the clear, so that whoever has seen one can send with it from anywhere. What comes from where this node
 * has sent a datagram of the path protocol lately, which it does where it asks and where it answers what was authentic, is
 * counted apart from all else: a flood from elsewhere takes nothing of it.
 * @module
 */

import { Counters, type Millis, RateMeter } from "../../base/mod.ts";
import {
  type Endpoint,
  isPathDatagram,
  isStunRequest,
  LEAST_PATH_BYTES,
  MOST_PATH_BYTES,
  PATH_ID_AT,
} from "../../net/mod.ts";
import { StunGate } from "./stun_gate.ts";

/** From known sources all together: a thousand paths that are asked twice a second. */
const TOTAL_PER_SECOND = 2000;
/** From all other sources: who has moved is known as soon as it was answered. */
const STRANGERS_PER_SECOND = 500;
/** With one id from one known source, and from all others: a member that answers too often costs others nothing. */
const PER_SECOND = 100;
/** So many known sources an id has of its own; what comes from further ones counts as from elsewhere. */
const MAX_SOURCES = 8;
/** A source from which nothing came for so long gives way. */
const SOURCE_IDLE_MS = 10_000;
/** So many places to which something was sent are remembered; who was sent nothing for the longest time gives way. */
const MAX_KNOWN = 8192;
/** So long a place is known after something was sent there. */
const KNOWN_MS = 60_000;

/** Why one goes no further: nobody waits for it, or there are too many; of STUN, it answers nothing that was asked. */
export const PROBE_DROPS = ["foreign-probe", "probe-flood", "foreign-stun"] as const;

/** One of `PROBE_DROPS`. */
export type ProbeDrop = typeof PROBE_DROPS[number];

/** Ids of datagrams that are waited for from now on, or not any more: 16 hexadecimal digits each. */
export interface ProbeIdChange {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
}

/** @returns a meter of datagrams that holds those of one second at most */
function meterOf(perSecond: number): RateMeter {
  return new RateMeter(perSecond, perSecond);
}

interface KnownPlace {
  readonly endpoint: Endpoint;
  sentAt: number;
}

interface KnownSource {
  readonly endpoint: Endpoint;
  readonly rate: RateMeter;
  heardAt: number;
}

/** What is waited for with one id. */
class ExpectedId {
  readonly strangers = meterOf(PER_SECOND);
  readonly #sources: KnownSource[] = [];

  /** @returns what may come from a known source, or undefined when there is no room for one more */
  meterFor(now: Millis, source: Endpoint): RateMeter | undefined {
    const sources = this.#sources;
    let idle = -1;
    for (let i = 0; i < sources.length; i++) {
      const known = sources[i];
      if (known === undefined) continue;
      if (known.endpoint === source || known.endpoint.equals(source)) {
        known.heardAt = now;
        return known.rate;
      }
      if (now - known.heardAt >= SOURCE_IDLE_MS) idle = i;
    }
    if (idle < 0 && sources.length >= MAX_SOURCES) return undefined;
    const fresh = { endpoint: source, rate: meterOf(PER_SECOND), heardAt: now };
    sources[idle < 0 ? sources.length : idle] = fresh;
    return fresh.rate;
  }
}

/** @throws RangeError when `datagram` is none of the path protocol, and no Binding request of STUN */
export function checkProbe(datagram: Uint8Array): void {
  if (isPathDatagram(datagram, 0, datagram.length) || isStunRequest(datagram)) return;
  throw new RangeError(
    `Cannot send ${datagram.length} bytes as a probe: unless it is a request of STUN it has ${LEAST_PATH_BYTES} to ${MOST_PATH_BYTES} and begins with 0x77`,
  );
}

/** @throws RangeError when an id is not 16 hexadecimal digits */
export function checkProbeIds({ add = [], remove = [] }: ProbeIdChange): void {
  for (const id of [...add, ...remove]) {
    if (!/^[0-9a-f]{16}$/i.test(id)) throw new RangeError(`Cannot wait for probe ${id}: an id has 16 digits`);
  }
}

/** Belongs to one plane. */
export class ProbeGate {
  readonly counters: Counters<ProbeDrop> = new Counters<ProbeDrop>(PROBE_DROPS);
  /** By the two halves of their ids, as numbers: a lookup makes no text. */
  readonly #expected = new Map<number, Map<number, ExpectedId>>();
  /** Answers of STUN. */
  readonly stun: StunGate = new StunGate(this.counters);
  readonly #total = meterOf(TOTAL_PER_SECOND);
  readonly #strangers = meterOf(STRANGERS_PER_SECOND);
  /** By a hash; of two with the same one the newer is known. The order is that in which they were added. */
  readonly #places = new Map<number, KnownPlace>();

  /** Takes ids that `checkProbeIds` has seen. */
  change({ add = [], remove = [] }: ProbeIdChange): void {
    for (const id of add) {
      const [high, low] = halves(id);
      const lows = this.#expected.get(high) ?? new Map<number, ExpectedId>();
      this.#expected.set(high, lows);
      if (!lows.has(low)) lows.set(low, new ExpectedId());
    }
    for (const id of remove) {
      const [high, low] = halves(id);
      const lows = this.#expected.get(high);
      lows?.delete(low);
      if (lows?.size === 0) this.#expected.delete(high);
    }
  }

  /** This node sends there what `checkProbe` has seen. */
  noteOutgoing(now: Millis, datagram: Uint8Array, destination: Endpoint): void {
    if (isStunRequest(datagram)) this.stun.noteAsked(now, datagram, destination);
    else this.noteSent(now, destination);
  }

  /** This node sends a datagram of the path protocol there. */
  noteSent(now: Millis, destination: Endpoint): void {
    const hash = hashOf(destination);
    const known = this.#places.get(hash);
    // Order is kept up to date at times only: most are sent something every few seconds.
    if (known?.endpoint.equals(destination) && now - known.sentAt < KNOWN_MS / 4) return;
    this.#places.delete(hash);
    this.#places.set(hash, { endpoint: destination, sentAt: now });
    if (this.#places.size <= MAX_KNOWN) return;
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest);
      break;
    }
  }

  /**
   * @param memory where a datagram of the path protocol stands, from `at` on
   * @returns whether somebody waits for its id; counted when not
   */
  expects(memory: Uint8Array, at: number): boolean {
    if (this.#find(memory, at) !== undefined) return true;
    this.counters.count("foreign-probe");
    return false;
  }

  /**
   * @param memory where one that is expected stands, from `at` on
   * @returns whether to hand it on; counted when not
   */
  admits(now: Millis, memory: Uint8Array, at: number, source: Endpoint): boolean {
    const expected = this.#find(memory, at);
    if (expected === undefined) return false;
    const own = this.#isKnown(now, source) ? expected.meterFor(now, source) : undefined;
    const isAllowed = own === undefined
      ? expected.strangers.tryTake(now, 1) && this.#strangers.tryTake(now, 1)
      : own.tryTake(now, 1) && this.#total.tryTake(now, 1);
    if (!isAllowed) this.counters.count("probe-flood");
    return isAllowed;
  }

  #find(memory: Uint8Array, at: number): ExpectedId | undefined {
    const lows = this.#expected.get(readWord(memory, at + PATH_ID_AT));
    return lows?.get(readWord(memory, at + PATH_ID_AT + 4));
  }

  #isKnown(now: Millis, source: Endpoint): boolean {
    const known = this.#places.get(hashOf(source));
    return known !== undefined && now - known.sentAt < KNOWN_MS && known.endpoint.equals(source);
  }
}

function halves(id: string): readonly [high: number, low: number] {
  return [parseInt(id.slice(0, 8), 16), parseInt(id.slice(8), 16)];
}

/** FNV-1a; it makes nothing. Only what this node sends to is in the table, so that nobody fills it with collisions. */
function hashOf({ address: { bytes }, port }: Endpoint): number {
  let hash = 0x811c9dc5 ^ port;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193);
  return hash;
}

/** Big-endian, as the text has it. */
function readWord(memory: Uint8Array, at: number): number {
  return (((memory[at] ?? 0) << 24) | ((memory[at + 1] ?? 0) << 16) | ((memory[at + 2] ?? 0) << 8) |
    (memory[at + 3] ?? 0)) >>> 0;
}
