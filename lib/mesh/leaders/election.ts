/**
 * Which of the leaders is the elected one: the one with the highest node id among those that live. Every node applies
 * the same rule to the heartbeats it gets, so there is no vote; two sides of a split network each have their own.
 *
 *     unknown ──heartbeat, or a record that says it leads──► alive ──5 s without a heartbeat──► dead
 *                                                              ▲─────────heartbeat──────────────┘
 *
 * @module
 */

import { type Millis, millis } from "../../base/mod.ts";
import type { NodeId } from "../identity/mod.ts";

/** How often a leader sends a heartbeat. */
export const HEARTBEAT_MS = 2_000;
/** A leader without a heartbeat for so long is dead. */
export const LEADER_DEAD_MS = 5_000;

/** Another leader was elected than before, or none is left. */
export interface ElectionEvent {
  readonly elected: NodeId | undefined;
  readonly former: NodeId | undefined;
}

/** A leader as this node sees it. */
export interface LeaderView {
  readonly nodeId: NodeId;
  readonly isAlive: boolean;
  readonly isElected: boolean;
  /** When its last heartbeat came; undefined when none has. */
  readonly lastHeardAt: Millis | undefined;
}

interface Leader {
  /** Until then it counts as alive. */
  deadAt: Millis;
  lastHeardAt: Millis | undefined;
}

/** Heartbeats in, the elected leader out. A leader is presumed alive for 5 s when it becomes known, so that a start elects nobody who is about to lose again. */
export class Election {
  readonly #self: NodeId;
  readonly #leaders = new Map<NodeId, Leader>();
  #nextHeartbeat: Millis;
  #checkedAt: Millis;
  #elected: NodeId | undefined;
  #announced: NodeId | undefined;

  /** @param self this node, which may be a leader and is alive */
  constructor(self: NodeId, now: Millis) {
    this.#self = self;
    this.#nextHeartbeat = now;
    this.#checkedAt = now;
  }

  /** The elected leader; undefined when none lives. */
  get elected(): NodeId | undefined {
    return this.#elected;
  }

  /** Whether this node leads, elected or not. */
  get isLeader(): boolean {
    return this.#leaders.has(this.#self);
  }

  /** Takes note of who the leaders are, by their records. */
  setLeaders(nodeIds: Iterable<NodeId>, now: Millis): void {
    const ids = new Set(nodeIds);
    for (const nodeId of this.#leaders.keys()) if (!ids.has(nodeId)) this.#leaders.delete(nodeId);
    for (const nodeId of ids) {
      if (this.#leaders.has(nodeId)) continue;
      this.#leaders.set(nodeId, { deadAt: millis(now + LEADER_DEAD_MS), lastHeardAt: undefined });
      if (nodeId === this.#self) this.#nextHeartbeat = now;
    }
    this.#elect(now);
  }

  /** Takes note of a heartbeat; one of somebody who is no leader changes nothing. */
  handleHeartbeat(nodeId: NodeId, now: Millis): void {
    const leader = this.#leaders.get(nodeId);
    if (leader === undefined) return;
    leader.deadAt = millis(now + LEADER_DEAD_MS);
    leader.lastHeardAt = now;
    this.#elect(now);
  }

  /** Takes leaders for dead whose heartbeats are overdue. Early and repeated calls are harmless. */
  handleTimeout(now: Millis): void {
    const lateMs = now - Math.max(this.#checkedAt, this.pollTimeout() ?? now);
    // This process itself stood still: heartbeats that came meanwhile are still to be read.
    if (lateMs > HEARTBEAT_MS) {
      for (const leader of this.#leaders.values()) leader.deadAt = millis(leader.deadAt + lateMs);
    }
    this.#checkedAt = now;
    this.#elect(now);
  }

  /** @returns whether this node is to send a heartbeat now; the next is due two seconds later */
  pollHeartbeat(now: Millis): boolean {
    if (!this.isLeader || now < this.#nextHeartbeat) return false;
    this.#nextHeartbeat = millis(now + HEARTBEAT_MS);
    return true;
  }

  /** @returns a change that was not polled yet; undefined when there is none */
  pollEvent(): ElectionEvent | undefined {
    if (this.#elected === this.#announced) return undefined;
    const former = this.#announced;
    this.#announced = this.#elected;
    return { elected: this.#elected, former };
  }

  /** When `handleTimeout` and `pollHeartbeat` are to be called; undefined when there is nothing to wait for. */
  pollTimeout(): Millis | undefined {
    let at = this.isLeader ? this.#nextHeartbeat as number : Infinity;
    for (const [nodeId, { deadAt }] of this.#leaders) {
      if (nodeId !== this.#self && deadAt > this.#checkedAt) at = Math.min(at, deadAt);
    }
    return at === Infinity ? undefined : millis(at);
  }

  /** @returns all leaders, the highest id first */
  views(now: Millis): readonly LeaderView[] {
    return [...this.#leaders].map(([nodeId, leader]) => ({
      nodeId,
      isAlive: this.#isAlive(nodeId, leader, now),
      isElected: nodeId === this.#elected,
      lastHeardAt: leader.lastHeardAt,
    })).sort((a, b) => a.nodeId > b.nodeId ? -1 : 1);
  }

  #isAlive(nodeId: NodeId, { deadAt }: Leader, now: Millis): boolean {
    return nodeId === this.#self || deadAt > now;
  }

  #elect(now: Millis): void {
    let elected: NodeId | undefined;
    for (const [nodeId, leader] of this.#leaders) {
      if (!this.#isAlive(nodeId, leader, now)) continue;
      if (elected === undefined || nodeId > elected) elected = nodeId;
    }
    this.#elected = elected;
  }
}
