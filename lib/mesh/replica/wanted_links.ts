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
  members: Iterable<Pick<MemberRecord, "nodeId" | "verifyingKey" | "roles">>,
  unreachable: ReadonlySet<NodeId> = new Set(),
): NodeId[] {
  const leaders: NodeId[] = [];
  const rest: NodeId[] = [];
  for (const { nodeId, verifyingKey, roles } of members) {
    if (nodeId === self || verifyingKey === undefined) continue;
    (roles.includes("leader") ? leaders : rest).push(nodeId);
  }
  if (leaders.length + rest.length <= FULL_MESH_OTHERS) return [...leaders, ...rest.sort()];
  const reachable = rest.filter((nodeId) => !unreachable.has(nodeId))
    .map((nodeId) => ({ nodeId, number: numberOf(nodeId) }));
  const own = numberOf(self);
  const chosen = lowest(reachable, RANDOM_LINKS, (number) => pairNumber(own, number));
  const next = lowest(reachable, 1, (number) => number > own ? number - own : number - own + NUMBERS);
  return [...leaders, ...new Set([...chosen, ...next])];
}

interface Numbered {
  readonly nodeId: NodeId;
  readonly number: number;
}

/** @returns the `count` ids with the lowest ranks, in one pass */
function lowest(ids: readonly Numbered[], count: number, rankOf: (number: number) => number): NodeId[] {
  const best: { readonly nodeId: NodeId; readonly rank: number }[] = [];
  for (const { nodeId, number } of ids) {
    const rank = rankOf(number);
    if (best.length === count && rank >= (best.at(-1)?.rank ?? 0)) continue;
    const at = best.findIndex((other) => rank < other.rank);
    best.splice(at < 0 ? best.length : at, 0, { nodeId, rank });
    if (best.length > count) best.pop();
  }
  return best.map(({ nodeId }) => nodeId);
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
