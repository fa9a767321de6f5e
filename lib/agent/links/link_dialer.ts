/**
 * Keeping links to whom a node wants them: dialling, waiting, dialling again.
 * @module
 */

import { type ByteStream, type Environment, type Millis, millis, sleep } from "../../base/mod.ts";
import { type Channel, type HandshakeSetup, openChannel } from "../../channel/mod.ts";
import {
  encodeHello,
  type NetworkId,
  type NodeId,
  type NodeIdentity,
  type Roster,
  wantedLinks,
} from "../../mesh/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import { Backoff } from "./backoff.ts";
import type { LinkTable } from "./link_table.ts";
import { raceDial } from "./race_dial.ts";

/** Of two members that know each other from the same moment, the one with the greater id waits so long. */
const COURTESY_MS = 1000;
/** A link that ended is not dialled again at once: the other end may be on its way here. */
const REDIAL_PAUSE_MS = 200;
/** A link that ended sooner counts as a dial that failed. */
const SOUND_LINK_MS = 5_000;
/** After so many dials without an answer, another member takes the place of one that is not a leader. */
const DIALS_BEFORE_ANOTHER = 3;
/** How long it is left alone then. */
const UNREACHABLE_MS = 300_000;

/** What it works with. */
export interface LinkDialerParts extends Environment {
  readonly identity: NodeIdentity;
  readonly networkId: NetworkId;
  readonly roster: Roster;
  readonly links: LinkTable;
  readonly setup: HandshakeSetup;
  /** Dials the message plane of somebody. */
  dial(endpoint: Endpoint, signal: AbortSignal): Promise<ByteStream | undefined>;
  /** Which of the endpoints that a member states are worth a try, the best first. */
  candidates(stated: readonly Endpoint[], nodeId: NodeId): Endpoint[];
  /** A dial was answered. */
  onChannel(nodeId: NodeId, channel: Channel): void;
}

/** What came of a probe: a link, somebody else or a refusal, or nobody who listens. */
export type ProbeOutcome = "linked" | "refused" | "nobody";

/** One dialler for each member that is wanted; it waits while there is a link. */
export class LinkDialer {
  readonly #parts: LinkDialerParts;
  readonly #diallers = new Map<NodeId, AbortController>();
  /** Dials under way: of two links that came of them one would be closed at once, with all that was said on it. */
  readonly #dials = new Map<NodeId, { readonly signal: AbortSignal; readonly isLinked: Promise<boolean> }>();
  /** Members that did not answer, and until when others take their places. */
  readonly #unreachable = new Map<NodeId, Millis>();

  constructor(parts: LinkDialerParts) {
    this.#parts = parts;
  }

  /** Dials whoever is wanted now, and nobody else any more. */
  follow(): void {
    const { roster, identity, clock } = this.#parts;
    for (const [nodeId, until] of this.#unreachable) {
      if (until <= clock.now()) this.#unreachable.delete(nodeId);
    }
    const unreachable = new Set(this.#unreachable.keys());
    const wanted = new Set(wantedLinks(identity.id, roster.linkableRecords(), unreachable));
    for (const [nodeId, dialler] of this.#diallers) {
      if (!wanted.has(nodeId)) {
        dialler.abort();
        this.#diallers.delete(nodeId);
      }
    }
    for (const nodeId of wanted) if (!this.#diallers.has(nodeId)) this.#keepLinked(nodeId);
  }

  /** Dials a member again at once, unless it has a link or is not wanted. */
  redial(nodeId: NodeId): void {
    const dialler = this.#diallers.get(nodeId);
    if (dialler === undefined || this.#parts.links.get(nodeId) !== undefined) return;
    dialler.abort();
    this.#keepLinked(nodeId);
  }

  /** Takes note that there is a link to a member, whoever dialled. */
  handleLink(nodeId: NodeId): void {
    this.#unreachable.delete(nodeId);
  }

  /** @returns whether a dial to the member is under way */
  isDialling(nodeId: NodeId): boolean {
    return this.#diallers.has(nodeId) && this.#parts.links.get(nodeId) === undefined;
  }

  /** Dials a member once, wanted or not; whoever asks meanwhile waits for the same. @returns whether there is a link now */
  dial(nodeId: NodeId, signal: AbortSignal): Promise<boolean> {
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
    const { roster, timers, candidates, links, onChannel } = this.#parts;
    const member = roster.linkable(nodeId);
    const targets = candidates(member?.statement?.channelEndpoints ?? [], nodeId);
    if (member === undefined || targets.length === 0) return false;
    const { publicKey } = member.record;
    const channel = await raceDial<Endpoint, Channel>(targets, {
      timers,
      attempt: async (target, raceSignal) => {
        const channel = await this.#shakeHands(publicKey, target, AbortSignal.any([signal, raceSignal]));
        return typeof channel === "string" ? undefined : channel;
      },
      discard: (second) => second.close("another link is open"),
    });
    if (channel !== undefined && signal.aborted) channel.close("not needed any more");
    else if (channel !== undefined) onChannel(nodeId, channel);
    return links.get(nodeId) !== undefined;
  }

  /** Tries a member at a place where it may be or not, once, unless it has a link. */
  async probe(nodeId: NodeId, place: Endpoint, signal: AbortSignal): Promise<ProbeOutcome> {
    const { roster, links, onChannel } = this.#parts;
    const member = roster.linkable(nodeId);
    if (member === undefined || links.get(nodeId) !== undefined) return "refused";
    const channel = await this.#shakeHands(member.record.publicKey, place, signal);
    if (typeof channel === "string") return channel;
    if (signal.aborted) channel.close("not needed any more");
    else onChannel(nodeId, channel);
    return links.get(nodeId) === undefined ? "refused" : "linked";
  }

  /** @returns the members that are wanted and have no link */
  missing(): NodeId[] {
    return [...this.#diallers.keys()].filter((nodeId) => this.#parts.links.get(nodeId) === undefined);
  }

  /** Calls all dials off. */
  close(): void {
    for (const dialler of this.#diallers.values()) dialler.abort();
    this.#diallers.clear();
  }

  async #shakeHands(
    remoteStatic: PublicKey,
    target: Endpoint,
    signal: AbortSignal,
  ): Promise<Channel | "refused" | "nobody"> {
    const { identity, networkId, dial, setup } = this.#parts;
    const stream = await dial(target, signal);
    if (stream === undefined) return "nobody";
    const hello = encodeHello({ kind: "member", networkId, nodeId: identity.id });
    try {
      return await openChannel(stream, { ...setup, remoteStatic, hello, signal });
    } catch {
      // Refused, silent or called off: this endpoint does not lead there now.
      return "refused";
    }
  }

  async #keepLinked(nodeId: NodeId): Promise<void> {
    const abort = new AbortController();
    this.#diallers.set(nodeId, abort);
    const { clock, timers, random, identity, roster, log, links } = this.#parts;
    const { signal } = abort;
    const backoff = new Backoff(random);
    let misses = 0;
    const isLeader = roster.linkable(nodeId)?.record.roles.includes("leader") ?? false;
    if (!isLeader && identity.id > nodeId) await sleep(timers, COURTESY_MS, signal);
    while (!signal.aborted) {
      const link = links.get(nodeId);
      if (link !== undefined) {
        misses = 0;
        const since = clock.now();
        await link.channel.closed;
        const wasSound = clock.now() - since >= SOUND_LINK_MS;
        if (wasSound) backoff.reset();
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
        this.#unreachable.set(nodeId, millis(clock.now() + UNREACHABLE_MS));
        this.follow();
      }
      await sleep(timers, backoff.nextDelayMs(), signal);
    }
  }
}
