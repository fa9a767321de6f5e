/**
 * Claims of paths that come to another leader than the elected one, which decides them: of two that are made within a moment
 * one is refused. When the elected one has not answered by 1.5 s, the leader that was asked decides by what it knows itself.
 *
 *     member ── claim: path ──► leader ── member-claim: path, member ──► elected leader: signs
 *     member ◄── the answer, with the member's record ── leader ◄──────────────────────┘
 *
 * What remains: while leaders can't reach each other, or see another one elected within the same moment, two of them may
 * each decide, and two members have the path then. `weft grant` on a leader settles it.
 *
 * @module
 */

import { sleep, withTimeout } from "../../base/mod.ts";
import { type MemberAnswer, NO_UPDATE, type NodeId, type ReplicaUpdate } from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";

/** How long the elected leader is asked; a member asks its next leader after 2 s. */
const WAIT_MS = 1_500;
/** Between two tries: when it can't be reached, or does not know yet that it is elected. */
export const PAUSE_MS = 250;

/** Whom this leader asks. */
export interface ElectedClaimParts extends Pick<AgentContext, "mesh" | "clock" | "timers"> {
  elected(): NodeId | undefined;
  /** @param before what the other is to know first */
  ask(
    leader: NodeId,
    asked: { readonly kind: "member-claim"; readonly path: string; readonly nodeId: NodeId },
    before: ReplicaUpdate,
  ): Promise<MemberAnswer | undefined>;
}

/**
 * Has the elected leader decide whether a member gets a path.
 * @returns its answer; undefined when this leader is to decide: it is elected itself, none is, or that one is away
 */
export async function decideByElected(
  { mesh, clock, timers, elected, ask }: ElectedClaimParts,
  nodeId: NodeId,
  path: string,
): Promise<MemberAnswer | undefined> {
  const until = clock.now() + WAIT_MS;
  for (let leftMs = WAIT_MS; leftMs > 0; leftMs = until - clock.now()) {
    const leader = elected();
    if (leader === undefined || leader === mesh.identity.id) return undefined;
    const known = mesh.roster.signedRecord(nodeId);
    const before = { ...NO_UPDATE, records: known === undefined ? [] : [known] };
    const asked = ask(leader, { kind: "member-claim", path, nodeId }, before);
    const answer = await withTimeout(timers, leftMs, asked);
    if (answer?.kind === "done") return answer;
    if (answer !== undefined && answer.retryAfterMs === undefined) return answer;
    await sleep(timers, PAUSE_MS, new AbortController().signal);
  }
  return undefined;
}
