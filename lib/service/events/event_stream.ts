/**
 * Events as a stream to read in a loop.
 * @module
 */

import type { ServiceEvent } from "../service_event.ts";
import type { SubscriptionReach } from "./subscribe_options.ts";
import type { Subscription } from "./subscription.ts";

/** The events of one subscription; reading it drives nothing else, and whoever does not read loses the oldest. */
export interface EventStream extends AsyncIterableIterator<ServiceEvent>, AsyncDisposable {
  /** As that of a subscription: resolves when it is live at all nodes that are linked now. */
  readonly ready: Promise<SubscriptionReach>;
  /** Events that were dropped because nobody read them. */
  readonly dropped: number;
}

/** @param subscribe makes a subscription, whose events are taken from it */
export function streamEvents(subscribe: (onEvent: () => void) => Subscription): EventStream {
  const readers: ((result: IteratorResult<ServiceEvent>) => void)[] = [];
  let isEnded = false;
  const give = () => {
    const reader = readers.shift();
    const value = reader && subscription.take();
    if (value !== undefined) reader?.({ done: false, value });
  };
  const subscription = subscribe(give);
  const end = (): Promise<IteratorResult<ServiceEvent>> => {
    isEnded = true;
    subscription.unsubscribe();
    for (const reader of readers.splice(0)) reader({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  };
  return {
    get ready() {
      return subscription.ready;
    },
    get dropped() {
      return subscription.dropped;
    },
    next() {
      const value = subscription.take();
      if (value !== undefined) return Promise.resolve({ done: false, value });
      if (isEnded) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve) => readers.push(resolve));
    },
    return: end,
    async [Symbol.asyncDispose]() {
      await end();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
