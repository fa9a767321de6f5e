/**
 * The subscriptions of this program: delivery of events to their handlers, what waits for a handler, and events as a
 * stream to read in a loop.
 * @module
 */

import { BoundedQueue, isPrintable, type MemoryBudget } from "../../base/mod.ts";
import { GroupTurns } from "./group_turns.ts";
import type { HandlerLog } from "../handler_log.ts";
import type { PeerId } from "../ports.ts";
import { InvalidServiceError } from "../errors.ts";
import { type EventHandler, readCount, type ServiceEvent } from "../service_definition.ts";
import { decodeForEach, MAX_TEXT, memoryOf, type WireValue } from "../wire/mod.ts";
import { showPath, type TopicPath, TopicPattern, TopicTrie } from "../topics/mod.ts";

/** How many events wait for a handler that is not ready, by default. */
export const DEFAULT_EVENT_QUEUE = 1_024;
/** How many topics a subscription remembers to know past events again. */
const MAX_REMEMBERED = 1_024;

/** What a subscriber may choose. */
export interface SubscribeOptions {
  /** Whether events that were published to be kept come first. */
  readonly includePast?: boolean;
  /** The service that it belongs to: of those with the same one, `one_per_service` reaches one, on a node in turn. */
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

/** What all subscriptions of a program stand on. */
export interface SubscriptionParts {
  /** What events of others take their room from while they wait. */
  readonly memory: MemoryBudget;
  /** Is told what handlers throw. */
  readonly log: HandlerLog;
}

/** Subscriptions by pattern. */
export class Subscriptions {
  readonly #trie = new TopicTrie<Subscription>();
  readonly #parts: SubscriptionParts;
  readonly #onChange: () => void;
  readonly #turns = new GroupTurns();
  #rejected = 0;

  /** @param onChange is called when one has come or gone */
  constructor(parts: SubscriptionParts, onChange: () => void) {
    this.#parts = parts;
    this.#onChange = onChange;
  }

  /** Events of others whose data could not be read. */
  get rejected(): number {
    return this.#rejected;
  }

  /** @throws InvalidTopicError, InvalidServiceError */
  add(pattern: string, handler: EventHandler, options: SubscribeOptions = {}): Subscription {
    return this.#add(pattern, { handler }, options);
  }

  /**
   * Adds one whose events are taken from it.
   * @param onEvent is called when there is one
   * @throws InvalidTopicError, InvalidServiceError
   */
  addPulled(pattern: string, onEvent: () => void, options: SubscribeOptions): Subscription {
    return this.#add(pattern, { onEvent }, options);
  }

  #add(pattern: string, consumer: Consumer, options: SubscribeOptions): Subscription {
    const parsed = TopicPattern.parse(pattern);
    const subscription: Subscription = new Subscription(parsed, consumer, options, this.#parts, () => {
      remove();
      this.#onChange();
    });
    const remove = this.#trie.add(parsed, subscription);
    this.#onChange();
    return subscription;
  }

  /** Whether one matches. */
  hears(topic: TopicPath): boolean {
    return this.#trie.match(topic).length > 0;
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
   * @param only the groups of which one subscription each gets it, in turn, beside those without a group; undefined
   *   when all get it
   * @returns how many subscriptions it was handed to
   */
  deliver(
    topic: TopicPath,
    data: WireValue,
    publishedAt: number,
    publisher: PeerId | undefined,
    only: ReadonlySet<string> | undefined,
    isPast: boolean,
  ): number {
    const matches = this.#trie.match(topic);
    if (matches.length === 0) return 0;
    const chosen = only === undefined ? matches : this.#choose(matches, only);
    const takers = isPast ? chosen.filter(({ value: { includesPast } }) => includesPast) : chosen;
    let values: readonly unknown[];
    try {
      values = decodeForEach(data, takers.length);
    } catch {
      if (publisher !== undefined) this.#rejected++;
      return 0;
    }
    const text = showPath(topic);
    for (const [i, { value: subscription, params }] of takers.entries()) {
      subscription.deliver({ topic: text, data: values[i], params, publishedAt, isPast, publisher }, data);
    }
    return takers.length;
  }

  /** Of each of the groups one subscription; those without a group all. */
  #choose(matches: readonly Match[], only: ReadonlySet<string>): readonly Match[] {
    const byGroup = new Map<string, Match[]>();
    for (const match of matches) {
      const { group } = match.value;
      if (group !== "" && !only.has(group)) continue;
      const others = byGroup.get(group);
      if (others === undefined) byGroup.set(group, [match]);
      else others.push(match);
    }
    return [...byGroup].flatMap(([group, all]) =>
      group === "" ? all : all[this.#turns.next(group, all.length)] ?? []
    );
  }
}

