/**
 * Events as a stream to read, for whoever prefers a loop to a handler.
 * @module
 */

import { BoundedQueue } from "../../base/mod.ts";
import type { EventHandler, ServiceEvent } from "../definition/mod.ts";
import type { SubscriptionHandle } from "./subscription.ts";

/** The events of one subscription; reading it drives nothing else, and whoever does not read loses the oldest. */
export interface EventStream extends AsyncIterableIterator<ServiceEvent>, AsyncDisposable {
  /** Events that were dropped because nobody read them. */
  readonly dropped: number;
}

/**
 * @param subscribe makes the subscription
 * @param maxWaiting how many events wait to be read; then the oldest is dropped
 */
export function streamEvents(
  subscribe: (handler: EventHandler) => SubscriptionHandle,
  maxWaiting: number,
): EventStream {
  const waiting = new BoundedQueue<ServiceEvent>(maxWaiting);
  const readers: ((result: IteratorResult<ServiceEvent>) => void)[] = [];
  let dropped = 0;
  let isEnded = false;
  const subscription = subscribe((event) => {
    const reader = readers.shift();
    if (reader !== undefined) reader({ done: false, value: event });
    else if (waiting.push(event) !== undefined) dropped++;
  });
  const end = (): Promise<IteratorResult<ServiceEvent>> => {
    isEnded = true;
    subscription.unsubscribe();
    waiting.clear();
    for (const reader of readers.splice(0)) reader({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  };
  return {
    get dropped() {
      return dropped;
    },
    next() {
      const value = waiting.shift();
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
