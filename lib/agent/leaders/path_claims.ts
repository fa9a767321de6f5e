/**
 * Service paths for whoever is the first to ask a leader: the elected one decides, and another one only while that is away
 * (`decideByElected`). Two leaders that can't reach each other, or see another one elected within the same moment, may each
 * let somebody have the same path: then both have it, as both records say, until a leader takes it from one of them.
 * @module
 */

import { KeyedRateLimiter } from "../../base/mod.ts";
import { type MemberRecord, NO_UPDATE, type NodeId, type ReplicaUpdate } from "../../mesh/mod.ts";
import { TopicPath } from "../../service/mod.ts";
import type { AgentContext } from "../agent_context.ts";

/** How often one member may ask: as often as it may have paths, and then once in 5 s. */
const PER_MEMBER = { burst: 32, everyMs: 5_000, maxSources: 4_096 };
/** How often all of them may together. */
const IN_TOTAL = { burst: 256, everyMs: 20, maxSources: 1 };

/** So many of those who have a path are named to whoever is refused it. */
const MAX_OWNERS = 4;

/** What a leader does with claims. */
export class PathClaims {
  readonly #context: Pick<AgentContext, "mesh" | "authority" | "clock">;
  readonly #perMember = new KeyedRateLimiter(PER_MEMBER);
  readonly #inTotal = new KeyedRateLimiter(IN_TOTAL);

  constructor(context: Pick<AgentContext, "mesh" | "authority" | "clock">) {
    this.#context = context;
  }

  /** Whether a member's claim is looked at at all; one that is not is left without an answer, and comes again. */
  allows(nodeId: NodeId): boolean {
    const now = this.#context.clock.now();
    return this.#perMember.allows(now, nodeId) && this.#inTotal.allows(now, "");
  }

  /** Whether a member may have a path that it does not have yet, as far as this leader knows. */
  isOpen({ nodeId }: MemberRecord, text: string): boolean {
    const { authority } = this.#context;
    const path = TopicPath.tryParse(text);
    return path !== undefined && !authority.ownersOf(path).has(nodeId) && authority.mayClaim(nodeId, path);
  }

  /** @returns the member's record with the path, as it was when it has it already; undefined when it may not */
  grant(asker: MemberRecord, text: string): ReplicaUpdate | undefined {
    const { authority, mesh: { admission, roster } } = this.#context;
    const path = TopicPath.tryParse(text);
    if (path === undefined || admission === undefined) return undefined;
    const mayOffer = authority.mayOffer(asker.nodeId, path);
    const known = roster.signedRecord(asker.nodeId);
    const isSettled = authority.ownersOf(path).has(asker.nodeId) || !asker.roles.includes("leader");
    if (mayOffer && isSettled && known !== undefined) return { ...NO_UPDATE, records: [known] };
    if (!authority.mayClaim(asker.nodeId, path)) return undefined;
    const claimed = admission.claim(asker, path.toString());
    return typeof claimed === "object" ? { ...NO_UPDATE, records: [claimed.signed] } : undefined;
  }

  /** @returns the records of those who have a path, for whoever was refused it to say who that is */
  owners(text: string): ReplicaUpdate {
    const { authority, mesh: { roster } } = this.#context;
    const path = TopicPath.tryParse(text);
    const owners = path === undefined ? [] : [...authority.ownersAbove(path)].slice(0, MAX_OWNERS);
    const records = owners.map((nodeId) => roster.signedRecord(nodeId)).filter((one) => one !== undefined);
    return { ...NO_UPDATE, records };
  }
}
