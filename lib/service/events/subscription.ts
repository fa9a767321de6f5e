/**
 * One subscription: its events go to a handler, at the handler's pace, and some wait.
 * @module
 */

import { BoundedQueue, type Environment, isPrintable, type MemoryBudget } from "../../base/mod.ts";
import type { ContextHost, EventContext } from "../call_context.ts";
import { InvalidServiceError } from "../errors.ts";
import type { HandlerLog } from "../handler_log.ts";
import { type EventHook, JoinedHooks, MiddlewareChain, runHooks } from "../middleware_chain.ts";
import { type EventHandler, readCount } from "../service_definition.ts";
import type { ServiceEvent } from "../service_event.ts";
import type { EventCounters } from "../stats/mod.ts";
import type { TopicPath, TopicPattern } from "../topics/mod.ts";
import { MAX_TEXT, memoryOf, memoryOfContext, type PropagatedContext, type WireValue } from "../wire/mod.ts";
import type { SubscribeOptions, SubscriptionHandle, SubscriptionReach } from "./subscribe_options.ts";

/** How many events wait for a handler that is not ready, by default. */
export const DEFAULT_EVENT_QUEUE = 1_024;
/** How many topics a subscription remembers to know past events again. */
const MAX_REMEMBERED = 1_024;

/** An event that is here, as it travels. */
export interface ReceivedEvent {
  readonly topic: TopicPath;
  readonly data: WireValue;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
  /** Published before the subscription. */
  readonly past?: boolean;
  /** What came along; undefined for nothing. */
  readonly context?: PropagatedContext | undefined;
}

/** What all subscriptions of a program stand on. */
export interface SubscriptionParts {
  /** What handlers call and publish by. */
  readonly host: ContextHost;
  /** What events of others take their room from while they wait. */
  readonly memory: MemoryBudget;
  /** Is told what handlers throw. */
  readonly log: HandlerLog;
  /** What the events of all of them go through. */
  readonly middleware: MiddlewareChain;
  readonly counters: EventCounters;
  /** Asks others whether they know of one by now. */
  confirm(pattern: TopicPattern, group: string): Promise<SubscriptionReach>;
}

/** Who gets the events: a handler, or somebody who is told and takes them. */
export type Consumer = { readonly handler: EventHandler } | { readonly onEvent: () => void };

/** An event that waits, and the room that it takes of its publisher's. */
interface WaitingEvent {
  readonly event: ServiceEvent;
  readonly context: EventContext;
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
  readonly #counters: EventCounters;
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #takeBack: () => void;
  readonly #hooks: JoinedHooks<EventHook>;
  readonly #environment: Environment;
  readonly #confirm: SubscriptionParts["confirm"];
  #ready: Promise<SubscriptionReach> | undefined;
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
    { memory, log, middleware, counters, confirm }: SubscriptionParts,
    takeBack: () => void,
  ) {
    this.pattern = pattern;
    this.group = options.group ?? "";
    if (this.group.length > MAX_TEXT || !isPrintable(this.group)) {
      throw new InvalidServiceError(
        `Cannot subscribe: a group is one printable line of at most ${MAX_TEXT} characters`,
      );
    }
    const { environment } = middleware;
    this.#environment = environment;
    this.#confirm = confirm;
    const own = new MiddlewareChain(environment, options.middleware);
    this.#hooks = new JoinedHooks(middleware.events, own.events);
    this.includesPast = options.includePast ?? false;
    this.#consumer = consumer;
    this.#memory = memory;
    this.#counters = counters;
    this.#log = log;
    this.#concurrency = readCount(options.concurrency, 1, 1, "concurrency");
    this.#maxWaiting = readCount(options.queue, DEFAULT_EVENT_QUEUE, 1, "queue");
    this.#takeBack = takeBack;
  }

  get ready(): Promise<SubscriptionReach> {
    // Nobody is asked unless somebody waits for it.
    return this.#ready ??= this.#confirm(this.pattern, this.group);
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
    return this.#take()?.event;
  }

  #take(): WaitingEvent | undefined {
    const waiting = this.#waiting?.shift();
    if (waiting !== undefined) this.#release(waiting);
    return waiting;
  }

  /** Hands an event on, now or when somebody is ready. @param received the same as it came */
  deliver(
    event: ServiceEvent,
    context: EventContext,
    { data, context: propagated }: Pick<ReceivedEvent, "data" | "context">,
  ): void {
    if (this.#isEnded || (this.includesPast && !this.#isNews(event))) return;
    const consumer = this.#consumer;
    if ("handler" in consumer && this.#running < this.#concurrency) {
      return this.#handle(consumer.handler, event, context);
    }
    const { publisher } = event;
    const bytes = publisher === undefined
      ? 0
      : memoryOf(data) + memoryOfContext(propagated) + WAITING_OVERHEAD_BYTES;
    if (publisher !== undefined && !this.#memory.claim(publisher, bytes)) return this.#drop();
    this.#waiting ??= new BoundedQueue(this.#maxWaiting);
    const oldest = this.#waiting.push({ event, context, bytes });
    if (oldest !== undefined) {
      this.#drop();
      this.#release(oldest);
    }
    if ("onEvent" in consumer) consumer.onEvent();
  }

  #drop(): void {
    this.#dropped++;
    this.#counters.dropped++;
  }

  #release({ event: { publisher }, bytes }: WaitingEvent): void {
    if (publisher !== undefined) this.#memory.release(publisher, bytes);
  }

  #handle(handler: EventHandler, event: ServiceEvent, context: EventContext): void {
    let result: unknown;
    try {
      result = this.#call(handler, event, context);
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

  #call(handler: EventHandler, event: ServiceEvent, context: EventContext): unknown {
    const hooks = this.#hooks.all();
    if (hooks.length === 0) return handler(event, context);
    return runHooks(
      hooks,
      { event, context, group: this.group },
      this.#environment,
      (handled) => handler(handled.event, handled.context),
    );
  }

  #fail({ topic, publisher }: ServiceEvent, error: unknown): void {
    this.#failed++;
    this.#log.event(this.group, topic, publisher, error);
  }

  #next(handler: EventHandler): void {
    this.#running--;
    while (this.#running < this.#concurrency) {
      const waiting = this.#take();
      if (waiting === undefined) return;
      this.#handle(handler, waiting.event, waiting.context);
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
