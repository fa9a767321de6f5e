/**
 * Leaders among themselves, on every node: who is elected, who is promoted and demoted, whose record is renewed.
 * @module
 */

import {
  type LeaderView,
  type MemberAnswer,
  type MemberRecord,
  type MemberRequest,
  NO_UPDATE,
  type NodeId,
  type RecoveryContent,
  SLICE_KIND,
} from "../../mesh/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { ClaimOutcome, TopicPath } from "../../service/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { LeaderMessage, MessagePlane } from "../links/mod.ts";
import type { NameService } from "../names/mod.ts";
import { decideByElected } from "./elected_claims.ts";
import { LeaderActs } from "./leader_acts.ts";
import { LeaderWatch } from "./leader_watch.ts";
import { leaveMark, removeGone, renewDefaults } from "./member_care.ts";
import { MemberRequests } from "./member_requests.ts";
import { PathClaims } from "./path_claims.ts";
import { Recovery } from "./recovery.ts";
import { askAgain, askPatiently, type EndpointServer } from "./repeated_request.ts";
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
  /** What an operator has leaders do. */
  readonly acts: LeaderActs;
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
      decideByElected: (nodeId, path) => this.#decideByElected(nodeId, path),
      settleSlices: () => this.settleSlices(),
      isElected: () => this.elected === parts.mesh.identity.id,
    });
    this.#recovery = new Recovery({ ...parts, views: () => this.views() });
    this.acts = new LeaderActs({
      ...parts,
      requests: this.#requests,
      views: () => this.views(),
      likelyLeaders: () => this.#likelyLeaders(),
      settleSlices: () => this.settleSlices(),
    });
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
    const begun = leadership.takeOffer();
    if (begun !== undefined) {
      log.info("this node leads now");
      replica.publish(begun);
    }
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
   * Makes this node a leader by what a recovery file holds.
   * @returns the names of other leaders that are there
   * @throws OtherNetworkError when the file is of another network, RemovedError
   */
  recover(content: RecoveryContent): readonly string[] {
    return this.#recovery.recover(content);
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
   * Asks to be who offers a service path, unless this node may do so already: the elected leader first. A leader that is not
   * elected asks it as well, lets itself have what is nobody's when that one is away, and may offer what is somebody's.
   */
  async claim(path: TopicPath): Promise<ClaimOutcome> {
    const { mesh, authority } = this.#parts;
    const { replica, identity } = mesh;
    const text = path.toString();
    if (mesh.admission !== undefined) {
      if (!this.#claims.isOpen(mesh.record, text)) return "granted";
      if (await this.#decideByElected(identity.id, text) !== undefined) return "granted";
      const update = this.#claims.grant(mesh.record, text);
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

  /**
   * The same for somebody who waits: while no leader answers, all are asked again for some 10 s.
   * @returns the first answer; undefined when no leader answers by then
   */
  askPatiently(asked: MemberRequest): Promise<MemberAnswer | undefined> {
    return askPatiently({ ...this.#parts, requests: this.#requests }, () => this.#likelyLeaders(), asked);
  }

  #decideByElected(nodeId: NodeId, path: string): Promise<MemberAnswer | undefined> {
    const parts = { ...this.#parts, requests: this.#requests };
    return decideByElected(
      {
        ...parts,
        elected: () => this.elected,
        ask: (leader, asked, before) => askAgain(parts, [leader], asked, before),
      },
      nodeId,
      path,
    );
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
    this.acts.close();
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
