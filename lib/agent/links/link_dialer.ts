/**
 * Keeping links to whom a node wants them: dialling, waiting, dialling again.
 * @module
 */

import { type Environment, KeyedRateLimiter, type Millis, millis, sleep } from "../../base/mod.ts";
import { type Member, type NodeId, type VersionConflict, wantedLinks } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import { Backoff, type DialFailure, type DialledChannel, isDialled, raceDial } from "./dial.ts";
import { isDetour, type Link, type LinkWay } from "./link_table.ts";
import { MemberWays, type MemberWaysParts } from "./member_ways.ts";

/** Of two members that learn of each other at the same moment, the one with the greater id waits so long. */
const COURTESY_MS = 1000;
/** A link that ended is not dialled again at once: the other end may be on its way here. */
const REDIAL_PAUSE_MS = 200;
/** A link that ended sooner counts as a dial that failed. */
const SOUND_LINK_MS = 5_000;
/** After so many dials without an answer, another member is dialled instead of one that is not a leader. */
const DIALS_BEFORE_ANOTHER = 3;
/** How long it is not dialled then; twice as long each time that it does not answer again. */
const UNREACHABLE_MS = 300_000;
const MAX_UNREACHABLE_MS = 4 * 3_600_000;
/** So often those are tried at a start of whom nobody has heard for an hour. */
const TRIES_OF_THE_LOST = 4;
const LOST_AFTER_MS = 3_600_000;
/** Somebody who comes back after that may not be the only one: all are dialled that were away for long, once a minute. */
const ALL_AWAY_DIALS = { burst: 1, everyMs: 60_000, maxSources: 1 };
/** Who dials, whom, and where. */
export interface LinkDialerParts extends Environment, MemberWaysParts {
  /** @returns milliseconds since anybody has heard of a member, as far as is known; 0 where that is not known */
  unheardMs?(nodeId: NodeId): number;
  /** Whoever is at a member's endpoint, and is not known to be another one, lets this node in by no key that it has. */
  onRefused?(nodeId: NodeId): void;
  /** A member answers, and speaks no version that this node does. */
  onConflict?(nodeId: NodeId, conflict: VersionConflict): void;
  /** There is a channel to a member. */
  onChannel(nodeId: NodeId, dialled: DialledChannel, way: LinkWay): void;
}

/** What came of a probe: a link, or why there is none. */
export type ProbeOutcome = "linked" | DialFailure;

interface Dialled extends DialledChannel {
  readonly way: LinkWay;
}

/** One dialler for each member that is wanted; it waits while there is a link. */
export class LinkDialer {
  readonly #parts: LinkDialerParts;
  readonly #ways: MemberWays;
  readonly #stop = new AbortController();
  readonly #diallers = new Map<NodeId, AbortController>();
  /** Dials under way: of two links one would be closed at once, with all that was sent on it. */
  readonly #dials = new Map<NodeId, { readonly signal: AbortSignal; readonly isLinked: Promise<boolean> }>();
  readonly #allAwayDials = new KeyedRateLimiter(ALL_AWAY_DIALS);
  /** Members that did not answer, until when others are dialled instead, and for how long that was. */
  readonly #unreachable = new Map<NodeId, { readonly until: Millis; readonly pauseMs: number }>();
  /** Those that are dialled seldom. */
  readonly #far = new Set<NodeId>();
  #cancelFollow: () => void = () => {};

  constructor(parts: LinkDialerParts) {
    this.#parts = parts;
    this.#ways = new MemberWays(parts);
  }

