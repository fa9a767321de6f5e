/**
 * What a node answers to members that ask it for what leaders do.
 * @module
 */

import {
  type MemberRecord,
  type MemberRequest,
  NO_UPDATE,
  type NodeId,
  type Signed,
} from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { MessagePlane } from "../links/mod.ts";
import { signRotation } from "./member_care.ts";
import type { PathClaims } from "./path_claims.ts";
import type { EndpointServer, LeaderAct } from "./repeated_request.ts";
import { serveTokenUse } from "./token_uses.ts";

/** What it acts on, and by what it answers. */
interface RequestServerParts extends Pick<AgentContext, "mesh" | "log"> {
  readonly messages: Pick<MessagePlane, "send">;
  readonly claims: PathClaims;
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
    if (asker === undefined || (request.kind === "claim" && !claims.allows(nodeId))) return;
    try {
      const { audit } = mesh.leadership;
      const { nodeId: id, name } = asker;
      const answering = () => this.#answer(asker, request);
      const { answer, update = NO_UPDATE } = audit?.as({ kind: "member", id, name }, answering) ??
        answering();
      if (request.kind === "claim" && answer.kind === "refused") {
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
      case "claim": {
        const update = this.#parts.claims.grant(asker, request.path);
        return update === undefined ? refused : { answer: { kind: "done", update }, update };
      }
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
}