/** @returns the groups for which an event is alone; undefined when it is for everybody */
export function onlyGroups(groups: readonly string[]): ReadonlySet<string> | undefined {
  return groups.length === 0 ? undefined : new Set(groups);
}

/** A subscription whose pattern matches, and what the pattern's names stand for. */
type Match = ReturnType<TopicTrie<Subscription>["match"]>[number];

/** Who gets the events: a handler, or somebody who is told and takes them. */
type Consumer = { readonly handler: EventHandler } | { readonly onEvent: () => void };

/** An event that waits, and the room that it takes of its publisher's. */
interface WaitingEvent {
  readonly event: ServiceEvent;
  readonly bytes: number;
}

/** What an event that waits takes beside its data. */
const WAITING_OVERHEAD_BYTES = 512;

/** Hands events to one handler, at its pace. */
export class Subscription implements SubscriptionHandle {
  readonly pattern: TopicPattern;
  readonly group: string;
  readonly includesPast: boolean;
  readonly #consumer: Consumer;
  readonly #memory: MemoryBudget;
  readonly #log: HandlerLog;
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #takeBack: () => void;
  #waiting: BoundedQueue<WaitingEvent> | undefined;
  /** When each topic's last event was published; only of those that include the past. */
  readonly #lastOf = new Map<string, number>();
  #running = 0;
  #dropped = 0;
  #failed = 0;
  #isEnded = false;

  /** @param takeBack ends it where it is registered @throws InvalidServiceError when an option makes no sense */
  constructor(
    pattern: TopicPattern,
    consumer: Consumer,
    options: SubscribeOptions,
    { memory, log }: SubscriptionParts,
    takeBack: () => void,
  ) {
    this.pattern = pattern;
    this.group = options.group ?? "";
    if (this.group.length > MAX_TEXT || !isPrintable(this.group)) {
      throw new InvalidServiceError(
        `Cannot subscribe: a group is one printable line of at most ${MAX_TEXT} characters`,
      );
    }
    this.includesPast = options.includePast ?? false;
    this.#consumer = consumer;
    this.#memory = memory;
    this.#log = log;
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
    while (this.take() !== undefined);
    this.#takeBack();
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  /** @returns the event that has waited longest */
  take(): ServiceEvent | undefined {
    const waiting = this.#waiting?.shift();
    if (waiting !== undefined) this.#release(waiting);
    return waiting?.event;
  }

  /** Hands an event on, now or when somebody is ready. @param value its data as they came */
  deliver(event: ServiceEvent, value: WireValue): void {
    if (this.#isEnded || (this.includesPast && !this.#isNews(event))) return;
    const consumer = this.#consumer;
    if ("handler" in consumer && this.#running < this.#concurrency) {
      return this.#handle(consumer.handler, event);
    }
    const { publisher } = event;
    const bytes = publisher === undefined ? 0 : memoryOf(value) + WAITING_OVERHEAD_BYTES;
    if (publisher !== undefined && !this.#memory.claim(publisher, bytes)) return void this.#dropped++;
    this.#waiting ??= new BoundedQueue(this.#maxWaiting);
    const oldest = this.#waiting.push({ event, bytes });
    if (oldest !== undefined) {
      this.#dropped++;
      this.#release(oldest);
    }
    if ("onEvent" in consumer) consumer.onEvent();
  }

  #release({ event: { publisher }, bytes }: WaitingEvent): void {
    if (publisher !== undefined) this.#memory.release(publisher, bytes);
  }

  #handle(handler: EventHandler, event: ServiceEvent): void {
    let result: unknown;
    try {
      result = handler(event);
    } catch (error) {
      return this.#fail(event, error);
    }
    if (typeof (result as { then?: unknown } | undefined | null)?.then !== "function") return;
    this.#running++;
    (result as Promise<unknown>).then(() => this.#next(handler), (error) => {
      this.#fail(event, error);
      this.#next(handler);
    });
  }

  #fail({ topic, publisher }: ServiceEvent, error: unknown): void {
    this.#failed++;
    this.#log.event(this.group, topic, publisher, error);
  }

  #next(handler: EventHandler): void {
    this.#running--;
    while (this.#running < this.#concurrency) {
      const event = this.take();
      if (event === undefined) return;
      this.#handle(handler, event);
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
