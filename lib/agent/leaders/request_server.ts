/**
 * What a node answers to members that ask it for what leaders do.
 * @module
 */

import {
  type MemberAnswer,
  type MemberRecord,
  type MemberRequest,
  NO_UPDATE,
  type NodeId,
  type Signed,
} from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { MessagePlane } from "../links/mod.ts";
import { PAUSE_MS } from "./elected_claims.ts";
import { signRotation } from "./member_care.ts";
import type { PathClaims } from "./path_claims.ts";
import type { EndpointServer, LeaderAct } from "./repeated_request.ts";
import { serveTokenUse } from "./token_uses.ts";

/** What it acts on, and by what it answers. */
interface RequestServerParts extends Pick<AgentContext, "mesh" | "log"> {
  readonly messages: Pick<MessagePlane, "send">;
  readonly claims: PathClaims;
  /** Has the elected leader decide about a claim; undefined when this leader is to. */
  readonly decideByElected: (nodeId: NodeId, path: string) => Promise<MemberAnswer | undefined>;
  /** Signs endpoints of overlay networks. */
  readonly overlayEndpoints: EndpointServer;
  /** Says what this leader hands out, after that has changed. */
  readonly settleSlices: () => void;
  /** Whether this leader counts for others. */
  readonly isElected: () => boolean;
}

/** Serves members, and leaders that want this node to lead or not to. */
export class RequestServer {
  readonly #parts: RequestServerParts;

  constructor(parts: RequestServerParts) {
    this.#parts = parts;
  }

  /** Answers one request, before anything is published: what is published may end the link. */
  async serve(nodeId: NodeId, number: number, request: MemberRequest): Promise<void> {
    const { mesh, messages, log, claims } = this.#parts;
    // One that has left asks again when it has not heard that.
    const asker = mesh.roster.linkable(nodeId)?.record ??
      (request.kind === "leave" ? this.#removed(nodeId) : undefined);
    if (asker === undefined) return;
    const isClaim = request.kind === "claim" || request.kind === "member-claim";
    const claimant = this.#claimant(asker, request);
    if (isClaim && !claims.allows(claimant.nodeId)) return;
    try {
      const { answer, update = NO_UPDATE } = await this.#decided(asker, request) ??
        this.#act(asker, claimant, request);
      if (isClaim && answer.kind === "refused") {
        await messages.send(nodeId, { kind: "roster-update", update: claims.owners(request.path) });
      }
      const sent = messages.send(nodeId, { kind: "response", number, answer });
      mesh.replica.publish(update);
      await sent;
      log.info("asked by a member", { from: asker.name, request: request.kind, answer: answer.kind });
    } catch (error) {
      log.error("cannot answer a member", { from: asker.name, error });
    }
  }

  /** Whom a request is for: a leader asks for members, too. */
  #claimant(asker: MemberRecord, request: MemberRequest): MemberRecord {
    if (request.kind !== "member-claim" || !asker.roles.includes("leader")) return asker;
    return this.#parts.mesh.roster.linkable(request.nodeId)?.record ?? asker;
  }

  /** @returns what the elected leader has decided; undefined when this one is to */
  async #decided(asker: MemberRecord, request: MemberRequest): Promise<LeaderAct | undefined> {
    const { claims, decideByElected, mesh: { admission } } = this.#parts;
    if (request.kind !== "claim" || admission === undefined) return undefined;
    const answer = claims.isOpen(asker, request.path)
      ? await decideByElected(asker.nodeId, request.path)
      : undefined;
    return answer && { answer };
  }

  #act(asker: MemberRecord, { nodeId: id, name }: MemberRecord, request: MemberRequest): LeaderAct {
    const { audit } = this.#parts.mesh.leadership;
    const answering = () => this.#answer(asker, request);
    return audit?.as({ kind: "member", id, name }, answering) ?? answering();
  }

  #removed(nodeId: NodeId): MemberRecord | undefined {
    const { roster } = this.#parts.mesh;
    const record = roster.recordById(nodeId);
    return record !== undefined && roster.isRemoved(record) ? record : undefined;
  }

  /** All that says that a member is none any more, under whichever of its keys. */
  #removal({ nodeId, publicKey }: MemberRecord): readonly Signed[] {
    const { roster } = this.#parts.mesh;
    const own = roster.signedRecord(nodeId);
    const signed = [
      ...own === undefined ? [] : [own],
      ...roster.chainOf(publicKey).map((each) => each.signed),
    ];
    return [...new Set(signed)];
  }

  #answer(asker: MemberRecord, request: MemberRequest): LeaderAct {
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
        leadership.take(request.slices, request.update, asker);
        this.#parts.settleSlices();
        return { answer: { kind: "done" } };
      case "rotation": {
        const update = admission && signRotation(admission, asker, request.rotation);
        if (typeof update !== "object") return refused;
        if ("retryAfterMs" in update) return { answer: { kind: "refused", ...update } };
        return { answer: { kind: "done", update }, update };
      }
      case "claim":
        return this.#grant(asker.nodeId, request.path);
      case "member-claim":
        if (!isLeader) return refused;
        // Both will soon agree who is.
        if (!this.#parts.isElected()) return { answer: { kind: "refused", retryAfterMs: PAUSE_MS } };
        return this.#grant(request.nodeId, request.path);
      case "leave": {
        if (this.#removed(asker.nodeId) !== undefined) {
          return { answer: { kind: "done", update: { ...NO_UPDATE, records: this.#removal(asker) } } };
        }
        const revoked = admission?.revoke(asker.publicKey, true);
        if (revoked === undefined) return refused;
        const update = { ...NO_UPDATE, records: [revoked.signed] };
        return { answer: { kind: "done", update }, update };
      }
      case "token-use":
        return serveTokenUse(this.#parts.mesh, asker, { ...request, isElected: this.#parts.isElected() });
      case "endpoint":
        return admission === undefined ? refused : this.#parts.overlayEndpoints.serve(asker, request.request);
    }
  }
  /** By the newest record: another one may have come while the elected leader was asked. */
  #grant(nodeId: NodeId, path: string): LeaderAct {
    const { claims, mesh: { roster } } = this.#parts;
    const record = roster.linkable(nodeId)?.record;
    const update = record && claims.grant(record, path);
    return update === undefined
      ? { answer: { kind: "refused" } }
      : { answer: { kind: "done", update }, update };
  }
}
