/**
 * One open channel to a member.
 * @module
 */

import type { Channel } from "../../channel/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";

/** A channel with the member at its other end, and who dialled it. */
export interface Link {
  readonly nodeId: NodeId;
  readonly channel: Channel;
  readonly dialler: "us" | "them";
}

/**
 * Decides between two links to the same member, so that both ends keep the same one: the dial of the smaller node
 * id wins; of two dials in one direction the newer one, since the older is what a restart left half-open.
 *
 * @param self this node's id
 * @returns the link to keep
 */
export function preferredLink(self: NodeId, current: Link, candidate: Link): Link {
  if (current.dialler === candidate.dialler) return candidate;
  const winner = self < candidate.nodeId ? "us" : "them";
  return candidate.dialler === winner ? candidate : current;
}
