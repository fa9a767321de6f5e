/**
 * Leaders among themselves, on every node: who is elected, who is promoted and demoted, whose record is renewed.
 * @module
 */

import { DeadlineTimer } from "../../base/mod.ts";
import {
  addGrants,
  areGrants,
  DEFAULT_GRANTS_KEY,
  Election,
  GRANT_ENTRY_KIND,
  type KeyRotation,
  type LeaderView,
  MAX_ENTRY_LIFETIME_MS,
  type Member,
  type MemberAnswer,
  type MemberRecord,
  type MemberRequest,
  type MeshState,
  NO_UPDATE,
  type NodeId,
  type ReplicaUpdate,
  type Signed,
} from "../../mesh/mod.ts";
import { TopicPath } from "../../service/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { InvalidRequestError, NotLeaderError, TooOftenError, UnreachableError } from "../errors.ts";
import type { LeaderMessage, MessagePlane } from "../links/mod.ts";
import type { NameService } from "../names/mod.ts";
import { MemberRequests } from "./member_requests.ts";

/** The links that it uses, and what is called after an election. */
interface LeaderCoordinatorParts
  extends Pick<AgentContext, "mesh" | "authority" | "clock" | "timers" | "log"> {
  readonly messages: MessagePlane;
  /** The elected one is `leader` there. */
  readonly names: NameService | undefined;
}

/** Drives the election, and asks and answers for leaders. */
export class LeaderCoordinator {
  readonly #requests: MemberRequests;
  readonly #parts: LeaderCoordinatorParts;
  readonly #election: Election;
  readonly #timer: DeadlineTimer;
  #unsubscribe: () => void = () => {};
  #isClosed = false;

  constructor(parts: LeaderCoordinatorParts) {
    this.#parts = parts;
    this.#requests = new MemberRequests(parts.messages, parts.timers);
    this.#election = new Election(parts.mesh.identity.id, parts.clock.now());
    this.#timer = new DeadlineTimer(parts, () => this.#advance());
  }

  /** The elected leader; undefined when none lives. */
  get elected(): NodeId | undefined {
    return this.#election.elected;
  }

  /** @returns all leaders, the highest id first */
  views(): readonly LeaderView[] {
    return this.#election.views(this.#parts.clock.now());
  }

  /** Begins to follow the election, and to send heartbeats if this node leads. */
  start(): void {
    const { mesh: { admission, record, replica }, clock } = this.#parts;
    // No other leader may be there to renew it.
    if (admission !== undefined && !record.revoked && record.expiresAt <= clock.wall()) this.renew(record);
    this.#unsubscribe = replica.subscribe({ handleMembersChange: () => this.#followLeaders() });
    this.#followLeaders();
  }

