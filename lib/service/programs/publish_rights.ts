/**
 * What an attached program may publish, as its agent says. An event has no answer, so that is asked beside it.
 * @module
 */

import type { Clock, Millis } from "../../base/mod.ts";
import { CallError, failure } from "../errors.ts";
import type { PublishRight } from "../events/mod.ts";

/** How long an answer is good: so late a program learns of a change. */
const GOOD_FOR_MS = 2_000;
/** Of so many topics the answer is kept. */
const MAX_TOPICS = 1_024;

/** The agent's answers, each for a while. */
export class PublishRights {
  readonly #clock: Clock;
  readonly #ask: (topic: string) => Promise<unknown>;
  readonly #known = new Map<string, { readonly right: PublishRight; readonly until: Millis }>();

  /** @param ask asks the agent for a `PublishRight` */
  constructor(clock: Clock, ask: (topic: string) => Promise<unknown>) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /** @returns the answer, if there was one lately @throws CallError with code `Refused` */
  isKnown(topic: string): boolean {
    const known = this.#known.get(topic);
    if (known === undefined || known.until <= this.#clock.now()) return false;
    check(known.right);
    return true;
  }

  /** Asks the agent; one that does not answer forbids nothing. @throws CallError with code `Refused` */
  async ask(topic: string): Promise<void> {
    let right: PublishRight;
    try {
      right = await this.#ask(topic) as PublishRight;
    } catch {
      return;
    }
    if (this.#known.size >= MAX_TOPICS) this.#known.clear();
    this.#known.set(topic, { right, until: this.#clock.now() + GOOD_FOR_MS as Millis });
    check(right);
  }
}

function check({ refusal }: PublishRight): void {
  if (refusal === undefined) return;
  throw new CallError(failure("Refused", refusal.message), { hint: refusal.hint });
}
