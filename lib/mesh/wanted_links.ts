/**
 * To whom a node keeps a link.
 * @module
 */

import type { NodeId } from "./identity.ts";
import type { Member } from "./roster.ts";

/** With so many others or fewer, everybody has a link to everybody. */
export const FULL_MESH_OTHERS = 16;
/** To how many members beside the leaders a node keeps a link when there are more. */
export const RANDOM_LINKS = 4;

/**
 * All leaders; then members that are random, but the same as long as they are there; then the one that follows this
 * node in the ring of all ids, so that no part of the network is without a link to the rest.
 *
 * @param self this node's id
 * @param unreachable members who do not answer now: others take their places. Leaders are wanted all the same
 */
export function wantedLinks(
  self: NodeId,
  members: readonly Member[],
  unreachable: ReadonlySet<NodeId> = new Set(),
): NodeId[] {
  const leaders: NodeId[] = [];
  const rest: NodeId[] = [];
  for (const { record: { nodeId, verifyingKey, roles } } of members) {
    if (nodeId === self || verifyingKey === undefined) continue;
    (roles.includes("leader") ? leaders : rest).push(nodeId);
  }
  if (leaders.length + rest.length <= FULL_MESH_OTHERS) return [...leaders, ...rest.sort()];
  const reachable = rest.filter((nodeId) => !unreachable.has(nodeId));
  const chosen = lowest(reachable, RANDOM_LINKS, (nodeId) => pairNumber(self, nodeId));
  const next = lowest(reachable, 1, (nodeId) => distance(self, nodeId));
  return [...leaders, ...new Set([...chosen, ...next])];
}

/** @returns the `count` items with the lowest ranks, in one pass */
function lowest(items: readonly NodeId[], count: number, rankOf: (item: NodeId) => number): NodeId[] {
  const best: { readonly item: NodeId; readonly rank: number }[] = [];
  for (const item of items) {
    const rank = rankOf(item);
    if (best.length === count && rank >= (best.at(-1)?.rank ?? 0)) continue;
    const at = best.findIndex((other) => rank < other.rank);
    best.splice(at < 0 ? best.length : at, 0, { item, rank });
    if (best.length > count) best.pop();
  }
  return best.map(({ item }) => item);
}

/** How far it is around the ring from one id to the next; ids are hashes, so their first 48 bits tell them apart. */
function distance(from: NodeId, to: NodeId): number {
  const difference = parseInt(to.slice(0, 12), 16) - parseInt(from.slice(0, 12), 16);
  return difference > 0 ? difference : difference + 2 ** 48;
}

/** A number that looks drawn by lot for each pair, and by another lot for the pair the other way round. */
function pairNumber(from: NodeId, to: NodeId): number {
  // The finalizer of MurmurHash3, over one word of each id.
  let word = parseInt(to.slice(0, 8), 16) ^ Math.imul(parseInt(from.slice(8, 16), 16) | 1, 0x9e3779b1);
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}
