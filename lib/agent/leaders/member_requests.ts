/**
 * Asking one member for something, and waiting for its answer.
 * @module
 */

import type { Timers } from "../../base/mod.ts";
import type { MemberAnswer, MemberRequest, NodeId } from "../../mesh/mod.ts";
import type { MessagePlane } from "../links/mod.ts";

/** How long an answer may take. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Numbers requests, and knows answers by their numbers. */
export class MemberRequests {
  readonly #messages: Pick<MessagePlane, "reach" | "send">;
  readonly #timers: Timers;
  readonly #waiting = new Map<number, { readonly nodeId: NodeId; answer(answer?: MemberAnswer): void }>();
  #lastNumber = 0;

  constructor(messages: Pick<MessagePlane, "reach" | "send">, timers: Timers) {
    this.#messages = messages;
    this.#timers = timers;
  }

  /** @returns the answer; `unsent` when the member cannot be reached, undefined when it has not answered in 10 s */
  async ask(nodeId: NodeId, request: MemberRequest): Promise<MemberAnswer | "unsent" | undefined> {
    const number = ++this.#lastNumber;
    const { promise, resolve } = Promise.withResolvers<MemberAnswer | undefined>();
    if (!await this.#messages.reach(nodeId)) return "unsent";
    this.#waiting.set(number, { nodeId, answer: resolve });
    const cancelTimer = this.#timers.setTimer(ANSWER_TIMEOUT_MS, () => resolve(undefined));
    try {
      if (!await this.#messages.send(nodeId, { kind: "request", number, request })) return "unsent";
      return await promise;
    } finally {
      cancelTimer();
      this.#waiting.delete(number);
    }
  }

  /** Takes an answer in; one that nobody waits for, or from somebody else, is left alone. */
  handleAnswer(nodeId: NodeId, number: number, answer: MemberAnswer): void {
    const waiting = this.#waiting.get(number);
    if (waiting?.nodeId === nodeId) waiting.answer(answer);
  }

  /** Nobody waits any more. */
  close(): void {
    for (const { answer } of this.#waiting.values()) answer(undefined);
  }
}
