/**
 * Asking members for something, as leaders do and are asked.
 * @module
 */

import { type Timers, withTimeout } from "../../base/mod.ts";
import type { MemberAnswer, MemberRequest, NodeId } from "../../mesh/mod.ts";
import type { MessagePlane } from "../links/mod.ts";

/** How long an answer of a member may take. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Asks members for something, and knows their answers by numbers. */
export class MemberRequests {
  readonly #messages: Pick<MessagePlane, "reach" | "send">;
  readonly #timers: Timers;
  readonly #waiting = new Map<number, { readonly nodeId: NodeId; answer(answer?: MemberAnswer): void }>();
  #lastNumber = 0;

  constructor(messages: Pick<MessagePlane, "reach" | "send">, timers: Timers) {
    this.#messages = messages;
    this.#timers = timers;
  }

  /**
   * @param request called when the member can be reached, and not before: making one may change the state
   * @returns the answer; `unsent` when the member cannot be reached, undefined when it has not answered in 10 s
   */
  async ask(nodeId: NodeId, request: () => MemberRequest): Promise<MemberAnswer | "unsent" | undefined> {
    const number = ++this.#lastNumber;
    const { promise, resolve } = Promise.withResolvers<MemberAnswer | undefined>();
    if (!await this.#messages.reach(nodeId)) return "unsent";
    this.#waiting.set(number, { nodeId, answer: resolve });
    try {
      const sent = await this.#messages.send(nodeId, { kind: "request", number, request: request() });
      if (!sent) return "unsent";
      return await withTimeout(this.#timers, ANSWER_TIMEOUT_MS, promise);
    } finally {
      this.#waiting.delete(number);
    }
  }

  /** Takes an answer in; one that nobody waits for, or from another member, is left alone. */
  handleAnswer(nodeId: NodeId, number: number, answer: MemberAnswer): void {
    const waiting = this.#waiting.get(number);
    if (waiting?.nodeId === nodeId) waiting.answer(answer);
  }

  /** Ends all requests without an answer. */
  close(): void {
    for (const { answer } of this.#waiting.values()) answer(undefined);
  }
}
