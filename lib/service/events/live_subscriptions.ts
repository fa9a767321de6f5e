/**
 * Whether other nodes know of a subscription: the end that subscribes asks, the end that publishes answers.
 * @module
 */

import { withTimeout } from "../../base/mod.ts";
import { ActionError } from "../errors.ts";
import { isProgram, type PeerId } from "../ports.ts";
import type { NodeBase } from "../runtime_base.ts";
import type { SubscriptionReach } from "./subscribe_options.ts";
import { TopicPattern } from "../topics/mod.ts";

/** How long a subscription waits for the nodes that are linked. */
const READY_TIMEOUT_MS = 5_000;
/** How long a question waits at the other end before it is asked again. */
const HOLD_MS = 500;

/** What is asked. */
interface ListensQuestion {
  readonly pattern: string;
  readonly group: string;
}

/** What is answered. */
interface ListensAnswer {
  readonly isLive: boolean;
  /** Whether it will never be, since the asker may not hear that. */
  readonly isRefused?: true;
}

/** Asks and answers for one node. */
export class LiveSubscriptions {
  readonly #base: NodeBase;

  constructor(base: NodeBase) {
    this.#base = base;
  }

  /** @returns where a subscription of this node, or of one of its programs, is live */
  async confirm(pattern: TopicPattern, group: string): Promise<SubscriptionReach> {
    const { carrier, peers, timers } = this.#base;
    const question = { pattern: pattern.anonymous().toString(), group };
    const asked = carrier.links.linked().filter((peer) => !isProgram(peer));
    const answers = await Promise.all(asked.map(async (peer) => {
      const isLive = await withTimeout(timers, READY_TIMEOUT_MS, this.#isLiveAt(peer, question));
      return isLive === true ? undefined : peers.nameOf(peer) ?? peer;
    }));
    const missing = answers.filter((name) => name !== undefined);
    return { nodes: asked.length - missing.length, missing };
  }

  /** Answers a node whether its subscription is known here, and a program where its own is live. */
  async answer(params: unknown, caller: PeerId | undefined): Promise<ListensAnswer | SubscriptionReach> {
    const { pattern: text, group } = (params ?? {}) as Partial<ListensQuestion>;
    const pattern = TopicPattern.tryParse(String(text));
    if (pattern === undefined || typeof group !== "string" || caller === undefined) {
      throw new ActionError("InvalidParams", 'The parameters are {"pattern": "…", "group": "…"}');
    }
    const { programs, directory, peers, changes } = this.#base;
    if (isProgram(caller)) {
      await changes.until(() => programs.hears(caller, pattern, group), HOLD_MS);
      return await this.confirm(pattern, group);
    }
    if (!peers.maySubscribe(caller, pattern)) return { isLive: false, isRefused: true };
    return { isLive: await changes.until(() => directory.hears(caller, pattern, group), HOLD_MS) };
  }

  async #isLiveAt(peer: PeerId, question: ListensQuestion): Promise<boolean> {
    const { ask, clock, log } = this.#base;
    const until = clock.now() + READY_TIMEOUT_MS;
    while (clock.now() < until) {
      try {
        const { isLive, isRefused } = await ask(peer, "$events/listens", question) as ListensAnswer;
        if (isLive === true || isRefused === true) return isLive;
      } catch (error) {
        log.debug("a node does not say whether a subscription is live", { peer, error });
        return false;
      }
    }
    return false;
  }
}
