/**
 * Requests to other members, and their answers.
 * @module
 */

import { type Timers, withTimeout } from "../../base/mod.ts";
import type { MemberAnswer, MemberRequest, NodeId } from "../../mesh/mod.ts";
import type { MessagePlane } from "../links/mod.ts";

/** What comes to the same when it is asked twice. */
const REPEATABLE: ReadonlySet<MemberRequest["kind"]> = new Set([
  "claim",
  "member-claim",
  "endpoint",
  "token-use",
  "leave",
  "handover",
]);
/** How long an answer of a member may take. */
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * What came of a request: `unsent` when the member cannot be reached, `lost` when the link of one that may be sent again has
 * ended, undefined when it was not answered in time.
 */
export type RequestOutcome = MemberAnswer | "unsent" | "lost" | undefined;

interface WaitingRequest {
  readonly nodeId: NodeId;
  readonly kind: MemberRequest["kind"];
  answer(answer?: MemberAnswer | "lost"): void;
}

/** Asks members for something, and knows their answers by numbers. */
export class MemberRequests {
  readonly #messages: Pick<MessagePlane, "reach" | "send">;
  readonly #timers: Timers;
  readonly #waiting = new Map<number, WaitingRequest>();
  readonly #end = new AbortController();
  #lastNumber = 0;

  constructor(messages: Pick<MessagePlane, "reach" | "send">, timers: Timers) {
    this.#messages = messages;
    this.#timers = timers;
  }

  /** Fires when nothing is answered any more. */
  get ended(): AbortSignal {
    return this.#end.signal;
  }

  /**
   * @param request called when the member can be reached, and not before: making one may change the state
   * @returns the answer, or why there is none
   */
  async ask(
    nodeId: NodeId,
    request: () => MemberRequest,
    timeoutMs: number = ANSWER_TIMEOUT_MS,
  ): Promise<RequestOutcome> {
    const number = ++this.#lastNumber;
    const { promise, resolve } = Promise.withResolvers<MemberAnswer | "lost" | undefined>();
    if (!await this.#messages.reach(nodeId)) return "unsent";
    try {
      const asked = request();
      this.#waiting.set(number, { nodeId, kind: asked.kind, answer: resolve });
      const sent = await this.#messages.send(nodeId, { kind: "request", number, request: asked });
      if (!sent) return "unsent";
      return await withTimeout(this.#timers, timeoutMs, promise);
    } finally {
      this.#waiting.delete(number);
    }
  }

  /** Takes an answer in; one that nobody waits for, or from another member, is left alone. */
  handleAnswer(nodeId: NodeId, number: number, answer: MemberAnswer): void {
    const waiting = this.#waiting.get(number);
    if (waiting?.nodeId === nodeId) waiting.answer(answer);
  }

  /** A link to a member has ended, and with it what was on its way: what comes to the same may be asked again. */
  handleLinkClosed(nodeId: NodeId): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.nodeId === nodeId && REPEATABLE.has(waiting.kind)) waiting.answer("lost");
    }
  }

  /** Ends all requests without an answer. */
  close(): void {
    this.#end.abort();
    for (const { answer } of this.#waiting.values()) answer(undefined);
  }
}
