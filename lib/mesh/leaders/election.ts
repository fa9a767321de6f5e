/**
 * Which of the leaders is the elected one: the one with the highest node id among those that live. Every node applies
 * the same rule to what it hears, so there is no vote; two sides of a split network each have their own.
 *
 * A leader sends heartbeats to the other leaders and to a few members, its watchers, so that what it sends does not grow with
 * the network. Whoever misses one asks the leader, and tells its links when no answer comes; they ask for themselves:
 *
 *     alive ──a heartbeat is late, or somebody misses it──► asked ──no answer──► others are told ──► dead
 *       ▲────────────────heartbeat, answer, new link──────────┴──────────────────────────────────────┘
 *
 * A watcher takes it for dead 5 s after the last heartbeat; who is told, as soon as it has had the time to answer.
 *
 * @module
 */

import { type Millis, millis } from "../../base/mod.ts";
import type { NodeId } from "../identity/mod.ts";

/** How often a leader sends a heartbeat. */
export const HEARTBEAT_MS = 2_000;
/** A leader of whom a watcher has heard nothing for so long is dead, and one to whom there is no link. */
export const LEADER_DEAD_MS = 5_000;
/** A heartbeat is late: the leader is asked. It may also have other watchers now. */
const LATE_MS = 2_500;
/** A leader that has not answered after this is missed: others are told. */
const MISSED_MS = 750;
/** One that was asked, and of whom nothing was heard for long before, is dead when it has not answered after this. */
const ANSWER_MS = 1_750;
/** One that answers and sends no heartbeat is asked so often; then it has other watchers. */
const QUESTIONS = 2;

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
  /** When it last gave a sign of life that was waited for; undefined when it has given none. */
  readonly lastHeardAt: Millis | undefined;
}

interface Leader {
  /** Until then it counts as alive; for ever when nothing says that it is not. */
  deadAt: number;
  lastHeardAt: Millis | undefined;
  readonly knownSince: Millis;
  /** When it is to be asked; undefined when nobody has a doubt. */
  askAt: number | undefined;
  /** It was asked, and has not answered: when others are told. */
  missedAt: number | undefined;
  /** How many questions are left until it is no wonder that it sends no heartbeat. */
  questions: number;
}

/**
 * Signs of life in; questions, suspicions and the elected leader out. A leader is presumed alive for 5 s when it becomes known, so
 * that a start elects nobody who is about to lose again.
 */
export class Election {
  readonly #self: NodeId;
  readonly #leaders = new Map<NodeId, Leader>();
  #nextHeartbeat: Millis;
  #checkedAt: Millis;
  #elected: NodeId | undefined;
  #announced: NodeId | undefined;
  readonly #questions: NodeId[] = [];
  readonly #missed: NodeId[] = [];

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
      // It may have had a link for long, and have other watchers.
      const askAt = now + LATE_MS;
      this.#leaders.set(nodeId, {
        deadAt: now + LEADER_DEAD_MS,
        lastHeardAt: undefined,
        knownSince: now,
        askAt,
        missedAt: undefined,
        questions: 0,
      });
      if (nodeId === this.#self) this.#nextHeartbeat = now;
    }
    this.#elect(now);
  }

  /** Takes note of a heartbeat; one of somebody who is no leader changes nothing. */
  handleHeartbeat(nodeId: NodeId, now: Millis): void {
    const leader = this.#leaders.get(nodeId);
    if (leader === undefined) return;
    this.#note(leader, now);
    leader.questions = QUESTIONS;
    this.#expect(leader, now);
    this.#elect(now);
  }

  /** A node has answered, or there is a new link to it: if it leads it is alive until something says otherwise. */
  handleAnswer(nodeId: NodeId, now: Millis): void {
    const leader = this.#leaders.get(nodeId);
    if (leader === undefined) return;
    this.#note(leader, now);
    if (leader.questions > 0) this.#expect(leader, now);
    else leader.deadAt = Infinity;
    this.#elect(now);
  }

  /** There is no link to a node any more: a leader has 5 s to come back. */
  handleLinkLost(nodeId: NodeId, now: Millis): void {
    const leader = this.#leaders.get(nodeId);
    if (leader !== undefined) leader.deadAt = Math.min(leader.deadAt, now + LEADER_DEAD_MS);
  }

  /** Somebody misses a node, which is asked if it leads, unless it was heard of just now. */
  handleDoubt(nodeId: NodeId, now: Millis): void {
    const leader = this.#leaders.get(nodeId);
    if (leader === undefined || nodeId === this.#self || !this.#isAlive(nodeId, leader, now)) return;
    // Or it has 5 s to come back.
    const wasAsked = leader.deadAt < Infinity && leader.askAt === undefined;
    if (wasAsked || now - (leader.lastHeardAt ?? -Infinity) < HEARTBEAT_MS) return;
    leader.askAt = Math.min(leader.askAt ?? Infinity, now);
  }

  /** Misses leaders that were to be heard of, and takes them for dead when it is time. Early and repeated calls are harmless. */
  handleTimeout(now: Millis): void {
    const lateMs = now - Math.max(this.#checkedAt, this.pollTimeout() ?? now);
    // This process itself stood still: heartbeats that came meanwhile are still to be read.
    if (lateMs > HEARTBEAT_MS) {
      for (const leader of this.#leaders.values()) {
        leader.deadAt += lateMs;
        if (leader.missedAt !== undefined) leader.missedAt += lateMs;
      }
    }
    this.#checkedAt = now;
    for (const [nodeId, leader] of this.#leaders) if (nodeId !== this.#self) this.#doubt(nodeId, leader, now);
    this.#elect(now);
  }

  /** @returns whether this node is to send a heartbeat now; the next is due two seconds later */
  pollHeartbeat(now: Millis): boolean {
    if (!this.isLeader || now < this.#nextHeartbeat) return false;
    this.#nextHeartbeat = millis(now + HEARTBEAT_MS);
    return true;
  }

  /** @returns a leader that is to be asked for a sign of life now; undefined when there is none */
  pollQuestion(): NodeId | undefined {
    return this.#questions.shift();
  }

  /** @returns a leader that has not answered, of which others are to be told; undefined when there is none */
  pollMissed(): NodeId | undefined {
    return this.#missed.shift();
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
    for (const [nodeId, { deadAt, askAt = Infinity, missedAt = Infinity }] of this.#leaders) {
      if (nodeId === this.#self) continue;
      at = Math.min(at, askAt, missedAt, deadAt > this.#checkedAt ? deadAt : Infinity);
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

  #note(leader: Leader, now: Millis): void {
    leader.lastHeardAt = now;
    leader.askAt = leader.missedAt = undefined;
  }

  /** Another sign of life is due soon. */
  #expect(leader: Leader, now: Millis): void {
    leader.deadAt = now + LEADER_DEAD_MS;
    leader.askAt = now + LATE_MS;
  }

  #doubt(nodeId: NodeId, leader: Leader, now: Millis): void {
    if (leader.askAt !== undefined && leader.askAt <= now) {
      leader.askAt = undefined;
      leader.questions = Math.max(0, leader.questions - 1);
      leader.missedAt = now + MISSED_MS;
      const heardAt = leader.lastHeardAt ?? leader.knownSince;
      leader.deadAt = Math.min(leader.deadAt, Math.max(heardAt + LEADER_DEAD_MS, now + ANSWER_MS));
      this.#questions.push(nodeId);
    }
    if (leader.missedAt === undefined || leader.missedAt > now) return;
    leader.missedAt = undefined;
    this.#missed.push(nodeId);
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
