/**
 * Leaders among themselves, on every node: who is elected, who is promoted and demoted, whose record is renewed.
 * @module
 */

import type { Environment } from "../../base/mod.ts";
import {
  Election,
  type KeyRotation,
  type LeaderView,
  type Member,
  type MemberAnswer,
  type MemberRecord,
  type MemberRequest,
  type MeshState,
  NO_UPDATE,
  type NodeId,
  type ReplicaUpdate,
} from "../../mesh/mod.ts";
import { InvalidRequestError, NotLeaderError, UnreachableError } from "../errors.ts";
import { MemberRequests } from "./member_requests.ts";
import type { LeaderMessage, MessagePlane } from "../links/mod.ts";

/** What it is made of. */
export interface LeaderCoordinatorParts extends Pick<Environment, "clock" | "timers" | "log"> {
  readonly mesh: MeshState;
  readonly messages: MessagePlane;
  /** Tells everybody what this node has changed, and follows it. */
  publish(news: ReplicaUpdate): void;
  /** Another leader is elected; undefined when none lives. */
  onElection(elected: NodeId | undefined): void;
}

/** Drives the election, and asks and answers for leaders. */
export class LeaderCoordinator {
  readonly requests: MemberRequests;
  readonly #parts: LeaderCoordinatorParts;
  readonly #election: Election;
  #cancelTimer: () => void = () => {};
  #isClosed = false;

  constructor(parts: LeaderCoordinatorParts) {
    this.#parts = parts;
    this.requests = new MemberRequests(parts.messages, parts.timers);
    this.#election = new Election(parts.mesh.identity.id, parts.clock.now());
  }

  /** The elected leader; undefined when none lives. */
  get elected(): NodeId | undefined {
    return this.#election.elected;
  }

  /** @returns all leaders, the highest id first */
  views(): readonly LeaderView[] {
    return this.#election.views(this.#parts.clock.now());
  }

  /** Begins to listen, and to give signs of life if this node leads. */
  start(): void {
    const { mesh: { admission, record }, clock, publish } = this.#parts;
    // Nobody else could bring it back.
    if (admission !== undefined && !record.revoked && record.expiresAt <= clock.wall()) {
      const renewed = admission.renew(record);
      if (typeof renewed === "object") publish({ ...NO_UPDATE, records: [renewed.signed] });
    }
    this.follow();
  }

  /** Follows who the leaders are. */
  follow(): void {
    const { mesh: { roster }, clock } = this.#parts;
    const leaders: NodeId[] = [];
    for (const { nodeId, roles } of roster.liveRecords()) {
      if (roles.includes("leader")) leaders.push(nodeId);
    }
    this.#election.setLeaders(leaders, clock.now());
    this.#turn();
  }

  /** Renews records that are due, on the elected leader; early and repeated calls are harmless. */
  renewDue(): void {
    const { mesh: { admission, identity }, messages, publish } = this.#parts;
    if (admission === undefined || this.elected !== identity.id) return;
    const renewed = admission.renewDue((nodeId) =>
      nodeId === identity.id || messages.links.get(nodeId) !== undefined
    );
    if (renewed.length > 0) publish({ ...NO_UPDATE, records: renewed.map(({ signed }) => signed) });
  }

  /** Takes in what a member says to or as a leader. */
  handleMessage(nodeId: NodeId, said: LeaderMessage): void {
    if (said.kind === "response") return this.requests.handleAnswer(nodeId, said.number, said.answer);
    if (said.kind === "request") return void this.#serve(nodeId, said.number, said.request);
    this.#election.handleHeartbeat(nodeId, this.#parts.clock.now());
    this.#turn();
  }

  /**
   * Makes a member a leader.
   * @throws NotLeaderError, InvalidRequestError, UnreachableError
   */
  async promote({ record }: Member): Promise<void> {
    const { mesh: { leadership }, log } = this.#parts;
    this.#mustLead();
    if (record.verifyingKey === undefined) {
      throw new InvalidRequestError(`Cannot promote ${record.name}: it runs no weft`);
    }
    if (record.roles.includes("leader")) {
      throw new InvalidRequestError(`Cannot promote ${record.name}: it is a leader already`);
    }
    await this.#ask(record, () => leadership.promote(record), "promote");
    leadership.settle(record);
    log.info("promoted", { name: record.name });
  }

  /**
   * Makes a leader an ordinary member; its addresses go to this one, or to another leader when it is this one.
   * @throws NotLeaderError, InvalidRequestError, UnreachableError
   */
  async demote({ record }: Member): Promise<void> {
    const { mesh: { leadership, identity }, publish, log } = this.#parts;
    this.#mustLead();
    if (!record.roles.includes("leader")) {
      throw new InvalidRequestError(`Cannot demote ${record.name}: it is no leader`);
    }
    if (record.nodeId === identity.id) await this.#resign();
    else {
      const { slices, update } = await this.#ask(record, () => ({ kind: "demotion" }), "demote");
      if (slices !== undefined) leadership.take(slices, update);
      publish(NO_UPDATE);
    }
    log.info("demoted", { name: record.name });
  }

