/**
 * Which members a relay carries packets between: each pair has one session, however often and by whom it is asked for.
 * @module
 */

import type { RandomSource } from "../base/mod.ts";
import { drawLegKey, type LegKey } from "./leg_secret.ts";
import type { RelayPorts, SessionActivity } from "./relay_forwarder.ts";

/** How many sessions there may be. */
export interface RelayBounds {
  /** That one member has asked for; those that others have asked for with it are theirs. */
  readonly perMember: number;
  /** That others have asked for with one member; 256 unless told. */
  readonly perOther?: number;
  /** Of all. */
  readonly total: number;
  /** After so long without a datagram or a bind a session ends, in milliseconds. */
  readonly idleMs: number;
  /** By then both members have bound their legs, or the session ends, in milliseconds; 15 s unless told. */
  readonly bindMs?: number;
}

/** What holds unless told. */
export const RELAY_BOUNDS: RelayBounds = { perMember: 32, total: 1024, idleMs: 120_000 };
const PER_OTHER = 256;
const BIND_MS = 15_000;

/** Where a member's end of a session is: a UDP port of the relay, and what binds it. */
export interface RelayLeg extends LegKey {
  /** Of the relay, 1 to 65535. */
  readonly port: number;
}

/** Why there is no session. */
export type RelayRefusal =
  /** This node does not relay. */
  | "not-relaying"
  /** One of both is no member, or both are the same. */
  | "not-member"
  /** Who asks has as many as a member may ask for. */
  | "too-many-of-member"
  /** With the other one others have as many as there may be. */
  | "too-many-of-other"
  /** There are as many as there may be. */
  | "too-many"
  /** This host has no port, or no descriptor, left. */
  | "no-port";

/** A session between two members. */
export interface RelaySession {
  /** The members, the smaller id first. */
  readonly members: readonly [a: string, b: string];
  readonly legs: readonly [a: RelayLeg, b: RelayLeg];
}

interface OpenSession extends RelaySession {
  readonly asker: string;
  readonly other: string;
  readonly openedAt: number;
  readonly ports: RelayPorts;
  seenActivity: number;
  activeAt: number;
}

/** Has the sessions; opening and closing ports is its caller's. */
export class RelaySessions {
  readonly #bounds: RelayBounds;
  readonly #random: RandomSource;
  readonly #sessions = new Map<string, OpenSession>();
  /** By who has asked for them. */
  readonly #asked = new Map<string, number>();
  /** By with whom they were asked for. */
  readonly #wanted = new Map<string, number>();

  constructor(random: RandomSource, bounds: RelayBounds = RELAY_BOUNDS) {
    this.#random = random;
    this.#bounds = bounds;
  }

  /** How many there are. */
  get size(): number {
    return this.#sessions.size;
  }

  /** @returns all of them, with what they have done */
  list(): (RelaySession & SessionActivity)[] {
    return [...this.#sessions.values()].map(({ members, legs, ports }) => ({
      members,
      legs,
      ...ports.activity(),
    }));
  }

  /**
   * Opens the session of two members, or gives the one that they have.
   * @param a who asks
   * @param openPorts opens both ports; called when there is none yet
   * @param now monotonic milliseconds
   * @returns the legs of `a` and of `b`, in this order, or why there are none
   */
  open(
    a: string,
    b: string,
    now: number,
    openPorts: (keys: readonly [a: LegKey, b: LegKey]) => RelayPorts | undefined,
  ): { readonly a: RelayLeg; readonly b: RelayLeg } | RelayRefusal {
    if (a === b) return "not-member";
    const isInOrder = a < b;
    const members = isInOrder ? [a, b] as const : [b, a] as const;
    const session = this.#sessions.get(members.join()) ?? this.#make(a, members, now, openPorts);
    if (typeof session === "string") return session;
    // Who asks is about to bind.
    session.activeAt = now;
    const [first, second] = session.legs;
    return isInOrder ? { a: first, b: second } : { a: second, b: first };
  }

  /** Ends what `isOver` says. @returns how many */
  end(isOver: (session: RelaySession) => boolean): number {
    let count = 0;
    for (const [key, session] of this.#sessions) {
      if (!isOver(session)) continue;
      this.#sessions.delete(key);
      session.ports.close();
      add(this.#asked, session.asker, -1);
      add(this.#wanted, session.other, -1);
      count++;
    }
    return count;
  }

  /**
   * Ends sessions that nobody uses, and those that one of both has not come to; to be called every few seconds.
   * @returns how many
   */
  endIdle(now: number): number {
    for (const session of this.#sessions.values()) {
      const { datagrams, binds } = session.ports.activity();
      const activity = datagrams + binds;
      if (activity === session.seenActivity) continue;
      session.seenActivity = activity;
      session.activeAt = now;
    }
    const { idleMs, bindMs = BIND_MS } = this.#bounds;
    return this.end((each) => {
      const { activeAt, openedAt, ports } = each as OpenSession;
      if (now - activeAt >= idleMs) return true;
      return now - openedAt >= bindMs && ports.activity().isBound === false;
    });
  }

  #make(
    asker: string,
    members: readonly [string, string],
    now: number,
    openPorts: (keys: readonly [LegKey, LegKey]) => RelayPorts | undefined,
  ): OpenSession | RelayRefusal {
    const { perMember, perOther = PER_OTHER, total } = this.#bounds;
    const other = members[0] === asker ? members[1] : members[0];
    if ((this.#asked.get(asker) ?? 0) >= perMember) return "too-many-of-member";
    if ((this.#wanted.get(other) ?? 0) >= perOther) return "too-many-of-other";
    if (this.#sessions.size >= total) return "too-many";
    const keys = [drawLegKey(this.#random), drawLegKey(this.#random)] as const;
    const ports = openPorts(keys);
    if (ports === undefined) return "no-port";
    const legs = [{ ...keys[0], port: ports.a }, { ...keys[1], port: ports.b }] as const;
    const session: OpenSession = {
      members,
      legs,
      asker,
      other,
      openedAt: now,
      ports,
      seenActivity: 0,
      activeAt: now,
    };
    this.#sessions.set(members.join(), session);
    add(this.#asked, asker, 1);
    add(this.#wanted, other, 1);
    return session;
  }
}

function add(counts: Map<string, number>, member: string, change: number): void {
  const count = (counts.get(member) ?? 0) + change;
  if (count > 0) counts.set(member, count);
  else counts.delete(member);
}
