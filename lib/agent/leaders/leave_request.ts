/**
 * Having this node removed by whichever leader answers. It is asked as often as it takes, and other leaders too: to be
 * removed twice comes to the same, and that it is done shows in this node's own record, whichever way that comes.
 *
 *     asked ──► done, with the record ──────────────────────► removed
 *       └─ no answer ──► asked again, or another leader ──────────▲
 *                   └──► it is called as one that is none any more ┘
 *
 * @module
 */

import { sleep } from "../../base/mod.ts";
import type { MeshState, NodeId } from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { MemberRequests } from "./member_requests.ts";

/** How long one leader's answer may take, before it or another one is asked again. */
const ANSWER_TIMEOUT_MS = 3_000;
/** How long it is asked again once somebody may have heard it. */
const GIVE_UP_MS = 15_000;
/** How long to wait before all are asked again. */
const PAUSE_MS = 300;

/** Who leaves, and whom it asks. */
export interface LeaveRequestParts extends Pick<AgentContext, "clock" | "timers"> {
  readonly mesh: Pick<MeshState, "roster" | "replica" | "record" | "identity">;
  readonly requests: Pick<MemberRequests, "ask">;
  /** @returns whom to ask now, who answers most likely first */
  likelyLeaders(): readonly NodeId[];
}

/**
 * What came of it: all leaders refuse; none was reached, so that none has heard it; or one may have heard it and has not
 * said so.
 */
export type LeaveOutcome = "removed" | "refused" | "unreached" | "unconfirmed";

/** Asks until this node is removed. @param signal ends it early, as if the time were over */
export async function askToLeave(parts: LeaveRequestParts, signal: AbortSignal): Promise<LeaveOutcome> {
  const { mesh, clock, timers, requests, likelyLeaders } = parts;
  const isRemoved = () => mesh.roster.isRemoved(mesh.record);
  const startedAt = clock.now();
  let mayHaveHeard = false;
  let wasRefused = false;
  for (;;) {
    for (const nodeId of likelyLeaders()) {
      if (isRemoved()) return "removed";
      if (nodeId === mesh.identity.id) continue;
      const answer = await requests.ask(nodeId, () => ({ kind: "leave" }), ANSWER_TIMEOUT_MS);
      if (typeof answer !== "object") mayHaveHeard ||= answer !== "unsent";
      else if (answer.kind === "refused") wasRefused = true;
      else if (answer.update !== undefined) mesh.replica.merge(answer.update);
    }
    mesh.replica.deliverEvents();
    if (isRemoved()) return "removed";
    if (!mayHaveHeard) return wasRefused ? "refused" : "unreached";
    if (signal.aborted || clock.now() - startedAt >= GIVE_UP_MS) return "unconfirmed";
    await sleep(timers, PAUSE_MS, signal);
  }
}
