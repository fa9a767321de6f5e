/**
 * Leaders among themselves, on every node: who is elected, who is promoted and demoted, whose record is renewed.
 * @module
 */

import {
  type KeyRotation,
  type LeaderView,
  type Member,
  type MemberAnswer,
  type MemberRecord,
  type MemberRequest,
  NO_UPDATE,
  type NodeId,
  type RecoveryContent,
  type ReplicaUpdate,
  SLICE_KIND,
} from "../../mesh/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { ClaimOutcome, TopicPath } from "../../service/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { InvalidRequestError, NotLeaderError, TooOftenError, UnreachableError } from "../errors.ts";
import type { LeaderMessage, MessagePlane } from "../links/mod.ts";
import type { NameService } from "../names/mod.ts";
import { LeaderWatch } from "./leader_watch.ts";
import { attributed, leaveMark, removeGone, renewDefaults, signRotation } from "./member_care.ts";
import { MemberRequests } from "./member_requests.ts";
import { PathClaims } from "./path_claims.ts";
import { Recovery } from "./recovery.ts";
import { askAgain, type EndpointServer } from "./repeated_request.ts";
import { RequestServer } from "./request_server.ts";
import { countUse, type UseCount } from "./token_uses.ts";

/** The links that it uses, and what is called after an election. */
interface LeaderCoordinatorParts
  extends Pick<AgentContext, "mesh" | "authority" | "clock" | "timers" | "log"> {
  readonly messages: MessagePlane;
  /** The elected one is `leader` there. */
  readonly names: NameService | undefined;
  /** Signs endpoints of overlay networks. */
  readonly overlayEndpoints: EndpointServer;
}

/** Drives the election, and asks and answers for leaders. */
export class LeaderCoordinator {
  readonly #requests: MemberRequests;
  readonly #parts: LeaderCoordinatorParts;
  readonly #watch: LeaderWatch;
  readonly #claims: PathClaims;
  readonly #server: RequestServer;
  readonly #recovery: Recovery;
  #unsubscribe: () => void = () => {};
  #isSettling = false;

