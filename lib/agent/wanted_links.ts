/**
 * To whom a node keeps a link.
 * @module
 */

import type { Member, NodeId } from "../mesh/mod.ts";

/** In a network of this many members or fewer, everybody has a link to everybody. */
export const MAX_WANTED_LINKS = 16;

/**
 * Leaders first, then the members that follow this one in the ring of all node ids: each is wanted by those before
 * it, so that no part of the network is without a link to the rest.
 *
 * @param self this node's id
 */
export function wantedLinks(self: NodeId, members: readonly Member[]): NodeId[] {
  const others = members.filter(({ record }) => record.nodeId !== self && record.verifyingKey !== undefined)
    .map(({ record }) => record);
  const leaders = others.filter((record) => record.roles.includes("leader")).map(({ nodeId }) => nodeId);
  const rest = others.filter((record) => !record.roles.includes("leader")).map(({ nodeId }) => nodeId).sort();
  const following = rest.filter((nodeId) => nodeId > self);
  const preceding = rest.filter((nodeId) => nodeId < self);
  return [...leaders, ...following, ...preceding].slice(0, MAX_WANTED_LINKS);
}
