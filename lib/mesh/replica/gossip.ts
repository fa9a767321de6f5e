/**
 * How members come to know the same: every change is pushed at once, and what a push has missed is found by comparing
 * versions, when a link opens and from time to time.
 *
 *     change ──► leaders and up to 16 others ──► theirs ──► …         within the time of a few hops
 *
 *     A ── digest ──────────────────────────► B    every 10 s, each with one link
 *     A ◄── vector of the parts that differ ── B
 *     A ── what B lacks; vector of what A lacks ──► B
 *     A ◄── what A lacks ───────────────────── B
 *
 * A machine without effects: it is handed messages and the time, and is asked for messages and the next timeout.
 *
 * @module
 */

import {
  type Clock,
  type Environment,
  equalBytes,
  type Millis,
  millis,
  randomFraction,
  type RandomSource,
} from "../../base/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import { EncodedUpdate, GossipOutbox } from "./gossip_outbox.ts";
import { encodeMeshMessage, type MeshMessage } from "../wire/mod.ts";
import { emptyUpdate, type ReplicaUpdate, updateSize } from "../records/mod.ts";
import type { Replica } from "./replica.ts";
import {
  compareSlots,
  differingRanges,
  type Digest,
  type OriginSlots,
  type OriginVersions,
  partsOf,
  type SlotVersion,
  type Vector,
  vectorsOf,
} from "../versions/mod.ts";

/** How often versions are compared with one of the links, on average. */
export const ROUND_MS = 10_000;
/** A round comes up to this part of its time earlier or later. */
const ROUND_JITTER = 0.2;
/** To how many links beside those of leaders a change is pushed; a revocation goes to all. */
export const MAX_PUSHES = 16;
/** Of more changes than this a digest is sent: others may have most of them already. */
const MAX_PUSHED_ITEMS = 64;
/** How long the other links wait at most while one of them is asked for what is missing. */
const EXCHANGE_MS = 1_000;

/** What became of a message. */
export interface MessageOutcome {
  /** How many items it held that were new here. */
  readonly changes: number;
  /** How many items were read or looked up for it. */
  readonly items: number;
  /** How many items an honest member would not have sent. */
  readonly rejected: number;
  /** Whether a signature was false: nobody honest passes such a thing on. */
  readonly isForged: boolean;
}

const NOTHING_NEW: MessageOutcome = { changes: 0, items: 0, rejected: 0, isForged: false };

/** Keeps a replica the same as those at the other ends of its links. */
export class Gossip<Link extends { readonly nodeId: NodeId }> {
  readonly #replica: Replica;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #outboxes = new Map<Link, GossipOutbox>();
  readonly #ready = new Set<Link>();
  readonly #skews = new Map<Link, number>();
  #nextRound: Millis;
  // While one link is asked, which it is until it answers, these have differed too.
  #asked: Link | undefined;
  #exchangeEnds: Millis | undefined;
  readonly #deferred = new Set<Link>();

  constructor(replica: Replica, { clock, random }: Pick<Environment, "clock" | "random">) {
    this.#replica = replica;
    this.#clock = clock;
    this.#random = random;
    this.#nextRound = this.#afterRound();
  }

  /**
   * Begins to gossip on a link.
   * @param begins whether this end sends the first digest; one of both does
   */
  open(link: Link, begins: boolean): void {
    const outbox = new GossipOutbox();
    this.#outboxes.set(link, outbox);
    outbox.owesDigest = begins;
    this.#wake(link);
  }

  /** Forgets a link; harmless when it is unknown. */
  close(link: Link): void {
    this.#outboxes.delete(link);
    this.#ready.delete(link);
    this.#skews.delete(link);
    this.#deferred.delete(link);
    this.#noteAnswer(link);
  }

