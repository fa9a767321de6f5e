/**
 * What members may ask leaders more than once, since it comes to the same: service paths, endpoints, uses of tokens.
 * @module
 */

import { sleep } from "../../base/mod.ts";
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

/**
 * How long leaders are asked for somebody who waits: a node that has just started again gets its links within some seconds,
 * and a link to what it was before is given up meanwhile.
 */
export const PATIENCE_MS = 10_000;
/** Between two rounds of all leaders, at first and at most. */
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 1_000;

/** What is answered, and what others are sent. */
export interface LeaderAct {
  readonly answer: MemberAnswer;
  readonly update?: ReplicaUpdate;
}

/** What a leader does with requests about endpoints of overlay networks. */
export interface EndpointServer {
  serve(asker: MemberRecord, request: EndpointRequest): LeaderAct;
}

/** What asking leaders takes. */
export interface AskingParts extends Pick<AgentContext, "mesh"> {
  readonly messages: Pick<MessagePlane, "send">;
  readonly requests: Pick<MemberRequests, "ask" | "ended">;
}

/**
 * Asks leaders one after the other, and takes in what one answers.
 * @param before what they are to know first, beside this node's record
 * @returns the first answer; undefined when none answers
 */
export async function askAgain(
  { mesh: { roster, replica, identity }, messages, requests }: AskingParts,
  leaders: readonly NodeId[],
  asked: MemberRequest,
  before: ReplicaUpdate = NO_UPDATE,
): Promise<MemberAnswer | undefined> {
  for (const nodeId of leaders) {
    const request = (): MemberRequest => {
      // One that does not know the newest record yet would sign another in the place of what a former one gave.
      const own = roster.signedRecord(identity.id);
      const records = [...new Set([...before.records, ...own === undefined ? [] : [own]])];
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

/**
 * Asks leaders until one answers, for 10 s at most and one round more: what somebody asks for who has just started this node
 * again is not to fail for a link that is there a moment later.
 * @param leaders who they are, at each round
 * @returns the first answer; undefined when none answers, and when there are no leaders or this node stops
 */
export async function askPatiently(
  parts: AskingParts & Pick<AgentContext, "clock" | "timers" | "log">,
  leaders: () => readonly NodeId[],
  asked: MemberRequest,
): Promise<MemberAnswer | undefined> {
  const { clock, timers, log, requests: { ended } } = parts;
  const until = clock.now() + PATIENCE_MS;
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    const present = leaders();
    const answer = await askAgain(parts, present, asked);
    if (answer !== undefined || present.length === 0) return answer;
    const leftMs = until - clock.now();
    if (ended.aborted || leftMs <= 0) return undefined;
    log.info("no leader answers yet, and they are asked again", { request: asked.kind, leftMs });
    await sleep(timers, pauseMs, ended);
  }
}
