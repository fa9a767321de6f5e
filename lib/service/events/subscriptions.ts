/**
 * The subscriptions of this program: delivery of events to their handlers, what waits for a handler, and events as a
 * stream to read in a loop.
 * @module
 */

import { BoundedQueue, isPrintable } from "../../base/mod.ts";
import type { PeerId } from "../ports.ts";
import { InvalidServiceError } from "../errors.ts";
import { type EventHandler, readCount, type ServiceEvent } from "../service_definition.ts";
import { decodeValue, MAX_TEXT, type WireValue } from "../wire/mod.ts";
import { showPath, type TopicPath, TopicPattern, TopicTrie } from "../topics/mod.ts";

/** How many events wait for a handler that is not ready, by default. */
export const DEFAULT_EVENT_QUEUE = 1_024;
/** How many topics a subscription remembers to know past events again. */
const MAX_REMEMBERED = 1_024;

/** What a subscriber may choose. */
export interface SubscribeOptions {
  /** Whether events that were published to be kept come first. */
  readonly includePast?: boolean;
  /** The service that it belongs to: of those with the same one, `one_per_service` reaches one. */
  readonly group?: string;
  /** How many of the handler's promises may be under way, 1 by default: then events come one after the other. */
  readonly concurrency?: number;
  /** How many events wait meanwhile, 1,024 by default; then the oldest is dropped. */
  readonly queue?: number;
}

/** What a subscriber holds in hand. */
export interface SubscriptionHandle extends Disposable {
  /** Events that were dropped because the handler was too slow. */
  readonly dropped: number;
  /** Events whose handler has failed. */
  readonly failed: number;
  /** Ends it. Harmless when repeated. */
  unsubscribe(): void;
}

/** Subscriptions by pattern. */
export class Subscriptions {
  readonly #trie = new TopicTrie<Subscription>();
  readonly #onChange: () => void;
  #rejected = 0;

  /** @param onChange is called when one has come or gone */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Events of others whose data could not be read. */
  get rejected(): number {
    return this.#rejected;
  }

  /** @throws InvalidTopicError, InvalidServiceError */
  add(pattern: string, handler: EventHandler, options: SubscribeOptions = {}): Subscription {
    const parsed = TopicPattern.parse(pattern);
    const subscription: Subscription = new Subscription(parsed, handler, options, () => {
      remove();
      this.#onChange();
    });
    const remove = this.#trie.add(parsed, subscription);
    this.#onChange();
    return subscription;
  }

  /** All of them, in order of addition. */
  all(): readonly Subscription[] {
    return this.#trie.values();
  }

  /** @returns the groups of those that match */
  groups(topic: TopicPath): ReadonlySet<string> {
    return new Set(this.#trie.match(topic).map(({ value }) => value.group));
  }

  /**
   * Hands an event to those that match.
   * @param publisher undefined for this node
   * @param accepts whether the event is for a group
   * @returns how many subscriptions it was handed to
   */
  deliver(
    topic: TopicPath,
    data: WireValue,
    publishedAt: number,
    publisher: PeerId | undefined,
    accepts: (group: string) => boolean,
    isPast: boolean,
  ): number {
    const matches = this.#trie.match(topic);
    if (matches.length === 0) return 0;
    let value: unknown;
    try {
      value = decodeValue(data);
    } catch {
      if (publisher !== undefined) this.#rejected++;
      return 0;
    }
    const text = showPath(topic);
    let delivered = 0;
    for (const { value: subscription, params } of matches) {
      if (!accepts(subscription.group) || (isPast && !subscription.includesPast)) continue;
      delivered++;
      subscription.deliver({ topic: text, data: value, params, publishedAt, isPast, publisher });
    }
    return delivered;
  }
}

/** Hands events to one handler, at its pace. */
export class Subscription implements SubscriptionHandle {
  readonly pattern: TopicPattern;
  readonly group: string;
  readonly includesPast: boolean;
  readonly #handler: EventHandler;
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #takeBack: () => void;
  #waiting: BoundedQueue<ServiceEvent> | undefined;
  /** When each topic's last event was published; only of those that include the past. */
  readonly #lastOf = new Map<string, number>();
  #running = 0;
  #dropped = 0;
  #failed = 0;
  #isEnded = false;

  /** @param takeBack ends it where it is registered @throws InvalidServiceError when an option makes no sense */
  constructor(pattern: TopicPattern, handler: EventHandler, options: SubscribeOptions, takeBack: () => void) {
    this.pattern = pattern;
    this.group = options.group ?? "";
    if (this.group.length > MAX_TEXT || !isPrintable(this.group)) {
      throw new InvalidServiceError(
        `Cannot subscribe: a group is one printable line of at most ${MAX_TEXT} characters`,
      );
    }
    this.includesPast = options.includePast ?? false;
    this.#handler = handler;
    this.#concurrency = readCount(options.concurrency, 1, 1, "concurrency");
    this.#maxWaiting = readCount(options.queue, DEFAULT_EVENT_QUEUE, 1, "queue");
    this.#takeBack = takeBack;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get failed(): number {
    return this.#failed;
  }

  unsubscribe(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#waiting?.clear();
    this.#takeBack();
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  /** Hands an event on, now or when the handler is ready. */
  deliver(event: ServiceEvent): void {
    if (this.#isEnded || (this.includesPast && !this.#isNews(event))) return;
    if (this.#running < this.#concurrency) return this.#handle(event);
    this.#waiting ??= new BoundedQueue(this.#maxWaiting);
    if (this.#waiting.push(event) !== undefined) this.#dropped++;
  }

  #handle(event: ServiceEvent): void {
    let result: unknown;
    try {
      result = this.#handler(event);
    } catch {
      this.#failed++;
      return;
    }
    if (typeof (result as { then?: unknown } | undefined | null)?.then !== "function") return;
    this.#running++;
    (result as Promise<unknown>).then(() => this.#next(), () => {
      this.#failed++;
      this.#next();
    });
  }

  #next(): void {
    this.#running--;
    while (this.#running < this.#concurrency) {
      const event = this.#waiting?.shift();
      if (event === undefined) return;
      this.#handle(event);
    }
  }

  /** Past events come from several nodes, some after newer ones. */
  #isNews({ topic, publishedAt, isPast }: ServiceEvent): boolean {
    const last = this.#lastOf.get(topic) ?? -1;
    if (isPast && last >= publishedAt) return false;
    this.#lastOf.delete(topic);
    this.#lastOf.set(topic, Math.max(last, publishedAt));
    if (this.#lastOf.size > MAX_REMEMBERED) {
      for (const oldest of this.#lastOf.keys()) return this.#lastOf.delete(oldest);
    }
    return true;
  }
}

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