  /** Dials whoever is wanted now, and nobody else any more. */
  follow(): void {
    if (this.#stop.signal.aborted) return;
    const { roster, identity, clock, timers } = this.#parts;
    const now = clock.now();
    const unreachable = new Set<NodeId>();
    let nextMs = Infinity;
    for (const [nodeId, { until }] of this.#unreachable) {
      if (roster.linkable(nodeId) === undefined) this.#unreachable.delete(nodeId);
      else if (until > now) {
        unreachable.add(nodeId);
        nextMs = Math.min(nextMs, until - now);
      }
    }
    this.#cancelFollow();
    // When all are away, nobody's miss would have them looked at again.
    if (nextMs < Infinity) this.#cancelFollow = timers.setTimer(nextMs, () => this.follow());
    const wanted = new Set(wantedLinks(identity.id, roster.linkableRecords(), unreachable));
    for (const [nodeId, dialler] of this.#diallers) {
      if (!wanted.has(nodeId)) {
        dialler.abort();
        this.#diallers.delete(nodeId);
        this.#far.delete(nodeId);
      }
    }
    for (const nodeId of wanted) if (!this.#diallers.has(nodeId)) this.#keepLinked(nodeId);
  }

  /** Dials a member again at once, however long it was away, unless it has a link that goes straight or is not wanted. */
  redial(nodeId: NodeId): void {
    if (this.#unreachable.delete(nodeId)) this.follow();
    const dialler = this.#diallers.get(nodeId);
    const link = this.#parts.links.get(nodeId);
    if (link !== undefined && isDetour(link.way)) void this.dialDirect(nodeId).catch(() => false);
    if (dialler === undefined || link !== undefined) return;
    dialler.abort();
    this.#keepLinked(nodeId);
  }

  /** There is a link to a member, whoever dialled. */
  handleLink(nodeId: NodeId): void {
    const wasFar = this.#far.delete(nodeId);
    const wasAway = this.#unreachable.delete(nodeId) || wasFar;
    if (!wasAway || !this.#allAwayDials.allows(this.#parts.clock.now(), "")) return;
    for (const each of [...this.#far]) this.redial(each);
    this.#unreachable.clear();
    this.follow();
  }

  /** @returns whether a link to the member is kept, or tried to be had */
  isWanted(nodeId: NodeId): boolean {
    return this.#diallers.has(nodeId) || this.#unreachable.has(nodeId);
  }

  /** @returns whether a dial to the member is under way */
  isDialling(nodeId: NodeId): boolean {
    return this.#diallers.has(nodeId) && this.#parts.links.get(nodeId) === undefined;
  }

  /** Dials a member once, wanted or not; whoever asks meanwhile waits for the same. @returns whether there is a link now */
  dial(nodeId: NodeId, signal: AbortSignal = this.#stop.signal): Promise<boolean> {
    const underWay = this.#dials.get(nodeId);
    if (underWay !== undefined && !underWay.signal.aborted) return underWay.isLinked;
    const isLinked = this.#dial(nodeId, signal).finally(() => {
      if (this.#dials.get(nodeId) === dial) this.#dials.delete(nodeId);
    });
    const dial = { signal, isLinked };
    this.#dials.set(nodeId, dial);
    return isLinked;
  }

  async #dial(nodeId: NodeId, signal: AbortSignal): Promise<boolean> {
    const { roster, links } = this.#parts;
    const member = roster.linkable(nodeId);
    if (member === undefined) return false;
    const dialled = await this.#race(member, this.#ways.all(member), signal);
    if (dialled === undefined) return links.get(nodeId) !== undefined;
    this.#keep(nodeId, dialled, signal);
    return links.get(nodeId) !== undefined;
  }

  /**
   * Looks for a way to a linked member that goes through nobody else.
   * @returns whether its link is such a one now
   */
  async dialDirect(nodeId: NodeId): Promise<boolean> {
    const { signal } = this.#stop;
    const { roster, links } = this.#parts;
    const member = roster.linkable(nodeId);
    if (member === undefined) return false;
    const dialled = await this.#race(member, this.#ways.direct(member), signal);
    if (dialled !== undefined) this.#keep(nodeId, dialled, signal);
    const link = links.get(nodeId);
    return link !== undefined && !isDetour(link.way);
  }

  /** A link does not answer and was given up: if it went through a member, others are tried first. */
  handleDead({ nodeId, way }: Link): void {
    if (way.kind === "relay") this.#ways.noteFruitless(way.via, nodeId);
  }

  /** @returns the first channel with its way, or undefined when there is none */
  async #race(
    member: Member,
    ways: readonly LinkWay[],
    signal: AbortSignal,
  ): Promise<Dialled | undefined> {
    if (ways.length === 0) return undefined;
    const { nodeId, name } = member.record;
    const span = this.#parts.tracer?.start("weft.handshake", {
      attributes: { "weft.peer": name, "weft.peer.id": nodeId },
    });
    const race = raceDial<LinkWay, Dialled>(ways, {
      timers: this.#parts.timers,
      attempt: async (way, raceSignal) => {
        const dialled = await this.#ways.open(member, way, AbortSignal.any([signal, raceSignal]));
        if (isDialled(dialled)) return { ...dialled, way };
        if (dialled === "refused") {
          if (!this.#ways.isOfAnother(way, nodeId)) this.#parts.onRefused?.(nodeId);
        } else if (typeof dialled === "object") this.#parts.onConflict?.(nodeId, dialled);
        return undefined;
      },
      discard: ({ channel }) => channel.close("another link is open"),
    });
    // Beside it: the channel is kept in the turn in which it is there.
    if (span !== undefined) {
      race.then(
        (dialled) =>
          span.end(
            dialled === undefined
              ? { error: "Unreachable", attributes: { "weft.ways": ways.length } }
              : { attributes: { "weft.way": dialled.way.kind } },
          ),
        () => span.end({ error: "Error" }),
      );
    }
    const dialled = await race;
    if (ways.some((way) => !isDetour(way))) {
      this.#ways.noteDirect(nodeId, dialled !== undefined && !isDetour(dialled.way));
    }
    return dialled;
  }

  /** Dials a member once at an endpoint that may be somebody else's, unless it has a link. */
  async probe(nodeId: NodeId, endpoint: Endpoint): Promise<ProbeOutcome> {
    const { signal } = this.#stop;
    const { roster, links } = this.#parts;
    const member = roster.linkable(nodeId);
    const isLinked = (): boolean => {
      const link = links.get(nodeId);
      return link !== undefined && !isDetour(link.way);
    };
    if (member === undefined || isLinked()) return "refused";
    const way = { kind: "direct", endpoint } as const;
    const dialled = await this.#ways.open(member, way, signal);
    if (!isDialled(dialled)) return dialled;
    this.#keep(nodeId, { ...dialled, way }, signal);
    return isLinked() ? "linked" : "refused";
  }

  /** @returns the members that are wanted and have no link, leaders first */
  missing(): NodeId[] {
    return [...this.#diallers.keys()].filter((nodeId) => this.#parts.links.get(nodeId) === undefined);
  }

  close(): void {
    this.#stop.abort();
    this.#cancelFollow();
    for (const dialler of this.#diallers.values()) dialler.abort();
    this.#diallers.clear();
  }

  #keep(nodeId: NodeId, { way, ...dialled }: Dialled, signal: AbortSignal): void {
    if (signal.aborted) dialled.channel.close("not needed any more");
    else this.#parts.onChannel(nodeId, dialled, way);
  }

  async #keepLinked(nodeId: NodeId): Promise<void> {
    const abort = new AbortController();
    this.#diallers.set(nodeId, abort);
    const { clock, timers, random, identity, roster, log, links } = this.#parts;
    const { signal } = abort;
    const backoff = new Backoff(random);
    let misses = 0;
    const isLeader = roster.linkable(nodeId)?.record.roles.includes("leader") ?? false;
    if ((this.#parts.unheardMs?.(nodeId) ?? 0) > LOST_AFTER_MS) backoff.begin(TRIES_OF_THE_LOST);
    this.#far.delete(nodeId);
    if (!isLeader && identity.id > nodeId) await sleep(timers, COURTESY_MS, signal);
    while (!signal.aborted) {
      const link = links.get(nodeId);
      if (link !== undefined) {
        misses = 0;
        const since = clock.now();
        await links.ended(link);
        if (links.get(nodeId) !== undefined) continue;
        const wasSound = clock.now() - since >= SOUND_LINK_MS;
        if (wasSound) backoff.reset();
        // Nobody has closed it on purpose: the relay is gone, or its link to the other end.
        if (wasSound && link.way.kind === "relay") continue;
        await sleep(timers, wasSound ? REDIAL_PAUSE_MS : backoff.nextDelayMs(), signal);
        continue;
      }
      const isLinked = await this.dial(nodeId, signal).catch((error) => {
        log.error("cannot dial a member", { peer: nodeId, error });
        return false;
      });
      if (links.get(nodeId) !== undefined) continue;
      // A link that has ended by now is no miss.
      if (!isLinked && ++misses === DIALS_BEFORE_ANOTHER) {
        const former = this.#unreachable.get(nodeId)?.pauseMs ?? UNREACHABLE_MS / 2;
        const pauseMs = Math.min(MAX_UNREACHABLE_MS, former * 2);
        this.#unreachable.set(nodeId, { until: millis(clock.now() + pauseMs), pauseMs });
        this.follow();
      }
      // Who can't hear that somebody is back hears it from a leader.
      if (isLeader) backoff.stayNear();
      if (backoff.isFar && !signal.aborted) this.#far.add(nodeId);
      await sleep(timers, backoff.nextDelayMs(), signal);
    }
  }
}