  constructor(parts: LeaderCoordinatorParts) {
    this.#parts = parts;
    this.#requests = new MemberRequests(parts.messages, parts.timers);
    this.#watch = new LeaderWatch({ ...parts, onElected: (elected) => this.#announce(elected) });
    this.#claims = new PathClaims(parts);
    this.#server = new RequestServer({
      ...parts,
      claims: this.#claims,
      settleSlices: () => this.settleSlices(),
      isElected: () => this.elected === parts.mesh.identity.id,
    });
    this.#recovery = new Recovery({ ...parts, views: () => this.views() });
  }

  /** The elected leader; undefined when none lives. */
  get elected(): NodeId | undefined {
    return this.#watch.elected;
  }

  /** @returns all leaders, the highest id first */
  views(): readonly LeaderView[] {
    return this.#watch.views();
  }

  /** Begins to follow the election, and to send heartbeats if this node leads. */
  start(): void {
    const { mesh: { admission, record, replica }, clock } = this.#parts;
    // No other leader may be there to renew it.
    if (admission !== undefined && !record.revoked && record.expiresAt <= clock.wall()) this.renew(record);
    this.#unsubscribe = replica.subscribe({
      handleMembersChange: () => this.#followLeaders(),
      handleEntryEvent: ({ kind }) => kind === SLICE_KIND && this.settleSlices(),
    });
    this.#followLeaders();
  }

  #followLeaders(): void {
    const { mesh: { roster, replica, leadership }, log } = this.#parts;
    if (leadership.yield()) log.warn("this node leads no more: another leader has demoted it");
    const { admission } = this.#parts.mesh;
    const redone = admission?.redoMissed() ?? [];
    // What members miss is for leaders to sign.
    if (admission === undefined) roster.takeMissed();
    // The elected one alone: two that see each other would call somebody two things.
    const named = this.elected === this.#parts.mesh.identity.id ? admission?.settleNames() ?? [] : [];
    const records = [...redone, ...named].map(({ signed }) => signed);
    if (records.length > 0) replica.publish({ ...NO_UPDATE, records });
    const leaders = roster.liveRecords().filter(({ roles }) => roles.includes("leader"));
    this.#watch.setLeaders(leaders.map(({ nodeId }) => nodeId).toArray());
    this.settleSlices();
  }

  /** Says what this leader hands out, and takes what is nobody's if it is elected; early and repeated calls are harmless. */
  settleSlices(): void {
    const { mesh: { leadership, replica, identity } } = this.#parts;
    // What it publishes is an event of the kind that calls it.
    if (this.#isSettling) return;
    this.#isSettling = true;
    try {
      const mayClaim = this.elected === identity.id && !this.#recovery.isHoldingBack;
      const update = leadership.settleSlices(mayClaim);
      if (update.entries.length > 0) replica.publish(update);
    } finally {
      this.#isSettling = false;
    }
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
    this.#recovery.settle();
    this.settleSlices();
    if (admission === undefined || this.elected !== identity.id) return;
    const renewed = [
      ...admission.settleNames(),
      ...admission.renewDue((nodeId) => nodeId === identity.id || messages.links.get(nodeId) !== undefined),
    ];
    const entries = [...renewDefaults(this.#parts.mesh), ...leaveMark(this.#parts.mesh)];
    if (renewed.length === 0 && entries.length === 0) return;
    replica.publish({ ...NO_UPDATE, records: renewed.map(({ signed }) => signed), entries });
  }

  /** Handles what a member sends to or as a leader. */
  handleMessage(nodeId: NodeId, message: LeaderMessage): void {
    if (message.kind === "response") {
      return this.#requests.handleAnswer(nodeId, message.number, message.answer);
    }
    if (message.kind === "request") return void this.#server.serve(nodeId, message.number, message.request);
    this.#watch.handleHeartbeat(nodeId);
  }

  /**
   * Makes a member a leader.
   * @throws NotLeaderError, InvalidRequestError, UnreachableError
   */
  async promote({ record }: Member): Promise<void> {
    const { mesh: { leadership }, log } = this.#parts;
    this.#mustLead();
    if (record.verifyingKey === undefined) throw cannot(`promote ${record.name}: it runs no weft`);
    if (record.roles.includes("leader")) throw cannot(`promote ${record.name}: it is a leader already`);
    const { mesh } = this.#parts;
    let wasAsked = false;
    const promotion = () => {
      wasAsked = true;
      return leadership.promote(record);
    };
    await attributed(mesh, record, () => this.#ask(record, promotion, "promote")).catch((error) => {
      // Who does not answer may have taken what was set aside for it.
      if (error instanceof InvalidRequestError) mesh.replica.publish(leadership.withdraw(record));
      // And must not lead after all when this was told to have failed.
      const update = error instanceof UnreachableError && wasAsked ? leadership.takeBack(record) : NO_UPDATE;
      if (update === undefined) return;
      mesh.replica.publish(update);
      throw error;
    });
    leadership.settle(record);
    log.info("promoted", { name: record.name });
  }

  /**
   * Makes a leader an ordinary member; its addresses go to this one, or to another leader when it is this one. One that is
   * dead is not asked: it learns that it leads no more when it comes back.
   * @throws NotLeaderError, InvalidRequestError, UnreachableError
   */
  async demote({ record }: Member): Promise<void> {
    const { mesh: { leadership, identity, replica }, log } = this.#parts;
    this.#mustLead();
    if (!record.roles.includes("leader")) throw cannot(`demote ${record.name}: it is no leader`);
    const isDead = this.views().some(({ nodeId, isAlive }) => nodeId === record.nodeId && !isAlive);
    if (record.nodeId === identity.id) await this.#resign();
    else if (isDead) this.#depose(record);
    else {
      const asked = () => this.#ask(record, () => ({ kind: "demotion" }), "demote");
      const { slices, update } = await attributed(this.#parts.mesh, record, asked);
      if (slices !== undefined) leadership.take(slices, update, record);
      this.settleSlices();
      replica.deliverEvents();
    }
    log.info("demoted", { name: record.name });
  }

  /**
   * Makes this node a leader by what a recovery file holds.
   * @returns the names of other leaders that are there
   * @throws OtherNetworkError when the file is of another network, RemovedError
   */
  recover(content: RecoveryContent): readonly string[] {
    return this.#recovery.recover(content);
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
   * Removes machines that this leader let in and that never came; on the elected leader also ephemeral members that have
   * been away for too long.
   * @param isHealthy whether a member answers by the tunnel; who has a link is not away in any case
   */
  removeAbsent(isHealthy: (nodeId: NodeId) => boolean): void {
    const { mesh, messages, log } = this.#parts;
    const isHere = (nodeId: NodeId) => messages.links.get(nodeId) !== undefined || isHealthy(nodeId);
    removeGone(mesh, isHere, { isElected: this.elected === mesh.identity.id, log });
  }

  /**
   * Asks to be who offers a service path, unless this node may do so already: the elected leader first. A leader lets itself
   * have what is nobody's, and may offer what is somebody's.
   */
  async claim(path: TopicPath): Promise<ClaimOutcome> {
    const { mesh: { admission, replica, record, identity }, authority } = this.#parts;
    const text = path.toString();
    if (admission !== undefined) {
      const update = authority.ownersOf(path).has(identity.id) ? undefined : this.#claims.grant(record, text);
      if (update !== undefined) replica.publish(update);
      return "granted";
    }
    if (authority.mayOffer(identity.id, path)) return "granted";
    const answer = await this.askAgain({ kind: "claim", path: text });
    if (answer === undefined) return "unanswered";
    return answer.kind === "done" && authority.mayOffer(identity.id, path) ? "granted" : "refused";
  }

  /**
   * Asks leaders for what may be asked twice, the elected one first, and takes in what they answer.
   * @returns the first answer; undefined when no leader answers
   */
  askAgain(asked: MemberRequest): Promise<MemberAnswer | undefined> {
    return askAgain({ ...this.#parts, requests: this.#requests }, this.#likelyLeaders(), asked);
  }

  /** Has the elected leader count a use of a token with a limit. @returns who has counted it */
  countUse(tokenId: string, publicKey: PublicKey): Promise<UseCount> {
    const parts = { ...this.#parts, requests: this.#requests };
    return countUse(
      {
        ...parts,
        elected: () => this.elected,
        ask: (leader, asked, before) => askAgain(parts, [leader], asked, before),
      },
      tokenId,
      publicKey,
    );
  }

  /** The elected one, then others that live, then those that may. */
  #likelyLeaders(): readonly NodeId[] {
    const { elected } = this;
    return this.views()
      .filter(({ nodeId }) => this.#parts.mesh.roster.get(nodeId) !== undefined)
      .map(({ nodeId, isAlive }) => ({ nodeId, rank: nodeId === elected ? 0 : isAlive ? 1 : 2 }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ nodeId }) => nodeId);
  }

  async #askLeaders(request: MemberRequest, what: string): Promise<ReplicaUpdate> {
    const { identity } = this.#parts.mesh;
    let wasRefused = false;
    let retryAfterMs: number | undefined;
    for (const nodeId of this.#likelyLeaders()) {
      if (nodeId === identity.id) continue;
      const answer = await this.#requests.ask(nodeId, () => request);
      if (typeof answer !== "object") continue;
      if (answer.kind === "done" && answer.update !== undefined) return answer.update;
      wasRefused = true;
      if (answer.kind === "refused") retryAfterMs ??= answer.retryAfterMs;
    }
    if (retryAfterMs !== undefined) throw new TooOftenError(retryAfterMs);
    if (wasRefused) throw new InvalidRequestError(`Cannot ${what}: the leader refused`);
    throw new UnreachableError(`Cannot ${what}: no leader answers`, {
      hint: what === "leave"
        ? "Run the same again when one of them is back; --force leaves without one."
        : "`weft leader list` shows who leads; run the same again when one of them is back.",
      retryable: true,
    });
  }

  /** There is a link to a member. */
  handleLink(nodeId: NodeId): void {
    this.#watch.handleLink(nodeId);
  }

  /** A member misses another one, or this node. */
  handleSuspicion(from: NodeId, about: NodeId): void {
    this.#watch.handleSuspicion(from, about);
  }

  /** This node misses a member. */
  handleMissed(): void {
    this.#watch.handleMissed();
  }

  /** A link to a member has ended. */
  handleLinkClosed(nodeId: NodeId): void {
    this.#requests.handleLinkClosed(nodeId);
    this.#watch.handleLinkClosed(nodeId);
  }

  close(): void {
    this.#unsubscribe();
    this.#watch.close();
    this.#requests.close();
  }

  #depose(record: MemberRecord): void {
    const { leadership, replica } = this.#parts.mesh;
    const deposing = () => leadership.depose(record);
    const update = leadership.audit?.as({ kind: "operator" }, deposing) ?? deposing();
    if (update === undefined) throw cannot(`demote ${record.name}: it is no member any more`);
    replica.publish(update);
  }

  async #resign(what = "demote this node"): Promise<void> {
    const { leadership, roster, identity, replica } = this.#parts.mesh;
    const others = this.views().filter(({ nodeId, isAlive }) => isAlive && nodeId !== identity.id);
    const heir = others[0] && roster.get(others[0].nodeId)?.record;
    if (heir === undefined) {
      throw new InvalidRequestError(`Cannot ${what}: this node is the only leader that lives`, {
        hint: "`weft leader promote NODE` makes another one first.",
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
    if (typeof answer !== "object") {
      throw new UnreachableError(`Cannot ${what} ${record.name}: it does not answer`, {
        hint: "`weft peers` shows when it was last heard; run the same again when it is back.",
        retryable: true,
      });
    }
    if (answer.kind === "done") return answer;
    throw new InvalidRequestError(`Cannot ${what} ${record.name}: it refused`, {
      hint: "`weft leader list` on that node shows whom it takes for a leader.",
    });
  }

  #mustLead(): void {
    const { role, roster } = this.#parts.mesh;
    if (role === "leader") return;
    const names = this.views().map(({ nodeId }) => roster.get(nodeId)?.record.name);
    throw new NotLeaderError("Cannot do that here: this node is no leader", {
      hint: `Do it on ${names.filter((name) => name !== undefined).join(" or ") || "the leader"}.`,
    });
  }

  /** Says who is elected now. */
  #announce(elected: NodeId | undefined): void {
    const { mesh: { roster, identity }, log, names } = this.#parts;
    names?.members.handleElection(elected);
    if (elected === undefined) return log.warn("no leader is there");
    const name = roster.get(elected)?.record.name;
    log.info("leader elected", { name, self: elected === identity.id });
  }
}

function cannot(what: string): InvalidRequestError {
  return new InvalidRequestError(`Cannot ${what}`, {
    hint: "`weft leader list` shows who leads, and `weft peers` the others.",
  });
}
