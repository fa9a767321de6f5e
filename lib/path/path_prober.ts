/**
 * The paths of one node to all members: datagrams of the path protocol in and out, and what was chosen.
 * @module
 */

import { Counters, encodeHex, KeyedRateLimiter, type Millis, millis, type UnixMillis } from "../base/mod.ts";
import type { PrivateKey, PublicKey } from "../crypto/mod.ts";
import type { Endpoint } from "../net/mod.ts";
import { type AskedBefore, FreshAsks } from "./fresh_asks.ts";
import { MemberPaths, type PathChange, type Traffic } from "./member_paths.ts";
import { derivePairKeys, type PairKeys } from "./pair_keys.ts";
import type { Candidate } from "./path.ts";
import { decodeProbe, encodeAnswer, encodeAsk, probeId } from "./probe.ts";

/** What each member may ask: 64 at once, then 50 a second. */
const ASK_LIMITS = { burst: 64, everyMs: 20, maxSources: 4_096 };
/** What waits to be sent; the packet plane takes it at once. */
const MAX_TRANSMITS = 4_096;
/** Numbers of questions a millisecond of the time of day, so that they rise over restarts. */
const COUNTERS_PER_MS = 4_096;

const DROP_REASONS = [
  "probe-malformed",
  "probe-stranger",
  "probe-forged",
  "probe-replayed",
  "probe-flood",
  "probe-unexpected",
] as const;

/** Why a datagram of the path protocol was dropped. */
export type ProbeDropReason = typeof DROP_REASONS[number];

/** A datagram to be sent by the packet plane's socket. */
export interface ProbeTransmit {
  readonly datagram: Uint8Array;
  readonly endpoint: Endpoint;
}

/** What has happened to a member's paths, or to what is known of this node. */
export type PathEvent =
  | PathChange & { readonly member: string }
  /** A member has seen this node's datagrams come from there. */
  | { readonly kind: "seen"; readonly member: string; readonly at: Endpoint };

/** Whose paths they are. */
export interface PathProberParts {
  readonly privateKey: PrivateKey;
  /** The longest datagram that the packet plane makes, in bytes of UDP payload. */
  readonly wantedBytes: number;
  /** The time of day, for numbers that rise over restarts. */
  wall(): UnixMillis;
}

interface Member {
  readonly keys: PairKeys;
  readonly paths: MemberPaths;
  readonly asks: FreshAsks;
  nextAt: Millis;
}

/** Probes of all members, by node id. It reads no clock and sends nothing itself. */
export class PathProber {
  readonly drops: Counters<ProbeDropReason> = new Counters(DROP_REASONS);
  readonly #parts: PathProberParts;
  readonly #members = new Map<string, Member>();
  /** Whose probes bear this id. */
  readonly #byId = new Map<string, string>();
  readonly #limiter = new KeyedRateLimiter(ASK_LIMITS);
  readonly #transmits: ProbeTransmit[] = [];
  readonly #events: PathEvent[] = [];
  #lastCounter = 0;
  /** No member wants its turn before. */
  #nextAt = Infinity;

  constructor(parts: PathProberParts) {
    this.#parts = parts;
  }