  /**
   * Asks a leader for the network's word on new keys of this node.
   * @returns what it signed
   * @throws UnreachableError when none answers, InvalidRequestError when all who do refuse
   */
  async askToRotate(rotation: KeyRotation): Promise<ReplicaUpdate> {
    const { mesh: { roster } } = this.#parts;
    let wasRefused = false;
    for (const { nodeId } of this.views().toSorted((a, b) => Number(b.isAlive) - Number(a.isAlive))) {
      if (roster.get(nodeId) === undefined) continue;
      const answer = await this.requests.ask(nodeId, { kind: "rotation", rotation });
      if (answer === undefined || answer === "unsent") continue;
      if (answer.kind === "done" && answer.update !== undefined) return answer.update;
      wasRefused = true;
    }
    if (wasRefused) throw new InvalidRequestError("Cannot rotate the key: the leader refused");
    throw new UnreachableError("Cannot rotate the key: no leader answers", {
      hint: "weft leader list shows who leads; run the same again when one of them is back.",
      retryable: true,
    });
  }

  /** Is silent from now on. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    this.requests.close();
  }

  async #resign(): Promise<void> {
    const { mesh: { leadership, roster, identity }, publish } = this.#parts;
    const others = this.views().filter(({ nodeId, isAlive }) => isAlive && nodeId !== identity.id);
    const heir = others[0] && roster.get(others[0].nodeId)?.record;
    if (heir === undefined) {
      throw new InvalidRequestError("Cannot demote this node: it is the only leader that lives", {
        hint: "weft leader promote NODE makes another one first.",
      });
    }
    await this.#ask(heir, () => {
      const { slices, records: update } = leadership.handOver(heir);
      return { kind: "handover", slices, update };
    }, "hand over to");
    publish(leadership.resign());
  }

  /** @throws UnreachableError; what was asked is made when the member can be reached, and not before */
  async #ask(
    record: MemberRecord,
    request: () => MemberRequest,
    what: string,
  ): Promise<Extract<MemberAnswer, { kind: "done" }>> {
    const { messages } = this.#parts;
    const answer = await messages.reach(record.nodeId)
      ? await this.requests.ask(record.nodeId, request())
      : "unsent";
    if (answer === "unsent" || answer === undefined) {
      throw new UnreachableError(`Cannot ${what} ${record.name}: it does not answer`, {
        hint: "weft peers shows when it was last heard; run the same again when it is back.",
        retryable: true,
      });
    }
    if (answer.kind === "done") return answer;
    throw new InvalidRequestError(`Cannot ${what} ${record.name}: it refused`, {
      hint: "weft leader list on that node shows whom it takes for a leader.",
    });
  }

  /** Answers before anything is published: what is published may end the link. */
  async #serve(nodeId: NodeId, number: number, request: MemberRequest): Promise<void> {
    const { mesh, messages, publish, log } = this.#parts;
    const asker = mesh.roster.linkable(nodeId)?.record;
    if (asker === undefined) return;
    try {
      const { answer, update = NO_UPDATE } = this.#answer(asker, request);
      const sent = messages.send(nodeId, { kind: "response", number, answer });
      publish(update);
      await sent;
      log.info("asked by a member", { from: asker.name, request: request.kind, answer: answer.kind });
    } catch (error) {
      log.error("cannot answer a member", { from: asker.name, error });
    }
  }

  #answer(asker: MemberRecord, request: MemberRequest): { answer: MemberAnswer; update?: ReplicaUpdate } {
    const { leadership, admission } = this.#parts.mesh;
    const refused = { answer: { kind: "refused" } } as const;
    const isLeader = asker.roles.includes("leader");
    switch (request.kind) {
      case "promotion": {
        const update = isLeader ? leadership.accept(request) : undefined;
        return update === undefined ? refused : { answer: { kind: "done" }, update };
      }
      case "demotion":
        return isLeader ? leadership.demote(asker) : refused;
      case "handover":
        if (!isLeader || admission === undefined) return refused;
        leadership.take(request.slices, request.update);
        return { answer: { kind: "done" } };
      case "rotation": {
        const both = admission?.rotate(asker, request.rotation);
        if (typeof both !== "object") return refused;
        const { statement } = request.rotation;
        const update = {
          ...NO_UPDATE,
          records: both.map(({ signed }) => signed),
          statements: statement === undefined ? [] : [statement],
        };
        return { answer: { kind: "done", update }, update };
      }
    }
  }

  #mustLead(): void {
    const { role, roster } = this.#parts.mesh;
    if (role === "leader") return;
    const names = this.views().map(({ nodeId }) => roster.get(nodeId)?.record.name);
    throw new NotLeaderError("Cannot do that here: this node is no leader", {
      hint: `Do it on ${names.filter((name) => name !== undefined).join(" or ") || "the leader"}.`,
    });
  }

  /** Does what is due, tells of a change, and waits for the next thing that is. */
  #turn(): void {
    const { clock, timers, messages, mesh: { roster, identity }, log, onElection } = this.#parts;
    if (this.#isClosed) return;
    this.#election.handleTimeout(clock.now());
    if (this.#election.pollHeartbeat(clock.now())) messages.broadcast({ kind: "heartbeat" });
    for (let event = this.#election.pollEvent(); event !== undefined; event = this.#election.pollEvent()) {
      const { elected } = event;
      onElection(elected);
      if (elected === undefined) log.warn("no leader is there");
      else {
        const name = roster.get(elected)?.record.name;
        log.info("leader elected", { name, self: elected === identity.id });
      }
    }
    this.#cancelTimer();
    const at = this.#election.pollTimeout();
    if (at !== undefined) {
      this.#cancelTimer = timers.setTimer(Math.max(1, at - clock.now()), () => this.#turn());
    }
  }
}
