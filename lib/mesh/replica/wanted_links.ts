/**
 * Which members a node keeps a link to.
 * @module
 */

import type { NodeId } from "../identity/mod.ts";
import type { MemberRecord } from "../records/mod.ts";

/** With so many others or fewer, everybody has a link to everybody. */
export const FULL_MESH_OTHERS = 16;
/** To how many members beside the leaders a node keeps a link when there are more. */
export const RANDOM_LINKS = 4;

/** How many places the ring has. */
const NUMBERS = 2 ** 48;

/** How many of the best are kept in mind beside those that are unreachable, so that most changes need no look at all. */
const KEPT = 32;

/** Of whom links may be kept: what of a member's record says so. */
type Linkable = Pick<MemberRecord, "nodeId" | "verifyingKey" | "roles">;

/** One whom a link may be kept to. */
export interface LinkCandidate {
  readonly nodeId: NodeId;
  readonly isLeader: boolean;
  /** The first 48 bits of the id. */
  readonly number: number;
}

/**
 * All leaders; then members that are random, but the same as long as they are there; then the one that follows this
 * node in the ring of all ids, so that no part of the network is without a link to the rest.
 *
 * @param self this node's id
 * @param members records of all members, in any order
 * @param unreachable members who do not answer now: others take their places. Leaders are wanted all the same
 */
export function wantedLinks(
  self: NodeId,
  members: Iterable<Linkable>,
  unreachable: ReadonlySet<NodeId> = new Set(),
): NodeId[] {
  return new LinkChoice(self, () => linkCandidates(members)).wanted(unreachable);
}

/** @returns those of the members whom a link may be kept to, each once */
export function linkCandidates(members: Iterable<Linkable>): LinkCandidate[] {
  const candidates: LinkCandidate[] = [];
  for (const member of members) {
    const candidate = candidateOf(member);
    if (candidate !== undefined) candidates.push(candidate);
  }
  return candidates;
}

/**
 * What `wantedLinks` says, kept up with members that come and go: all are looked at again only when too many of the best
 * have gone.
 */
export class LinkChoice {
  readonly #self: NodeId;
  readonly #all: () => Iterable<LinkCandidate>;
  readonly #leaders = new Set<NodeId>();
  readonly #drawn: BestCandidates;
  readonly #next: BestCandidates;

  /**
   * @param self this node's id
   * @param all gives everybody who is there, which may be this node too
   */
  constructor(self: NodeId, all: () => Iterable<LinkCandidate>) {
    this.#self = self;
    this.#all = all;
    const own = numberOf(self);
    this.#drawn = new BestCandidates((number) => pairNumber(own, number));
    this.#next = new BestCandidates((number) => number > own ? number - own : number - own + NUMBERS);
    this.#look(0);
  }

  /** A member has come, or its record has changed. */
  put(member: Linkable): void {
    this.delete(member.nodeId);
    const candidate = candidateOf(member);
    if (candidate !== undefined) this.#add(candidate);
  }

  /** A member has gone; harmless when it was not there. */
  delete(nodeId: NodeId): void {
    if (this.#leaders.delete(nodeId)) return;
    this.#drawn.delete(nodeId);
    this.#next.delete(nodeId);
  }

  /** @param unreachable members who do not answer now @returns whom links are wanted to */
  wanted(unreachable: ReadonlySet<NodeId>): NodeId[] {
    const [leaders, drawn, next] = [this.#leaders, this.#drawn, this.#next];
    // Then those who are kept in mind no longer say how many there are.
    if (drawn.isCut && drawn.size < FULL_MESH_OTHERS) this.#look(unreachable.size);
    if (!drawn.isCut && leaders.size + drawn.size <= FULL_MESH_OTHERS) {
      return [...leaders, ...drawn.first(FULL_MESH_OTHERS, new Set()).sort()];
    }
    const choose = () => [drawn.first(RANDOM_LINKS, unreachable), next.first(1, unreachable)] as const;
    let chosen = choose();
    const isShort = drawn.isCut && chosen[0].length < RANDOM_LINKS || next.isCut && chosen[1].length < 1;
    if (isShort) {
      this.#look(unreachable.size);
      chosen = choose();
    }
    return [...leaders, ...new Set(chosen.flat())];
  }

  #look(unreachable: number): void {
    this.#leaders.clear();
    for (const best of [this.#drawn, this.#next]) best.clear(KEPT + unreachable);
    for (const candidate of this.#all()) this.#add(candidate);
  }

  #add(candidate: LinkCandidate): void {
    if (candidate.nodeId === this.#self) return;
    if (candidate.isLeader) return void this.#leaders.add(candidate.nodeId);
    this.#drawn.offer(candidate);
    this.#next.offer(candidate);
  }
}

/** The candidates with the lowest ranks, in order. */
class BestCandidates {
  readonly #rankOf: (number: number) => number;
  readonly #best: { readonly nodeId: NodeId; readonly rank: number }[] = [];
  #max = 0;
  #isCut = false;

  constructor(rankOf: (number: number) => number) {
    this.#rankOf = rankOf;
  }

  get size(): number {
    return this.#best.length;
  }

  /** Whether there are others, all of higher ranks. */
  get isCut(): boolean {
    return this.#isCut;
  }

  clear(max: number): void {
    this.#best.length = 0;
    this.#max = max;
    this.#isCut = false;
  }

  offer({ nodeId, number }: LinkCandidate): void {
    const best = this.#best;
    const rank = this.#rankOf(number);
    const last = best.at(-1);
    const isFull = best.length === this.#max;
    if ((isFull || this.#isCut) && (last === undefined || rank >= last.rank)) {
      this.#isCut = true;
      return;
    }
    const at = best.findIndex((other) => rank < other.rank);
    best.splice(at < 0 ? best.length : at, 0, { nodeId, rank });
    if (!isFull) return;
    best.pop();
    this.#isCut = true;
  }

  delete(nodeId: NodeId): void {
    const at = this.#best.findIndex((other) => other.nodeId === nodeId);
    if (at >= 0) this.#best.splice(at, 1);
  }

  /** @returns the first `count` that are none of `without` */
  first(count: number, without: ReadonlySet<NodeId>): NodeId[] {
    const found: NodeId[] = [];
    for (const { nodeId } of this.#best) {
      if (found.length === count) break;
      if (!without.has(nodeId)) found.push(nodeId);
    }
    return found;
  }
}

function candidateOf({ nodeId, verifyingKey, roles }: Linkable): LinkCandidate | undefined {
  if (verifyingKey === undefined) return undefined;
  return { nodeId, isLeader: roles.includes("leader"), number: numberOf(nodeId) };
}

/** Ids are hashes, so their first 48 bits tell them apart and give their order around the ring. */
function numberOf(nodeId: NodeId): number {
  return parseInt(nodeId.slice(0, 12), 16);
}

/** A number that looks drawn by lot for each pair, and by another lot for the pair the other way round. */
function pairNumber(from: number, to: number): number {
  // The finalizer of MurmurHash3, over the low words of both.
  let word = (to | 0) ^ Math.imul(from | 1, 0x9e3779b1);
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
