/**
 * What members may ask leaders more than once, since it comes to the same: service paths, endpoints, uses of tokens.
 * @module
 */

import {
  type EndpointRequest,
  type MemberAnswer,
  type MemberRecord,
  type MemberRequest,
  NO_UPDATE,
  type NodeId,
  type ReplicaUpdate,
} from "../../mesh/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { MessagePlane } from "../links/mod.ts";
import type { MemberRequests, RequestOutcome } from "./member_requests.ts";

/** How long one leader's answer may take, before another one is asked. */
const TIMEOUT_MS = 2_000;
/** How often a request is sent whose link has ended: two nodes that dial each other keep one of two. */
export const MAX_SENDS = 3;

/** What is answered, and what others are sent. */
export interface LeaderAct {
  readonly answer: MemberAnswer;
  readonly update?: ReplicaUpdate;
}

/** What a leader does with requests about endpoints of overlay networks. */
export interface EndpointServer {
  serve(asker: MemberRecord, request: EndpointRequest): LeaderAct;
}

/**
 * Asks leaders one after the other, and takes in what one answers.
 * @param before what they are to know first, beside this node's record
 * @returns the first answer; undefined when none answers
 */
export async function askAgain(
  { mesh: { roster, replica, identity }, messages, requests }: Pick<AgentContext, "mesh"> & {
    readonly messages: MessagePlane;
    readonly requests: MemberRequests;
  },
  leaders: readonly NodeId[],
  asked: MemberRequest,
  before: ReplicaUpdate = NO_UPDATE,
): Promise<MemberAnswer | undefined> {
  for (const nodeId of leaders) {
    const request = (): MemberRequest => {
      // One that does not know the newest record yet would sign another in the place of what a former one gave.
      const records = [roster.signedRecord(identity.id)].filter((signed) => signed !== undefined);
      void messages.send(nodeId, { kind: "roster-update", update: { ...before, records } });
      return asked;
    };
    let answer: RequestOutcome = "lost";
    for (let sends = 0; answer === "lost" && sends < MAX_SENDS; sends++) {
      answer = await requests.ask(nodeId, request, TIMEOUT_MS);
    }
    if (typeof answer !== "object") continue;
    if (answer.kind === "done" && answer.update !== undefined) replica.merge(answer.update);
    replica.deliverEvents();
    return answer;
  }
  return undefined;
}
