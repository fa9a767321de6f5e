/**
 * To whom a leader sends its heartbeats: all other leaders, and a few members that tell the rest when they hear none.
 *
 *     linked members in the order of their ids      a  b  c  d  e  f  g  h  i  j  k
 *     watchers, and 20 s later                      └──────────────────────┘
 *                                                      └──────────────────────┘
 *
 * @module
 */

import type { NodeId } from "../identity/mod.ts";

/** How many members watch a leader; in a network of so few it is everybody. */
export const WATCHERS = 8;
/** After so many heartbeats another member takes the place of one of them, so that nobody is relied on for long. */
const BEATS_A_TURN = 10;

/** Goes around all that are linked. */
export class HeartbeatTargets {
  /** The watchers are those that come after it. */
  #after = "";
  #beats = 0;

  /**
   * Chooses those who get one heartbeat.
   * @param linked to whom there is a link, in any order
   * @param isLeader says who of them leads; leaders get each heartbeat
   */
  next(linked: readonly NodeId[], isLeader: (nodeId: NodeId) => boolean): readonly NodeId[] {
    const leaders = linked.filter(isLeader);
    const members = linked.filter((nodeId) => !isLeader(nodeId));
    if (members.length <= WATCHERS) return linked;
    members.sort((a, b) => this.#rank(a) - this.#rank(b) || (a < b ? -1 : 1));
    const watchers = members.slice(0, WATCHERS);
    this.#beats++;
    if (this.#beats % BEATS_A_TURN === 0) this.#after = watchers[0] ?? "";
    return [...leaders, ...watchers];
  }

  #rank(nodeId: NodeId): number {
    return nodeId > this.#after ? 0 : 1;
  }
}