  #followLeaders(): void {
    const { mesh: { roster, admission, replica }, clock } = this.#parts;
    const redone = admission?.redoMissed() ?? [];
    // What members miss is for leaders to sign.
    if (admission === undefined) roster.takeMissed();
    if (redone.length > 0) replica.publish({ ...NO_UPDATE, records: redone.map(({ signed }) => signed) });
    const leaders = roster.liveRecords().filter(({ roles }) => roles.includes("leader"));
    this.#election.setLeaders(leaders.map(({ nodeId }) => nodeId).toArray(), clock.now());
    this.#advance();
  }

  /** Renews a record, as only leaders can. @returns whether that was done */
  renew(record: MemberRecord): boolean {
    const { admission, replica } = this.#parts.mesh;
    const renewed = admission?.renew(record);
    if (typeof renewed !== "object") return false;
    replica.publish({ ...NO_UPDATE, records: [renewed.signed] });
    return true;
  }

  /** Renews what is due, on the elected leader; early and repeated calls are harmless. */
  renewDue(): void {
    const { mesh: { admission, identity, replica }, messages } = this.#parts;
    if (admission === undefined || this.elected !== identity.id) return;
    const renewed = admission.renewDue((nodeId) =>
      nodeId === identity.id || messages.links.get(nodeId) !== undefined
    );
    const entries = this.#renewDefaults();
    if (renewed.length === 0 && entries.length === 0) return;
    replica.publish({ ...NO_UPDATE, records: renewed.map(({ signed }) => signed), entries });
  }

  /** What all may do must not lapse into what is usual. */
  #renewDefaults(): readonly Signed[] {
    const { network: { id, signingKey }, replica: { entries } } = this.#parts.mesh;
    const known = entries.get(GRANT_ENTRY_KIND, id, DEFAULT_GRANTS_KEY);
    if (known === undefined || signingKey === undefined) return [];
    const { kind, key, body } = known;
    const written = entries.write(id, signingKey, { kind, key, body, lifetimeMs: MAX_ENTRY_LIFETIME_MS });
    return written === undefined ? [] : [written];
  }

  /** Handles what a member sends to or as a leader. */
  handleMessage(nodeId: NodeId, message: LeaderMessage): void {
    if (message.kind === "response") {
      return this.#requests.handleAnswer(nodeId, message.number, message.answer);
    }
    if (message.kind === "request") return void this.#serve(nodeId, message.number, message.request);
    this.#election.handleHeartbeat(nodeId, this.#parts.clock.now());
    this.#advance();
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
    await this.#attributed(record, () => this.#ask(record, () => leadership.promote(record), "promote"));
    leadership.settle(record);
    log.info("promoted", { name: record.name });
  }

  /**
   * Makes a leader an ordinary member; its addresses go to this one, or to another leader when it is this one.
   * @throws NotLeaderError, InvalidRequestError, UnreachableError
   */
  async demote({ record }: Member): Promise<void> {
    const { mesh: { leadership, identity, replica }, log } = this.#parts;
    this.#mustLead();
    if (!record.roles.includes("leader")) {
      throw new InvalidRequestError(`Cannot demote ${record.name}: it is no leader`);
    }
    if (record.nodeId === identity.id) await this.#resign();
    else {
      const asked = () => this.#ask(record, () => ({ kind: "demotion" }), "demote");
      const { slices, update } = await this.#attributed(record, asked);
      if (slices !== undefined) leadership.take(slices, update);
      replica.deliverEvents();
    }
    log.info("demoted", { name: record.name });
  }

  /**
   * Has new keys of this node signed, by another leader unless it is one itself; everybody is told.
   * @throws UnreachableError when no leader answers, InvalidRequestError when all refuse, TooOftenError when this node
   * has changed its keys too often
   */
  async rotate(rotation: KeyRotation): Promise<void> {
    const { admission, replica, record } = this.#parts.mesh;
    if (admission === undefined) {
      replica.merge(await this.#askLeaders({ kind: "rotation", rotation }, "rotate the key"));
      return replica.deliverEvents();
    }
    const update = signRotation(admission, record, rotation);
    if (typeof update === "string") throw new InvalidRequestError(`Cannot rotate the key: ${update}`);
    if ("retryAfterMs" in update) throw new TooOftenError(update.retryAfterMs);
    replica.publish(update);
  }

  /**
   * Has this node revoked by another leader; a leader hands its addresses over first.
   * @throws UnreachableError when no leader answers, InvalidRequestError when it is the last leader, or all refuse
   */
  async leave(): Promise<void> {
    const { role, replica } = this.#parts.mesh;
    if (role === "leader") await this.#resign("leave");
    replica.merge(await this.#askLeaders({ kind: "leave" }, "leave"));
    replica.deliverEvents();
  }

  /**
   * Removes ephemeral members that have been away for too long, on the elected leader.
   * @param isHealthy whether a member answers by the tunnel; who has a link is not away in any case
   */
  removeAbsent(isHealthy: (nodeId: NodeId) => boolean): void {
    const { mesh: { admission, identity, leadership, replica }, messages, log } = this.#parts;
    if (admission === undefined || this.elected !== identity.id) return leadership.ephemerals?.rest();
    const isHere = (nodeId: NodeId) => messages.links.get(nodeId) !== undefined || isHealthy(nodeId);
    for (const { publicKey, name } of leadership.ephemerals?.look(isHere) ?? []) {
      const removed = admission.revoke(publicKey);
      if (removed === undefined) continue;
      log.info("removed an ephemeral member that was away for too long", { name });
      replica.publish({ ...NO_UPDATE, records: [removed.signed] });
    }
  }

  /** The member signs the change itself, by the word of this leader's operator. */
  async #attributed<T>({ nodeId }: MemberRecord, ask: () => Promise<T>): Promise<T> {
    const { audit } = this.#parts.mesh.leadership;
    audit?.attribute(nodeId, { kind: "operator" });
    try {
      return await ask();
    } catch (error) {
      audit?.attribute(nodeId, undefined);
      throw error;
    }
  }

  async #askLeaders(request: MemberRequest, what: string): Promise<ReplicaUpdate> {
    const { mesh: { roster, identity } } = this.#parts;
    let wasRefused = false;
    let retryAfterMs: number | undefined;
    for (const { nodeId } of this.views().toSorted((a, b) => Number(b.isAlive) - Number(a.isAlive))) {
      if (nodeId === identity.id || roster.get(nodeId) === undefined) continue;
      const answer = await this.#requests.ask(nodeId, () => request);
      if (answer === undefined || answer === "unsent") continue;
      if (answer.kind === "done" && answer.update !== undefined) return answer.update;
      wasRefused = true;
      if (answer.kind === "refused") retryAfterMs ??= answer.retryAfterMs;
    }
    if (retryAfterMs !== undefined) throw new TooOftenError(retryAfterMs);
    if (wasRefused) throw new InvalidRequestError(`Cannot ${what}: the leader refused`);
    throw new UnreachableError(`Cannot ${what}: no leader answers`, {
      hint: what === "leave"
        ? "Run the same again when one of them is back; --force leaves without one."
        : "weft leader list shows who leads; run the same again when one of them is back.",
      retryable: true,
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#timer.set(undefined);
    this.#requests.close();
  }

  async #resign(what = "demote this node"): Promise<void> {
    const { leadership, roster, identity, replica } = this.#parts.mesh;
    const others = this.views().filter(({ nodeId, isAlive }) => isAlive && nodeId !== identity.id);
    const heir = others[0] && roster.get(others[0].nodeId)?.record;
    if (heir === undefined) {
      throw new InvalidRequestError(`Cannot ${what}: this node is the only leader that lives`, {
        hint: "weft leader promote NODE makes another one first.",
      });
    }
    await this.#ask(heir, () => {
      const { slices, records: update } = leadership.handOver(heir);
      return { kind: "handover", slices, update };
    }, "hand over to");
    const { audit } = leadership;
    replica.publish(audit?.as({ kind: "operator" }, () => leadership.resign()) ?? leadership.resign());
  }

  /** @throws UnreachableError, InvalidRequestError when it refused */
  async #ask(
    record: MemberRecord,
    request: () => MemberRequest,
    what: string,
  ): Promise<Extract<MemberAnswer, { kind: "done" }>> {
    const answer = await this.#requests.ask(record.nodeId, request);
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
    const { mesh, messages, log } = this.#parts;
    const asker = mesh.roster.linkable(nodeId)?.record;
    if (asker === undefined) return;
    try {
      const { audit } = mesh.leadership;
      const { nodeId: id, name } = asker;
      const answering = () => this.#answer(asker, request);
      const { answer, update = NO_UPDATE } = audit?.as({ kind: "member", id, name }, answering) ??
        answering();
      const sent = messages.send(nodeId, { kind: "response", number, answer });
      mesh.replica.publish(update);
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
        const update = admission && signRotation(admission, asker, request.rotation);
        if (typeof update !== "object") return refused;
        if ("retryAfterMs" in update) return { answer: { kind: "refused", ...update } };
        return { answer: { kind: "done", update }, update };
      }
      case "claim": {
        const update = this.#grantClaim(asker, request.path);
        return update === undefined ? refused : { answer: { kind: "done", update }, update };
      }
      case "leave": {
        const revoked = admission?.revoke(asker.publicKey);
        if (revoked === undefined) return refused;
        const update = { ...NO_UPDATE, records: [revoked.signed] };
        return { answer: { kind: "done", update }, update };
      }
    }
  }

  /** @returns the member's record with the path, as it was when it has it already; undefined when it may not */
  #grantClaim(asker: MemberRecord, text: string): ReplicaUpdate | undefined {
    const { authority, mesh: { admission, roster } } = this.#parts;
    const path = TopicPath.tryParse(text);
    if (path === undefined || admission === undefined || !authority.mayClaim(asker.nodeId, path)) {
      return undefined;
    }
    const known = roster.signedRecord(asker.nodeId);
    if (authority.mayOffer(asker.nodeId, path) && known !== undefined) {
      return { ...NO_UPDATE, records: [known] };
    }
    const grants = addGrants(asker.grants, { claimed: [path.toString()] });
    const amended = areGrants(grants) ? admission.amend(asker, { grants }) : undefined;
    return typeof amended === "object" ? { ...NO_UPDATE, records: [amended.signed] } : undefined;
  }

  #mustLead(): void {
    const { role, roster } = this.#parts.mesh;
    if (role === "leader") return;
    const names = this.views().map(({ nodeId }) => roster.get(nodeId)?.record.name);
    throw new NotLeaderError("Cannot do that here: this node is no leader", {
      hint: `Do it on ${names.filter((name) => name !== undefined).join(" or ") || "the leader"}.`,
    });
  }

  /** Does what is due, says who is elected now, and waits for the next time. */
  #advance(): void {
    const { clock, messages, mesh: { roster, identity }, log, names } = this.#parts;
    if (this.#isClosed) return;
    this.#election.handleTimeout(clock.now());
    if (this.#election.pollHeartbeat(clock.now())) messages.broadcast({ kind: "heartbeat" });
    for (let event = this.#election.pollEvent(); event !== undefined; event = this.#election.pollEvent()) {
      const { elected } = event;
      names?.members.handleElection(elected);
      if (elected === undefined) log.warn("no leader is there");
      else {
        const name = roster.get(elected)?.record.name;
        log.info("leader elected", { name, self: elected === identity.id });
      }
    }
    this.#timer.set(this.#election.pollTimeout());
  }
}

/** @returns both records and the statement under the new keys, or why not */
function signRotation(
  admission: NonNullable<MeshState["admission"]>,
  record: MemberRecord,
  rotation: KeyRotation,
) {
  const both = admission.rotate(record, rotation);
  if (typeof both === "string" || "retryAfterMs" in both) return both;
  const statements = rotation.statement === undefined ? [] : [rotation.statement];
  return { ...NO_UPDATE, records: both.map(({ signed }) => signed), statements };
}