  /**
   * Looks after the paths to a member. Harmless when repeated.
   * @returns the id that probes from it bear, 16 hexadecimal digits; undefined when no key can be shared with it
   */
  add(now: Millis, member: string, publicKey: PublicKey): string | undefined {
    const known = this.#members.get(member);
    if (known !== undefined) return known.keys.incomingId;
    const keys = derivePairKeys(this.#parts.privateKey, publicKey);
    if (keys === undefined) return undefined;
    const { wantedBytes } = this.#parts;
    const ask = (endpoint: Endpoint, lengthBytes?: number, move?: number): number => {
      const counter = this.#nextCounter();
      this.#send(encodeAsk(keys.outgoing, counter, lengthBytes, move), endpoint);
      return counter;
    };
    const paths = new MemberPaths({ ask, wantedBytes });
    this.#members.set(member, { keys, paths, asks: new FreshAsks(COUNTERS_PER_MS), nextAt: now });
    this.#byId.set(keys.incomingId, member);
    return keys.incomingId;
  }

  /** Forgets a member. @returns the id that its probes bore, or undefined */
  remove(member: string): string | undefined {
    const known = this.#members.get(member);
    if (known === undefined) return undefined;
    this.#members.delete(member);
    this.#byId.delete(known.keys.incomingId);
    return known.keys.incomingId;
  }

  /** @returns the paths to a member, or undefined when it is not looked after */
  paths(member: string): MemberPaths | undefined {
    return this.#members.get(member)?.paths;
  }

  /** Takes what one source says of where a member is; see `MemberPaths.setCandidates`. */
  setCandidates(now: Millis, member: string, source: string, candidates: readonly Candidate[]): void {
    this.#with(now, member, (paths) => paths.setCandidates(now, source, candidates));
  }

  /** Takes what another member says of where a member is; see `MemberPaths.addHearsay`. */
  addHearsay(now: Millis, member: string, from: string, candidates: readonly Candidate[]): void {
    this.#with(now, member, (paths) => paths.addHearsay(now, from, candidates));
  }

  /** Nobody's word counts who is no member any more. */
  forgetHearsay(now: Millis, from: string): void {
    for (const member of this.#members.keys()) this.addHearsay(now, member, from, []);
  }

  /** Somebody wants to send to a member. */
  want(now: Millis, member: string): void {
    this.#with(now, member, (paths) => paths.want(now));
  }

  /** Packets were exchanged with a member since the last look. */
  noteTraffic(now: Millis, member: string, traffic: Traffic): void {
    this.#with(now, member, (paths) => paths.noteTraffic(now, traffic));
  }

  /** This host's addresses have changed. */
  handleMove(now: Millis): void {
    for (const member of this.#members.keys()) this.#with(now, member, (paths) => paths.handleMove(now));
  }

  /** Takes a datagram from the network. Nothing in it makes this throw. */
  handleDatagram(now: Millis, datagram: Uint8Array, source: Endpoint): void {
    const id = probeId(datagram);
    if (id === undefined) return this.drops.count("probe-malformed");
    const name = this.#byId.get(encodeHex(id));
    const member = name === undefined ? undefined : this.#members.get(name);
    if (name === undefined || member === undefined) return this.drops.count("probe-stranger");
    const probe = decodeProbe(member.keys.incoming, datagram);
    if (probe === undefined) return this.drops.count("probe-forged");
    if (probe.kind === "answer") {
      const path = member.paths.handleAnswer(now, probe.counter, source);
      if (path === undefined) return this.drops.count("probe-unexpected");
      // Through a relay the member sees the relay.
      if (probe.seenAt !== undefined && path.kind === "direct") {
        this.#events.push({ kind: "seen", member: name, at: probe.seenAt });
      }
    } else {
      if (!this.#limiter.allows(now, name)) return this.drops.count("probe-flood");
      const asked: AskedBefore = member.asks.take(probe.counter);
      if (asked === "repeated") return this.drops.count("probe-replayed");
      this.#send(encodeAnswer(member.keys.outgoing, probe.counter, source), source);
      // An old one may come from anywhere: it is answered, and teaches nothing.
      if (asked === "fresh") member.paths.handleAsk(now, source, probe.move);
    }
    this.#follow(now, name, member);
  }

  /** Does what is due. */
  handleTimeout(now: Millis): void {
    if (now < this.#nextAt) return;
    this.#nextAt = Infinity;
    for (const [name, member] of this.#members) {
      if (member.nextAt <= now) {
        member.paths.handleTimeout(now);
        this.#follow(now, name, member);
      }
      this.#nextAt = Math.min(this.#nextAt, member.nextAt);
    }
  }

  /** @returns when `handleTimeout` wants to be called next, or undefined when there is nothing to wait for */
  pollTimeout(): Millis | undefined {
    return this.#nextAt === Infinity ? undefined : millis(this.#nextAt);
  }

  /** @returns the next datagram to send, or undefined */
  pollTransmit(): ProbeTransmit | undefined {
    return this.#transmits.shift();
  }

  /** @returns what happened next, or undefined */
  pollEvent(): PathEvent | undefined {
    return this.#events.shift();
  }

  #with(now: Millis, name: string, act: (paths: MemberPaths) => void): void {
    const member = this.#members.get(name);
    if (member === undefined) return;
    act(member.paths);
    this.#follow(now, name, member);
  }

  #follow(now: Millis, name: string, member: Member): void {
    const { paths } = member;
    for (let change = paths.pollChange(); change !== undefined; change = paths.pollChange()) {
      this.#events.push({ ...change, member: name });
    }
    member.nextAt = paths.pollTimeout(now);
    this.#nextAt = Math.min(this.#nextAt, member.nextAt);
  }

  #nextCounter(): number {
    this.#lastCounter = Math.max(this.#lastCounter + 1, this.#parts.wall() * COUNTERS_PER_MS);
    return this.#lastCounter;
  }

  #send(datagram: Uint8Array, endpoint: Endpoint): void {
    if (this.#transmits.length < MAX_TRANSMITS) this.#transmits.push({ datagram, endpoint });
  }
}