  /** Pushes what is new in the replica to a bounded number of links; a revocation to all of them. */
  push(update: ReplicaUpdate, except?: Link): void {
    const size = updateSize(update);
    if (size === 0) return;
    const isUrgent = update.records.some((signed) => this.#replica.isRevocation(signed));
    const encoded = new EncodedUpdate(update);
    for (const link of this.#pushTargets(isUrgent, except)) {
      const outbox = this.#outboxes.get(link);
      if (outbox === undefined) continue;
      if (size <= MAX_PUSHED_ITEMS || isUrgent) outbox.push(encoded);
      else outbox.owesDigest = true;
      this.#wake(link);
    }
  }

  /**
   * Merges what a member has sent, pushes on what was new, and answers.
   * @param message undefined for one that could not be read
   * @throws StateError when what is new cannot be stored; then nothing has changed
   */
  handleMessage(link: Link, message: MeshMessage | undefined): MessageOutcome {
    if (message === undefined) this.#replica.refusals.count("unreadable");
    const outbox = this.#outboxes.get(link);
    if (outbox === undefined) return NOTHING_NEW;
    switch (message?.kind) {
      case "roster-update":
        // One that is full is followed by another.
        if (updateSize(message.update) < MAX_PUSHED_ITEMS) this.#noteAnswer(link);
        return this.#handleUpdate(link, message.update, message.oversized ?? 0);
      case "digest":
        return this.#handleDigest(link, outbox, message.digest);
      case "vector":
        this.#noteAnswer(link);
        return this.#handleVector(link, outbox, message.vector);
      default:
        return NOTHING_NEW;
    }
  }

  /** Begins a round when it is time. Early and repeated calls are harmless. */
  handleTimeout(): void {
    const now = this.#clock.now();
    if (this.#exchangeEnds !== undefined && now >= this.#exchangeEnds) {
      const [next] = this.#deferred;
      this.#asked = next;
      this.#exchangeEnds = undefined;
      if (next !== undefined) {
        this.#deferred.delete(next);
        this.#oweDigest(next);
        if (this.#deferred.size > 0) this.#exchangeEnds = millis(now + EXCHANGE_MS);
      }
    }
    if (now < this.#nextRound) return;
    this.#nextRound = this.#afterRound();
    const links = [...this.#outboxes.keys()];
    const chosen = links[Math.floor(randomFraction(this.#random) * links.length)];
    if (chosen !== undefined) this.#oweDigest(chosen);
  }

  /** When `handleTimeout` is to be called. */
  pollTimeout(): Millis {
    return millis(Math.min(this.#nextRound, this.#exchangeEnds ?? Infinity));
  }

  /** @returns a link that has something to send, each once; undefined when there is none */
  pollReady(): Link | undefined {
    const [link] = this.#ready;
    if (link !== undefined) this.#ready.delete(link);
    return link;
  }

  /** @returns the next message to the other end of a link, or undefined when there is none now */
  pollTransmit(link: Link): Uint8Array | undefined {
    const outbox = this.#outboxes.get(link);
    const message = outbox?.shift();
    if (message !== undefined || outbox === undefined || !outbox.owesDigest) return message;
    outbox.owesDigest = false;
    const wallTime = this.#clock.wall();
    const fingerprints = this.#replica.versions.digest(wallTime, this.#replica.networkClock.now());
    return encodeMeshMessage({ kind: "digest", digest: { fingerprints, wallTime } });
  }

  /** @returns how far the clocks of the members with a link are ahead of this one, in milliseconds, by their digests */
  clockSkews(): ReadonlyMap<NodeId, number> {
    return new Map(this.#skews.entries().map(([{ nodeId }, skewMs]) => [nodeId, skewMs]));
  }

  #handleUpdate(link: Link, update: ReplicaUpdate, oversized: number): MessageOutcome {
    for (let i = 0; i < oversized; i++) this.#replica.refusals.count("oversized");
    const { changes, rejected, isForged } = this.#replica.merge(update);
    this.push(changes, link);
    return {
      changes: updateSize(changes),
      items: updateSize(update) + oversized,
      rejected: rejected + oversized,
      isForged,
    };
  }

  #handleDigest(link: Link, outbox: GossipOutbox, { fingerprints, wallTime }: Digest): MessageOutcome {
    const wall = this.#clock.wall();
    this.#skews.set(link, wallTime - wall);
    const network = this.#replica.networkClock.now();
    const own = this.#replica.versions.digest(wall, network);
    if (equalBytes(own, fingerprints)) return NOTHING_NEW;
    if (this.#exchangeEnds !== undefined && this.#clock.now() < this.#exchangeEnds) {
      this.#deferred.add(link);
      return NOTHING_NEW;
    }
    this.#asked = link;
    this.#exchangeEnds = millis(this.#clock.now() + EXCHANGE_MS);
    let items = 0;
    for (const { first, last } of differingRanges(own, fingerprints)) {
      for (
        const vector of vectorsOf(first, last, this.#replica.versions.range(first, last, wall, network))
      ) {
        outbox.pushVector(vector);
        items += vector.origins.length;
      }
    }
    this.#wake(link);
    return { ...NOTHING_NEW, items };
  }

  /** The next one need not wait any longer. */
  #noteAnswer(link: Link): void {
    if (this.#asked !== link) return;
    this.#asked = undefined;
    if (this.#exchangeEnds !== undefined) this.#exchangeEnds = this.#clock.now();
  }

  #handleVector(link: Link, outbox: GossipOutbox, { range, origins }: Vector): MessageOutcome {
    // It asks again when it still differs.
    if (outbox.isFull) return NOTHING_NEW;
    const { versions, networkClock } = this.#replica;
    const wall = this.#clock.wall();
    const network = networkClock.now();
    const lacking = emptyUpdate();
    const wanted: OriginSlots[] = [];
    const theirs = new Map(origins.map(({ origin, slots }) => [origin, slots]));
    let items = origins.length;
    const compare = ({ origin, slots: own }: OriginVersions, listed: readonly SlotVersion[]) => {
      items++;
      if (compareSlots(own, listed, lacking) && range !== undefined) wanted.push({ origin, slots: own });
    };
    if (range !== undefined) {
      for (const known of versions.range(range.first, range.last, wall, network)) {
        compare(known, theirs.get(known.origin) ?? []);
        theirs.delete(known.origin);
      }
    }
    for (const [origin, listed] of theirs) {
      compare({ origin, slots: versions.of(origin, wall, network) }, listed);
    }
    outbox.push(new EncodedUpdate(lacking));
    for (const part of partsOf(wanted)) outbox.pushVector({ origins: part });
    this.#wake(link);
    return { ...NOTHING_NEW, items: items + updateSize(lacking) };
  }

  #pushTargets(isUrgent: boolean, except: Link | undefined): Link[] {
    const links = [...this.#outboxes.keys()].filter((link) => link !== except);
    if (isUrgent || links.length <= MAX_PUSHES) return links;
    const { roster } = this.#replica;
    const isLeader = ({ nodeId }: Link) => roster.get(nodeId)?.record.roles.includes("leader") ?? false;
    const others = links.filter((link) => !isLeader(link));
    // The beginning of a Fisher-Yates shuffle.
    for (let i = 0; i < Math.min(MAX_PUSHES, others.length); i++) {
      const at = i + Math.floor(randomFraction(this.#random) * (others.length - i));
      [others[i], others[at]] = [others[at] as Link, others[i] as Link];
    }
    return [...links.filter(isLeader), ...others.slice(0, MAX_PUSHES)];
  }

  #oweDigest(link: Link): void {
    const outbox = this.#outboxes.get(link);
    if (outbox === undefined) return;
    outbox.owesDigest = true;
    this.#wake(link);
  }

  #wake(link: Link): void {
    if (this.#outboxes.get(link)?.isEmpty === false) this.#ready.add(link);
  }

  #afterRound(): Millis {
    const factor = 1 + ROUND_JITTER * (2 * randomFraction(this.#random) - 1);
    return millis(this.#clock.now() + ROUND_MS * factor);
  }
}
