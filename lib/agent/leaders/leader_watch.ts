/**
 * Who of the leaders lives, on a running node: heartbeats, questions over links, and word to others of who is missed.
 * @module
 */

import { DeadlineTimer, millis } from "../../base/mod.ts";
import { Election, HeartbeatTargets, type LeaderView, type NodeId } from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { MessagePlane } from "../links/mod.ts";

interface LeaderWatchParts extends Pick<AgentContext, "mesh" | "clock" | "timers" | "log"> {
  readonly messages: MessagePlane;
  /** Another leader was elected, or none is left. */
  onElected(elected: NodeId | undefined): void;
}

/** Drives the election. */
export class LeaderWatch {
  readonly #parts: LeaderWatchParts;
  readonly #election: Election;
  readonly #targets = new HeartbeatTargets();
  readonly #timer: DeadlineTimer;
  #isClosed = false;

  constructor(parts: LeaderWatchParts) {
    this.#parts = parts;
    this.#election = new Election(parts.mesh.identity.id, parts.clock.now());
    this.#timer = new DeadlineTimer(parts, () => this.#advance());
  }

  /** The elected leader; undefined when none lives. */
  get elected(): NodeId | undefined {
    return this.#election.elected;
  }

  /** @returns all leaders, the highest id first, and when each was last heard of, whatever it said */
  views(): readonly LeaderView[] {
    const { messages, clock } = this.#parts;
    const now = clock.now();
    return this.#election.views(now).map((view) => {
      const silentMs = messages.links.get(view.nodeId)?.channel.silentMs;
      if (silentMs === undefined) return view;
      return { ...view, lastHeardAt: millis(Math.max(now - silentMs, view.lastHeardAt ?? 0)) };
    });
  }

  /** Follows exactly these leaders from now on. */
  setLeaders(nodeIds: Iterable<NodeId>): void {
    this.#election.setLeaders(nodeIds, this.#parts.clock.now());
    this.#advance();
  }

  /** A leader has sent a heartbeat. */
  handleHeartbeat(nodeId: NodeId): void {
    this.#election.handleHeartbeat(nodeId, this.#parts.clock.now());
    this.#advance();
  }

  /** There is a link to a member. */
  handleLink(nodeId: NodeId): void {
    this.#election.handleAnswer(nodeId, this.#parts.clock.now());
    this.#advance();
  }

  /** A link to a member has ended; another one may have taken its place. */
  handleLinkClosed(nodeId: NodeId): void {
    const { messages, clock } = this.#parts;
    if (messages.links.get(nodeId) !== undefined) return;
    this.#election.handleLinkLost(nodeId, clock.now());
    this.#advance();
  }

  /** A member misses another one, or this node, to which the way from there is broken then. */
  handleSuspicion(from: NodeId, about: NodeId): void {
    this.#doubt([about === this.#parts.mesh.identity.id ? from : about]);
  }

  /** This node misses somebody: it may be cut off itself, and asks all leaders. */
  handleMissed(): void {
    this.#doubt(this.#election.views(this.#parts.clock.now()).map(({ nodeId }) => nodeId));
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.set(undefined);
  }

  #doubt(nodeIds: readonly NodeId[]): void {
    const now = this.#parts.clock.now();
    for (const nodeId of nodeIds) this.#election.handleDoubt(nodeId, now);
    this.#advance();
  }

  /** Does what is due, says who is elected now, and waits for the next time. */
  #advance(): void {
    const { clock, messages, onElected } = this.#parts;
    if (this.#isClosed) return;
    const election = this.#election;
    const now = clock.now();
    election.handleTimeout(now);
    if (election.pollHeartbeat(now)) this.#sendHeartbeat();
    for (let asked = election.pollQuestion(); asked !== undefined; asked = election.pollQuestion()) {
      void this.#ask(asked);
    }
    for (let missed = election.pollMissed(); missed !== undefined; missed = election.pollMissed()) {
      // Whose link has ended is no secret: everybody has one of their own.
      if (messages.links.get(missed) !== undefined) messages.broadcast({ kind: "suspicion", nodeId: missed });
    }
    for (let event = election.pollEvent(); event !== undefined; event = election.pollEvent()) {
      onElected(event.elected);
    }
    this.#timer.set(election.pollTimeout());
  }

  #sendHeartbeat(): void {
    const { messages, mesh: { roster } } = this.#parts;
    const linked = messages.links.all().map(({ nodeId }) => nodeId);
    const isLeader = (nodeId: NodeId) => roster.recordById(nodeId)?.roles.includes("leader") ?? false;
    messages.broadcast({ kind: "heartbeat" }, this.#targets.next(linked, isLeader));
  }

  async #ask(nodeId: NodeId): Promise<void> {
    const { messages, clock } = this.#parts;
    const rttMs = await messages.links.get(nodeId)?.channel.ping();
    if (rttMs === undefined || this.#isClosed) return;
    this.#election.handleAnswer(nodeId, clock.now());
    this.#advance();
  }
}
