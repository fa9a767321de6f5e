/**
 * How often the ends of a link ask each other for a sign of life.
 * @module
 */

import type { NodeId, Replica } from "../../mesh/mod.ts";

/** Of a node with so few links each is asked so often. */
const PAUSE_MS = 10_000;
const LINKS_AT_FULL_PACE = 24;
/** And of one with more never less often than this, so that a path that has broken is known within 30 s all the same. */
const MAX_PAUSE_MS = 20_000;

/**
 * Everybody has a link to each leader, and to a few others: what a leader sends is to grow with the network as little as what
 * others send.
 * @returns after how much silence one of both ends asks, 10,000 to 20,000 milliseconds; the same at both
 */
export function linkPauseMs({ roster }: Pick<Replica, "roster">, ends: readonly [NodeId, NodeId]): number {
  const isLeader = (nodeId: NodeId) => roster.recordById(nodeId)?.roles.includes("leader") ?? false;
  if (!ends.some(isLeader)) return PAUSE_MS;
  return Math.min(MAX_PAUSE_MS, Math.max(PAUSE_MS, PAUSE_MS * roster.liveCount / LINKS_AT_FULL_PACE));
}
