/**
 * The subscriptions of this program: which ones an event is for.
 * @module
 */

import { EventContext } from "../call_context.ts";
import type { PeerId } from "../ports.ts";
import type { EventHandler } from "../service_definition.ts";
import { showPath, type TopicPath, TopicPattern, TopicTrie } from "../topics/mod.ts";
import { decodeForEach, decodeValue, NO_METADATA } from "../wire/mod.ts";
import { GroupTurns } from "./group_turns.ts";
import type { SubscribeOptions } from "./subscribe_options.ts";
import { type Consumer, type ReceivedEvent, Subscription, type SubscriptionParts } from "./subscription.ts";

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
   * @param received good for this turn
   * @param publisher undefined for this node
   * @param only the groups of which one subscription each gets it, in turn, beside those without a group; undefined
   *   when all get it
   * @returns how many subscriptions it was handed to
   */
  deliver(
    received: ReceivedEvent,
    publisher: PeerId | undefined,
    only: ReadonlySet<string> | undefined,
  ): number {
    const { topic, data, publishedAt, past: isPast = false } = received;
    let matches = this.#trie.match(topic);
    // What a node tells itself is for who asks for it by name.
    if (topic.segments[0]?.startsWith("$")) {
      matches = matches.filter(({ value }) => value.pattern.parts[0]?.kind === "literal");
    }
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
    const context = new EventContext(this.#parts.host, publisher, received.context);
    const { metadata, traceparent } = context;
    this.#parts.counters.delivered += takers.length;
    for (let i = 0; i < takers.length; i++) {
      const { value: subscription, params } = takers[i] as Match;
      const event = {
        topic: text,
        data: values[i],
        params,
        publishedAt,
        isPast,
        publisher,
        metadata,
        traceparent,
      };
      subscription.deliver(event, context, received);
    }
    return takers.length;
  }

  /** Hands what this node has kept to one that is new. */
  deliverPast(subscription: Subscription, received: ReceivedEvent): void {
    const { topic, data, publishedAt } = received;
    const context = new EventContext(this.#parts.host, undefined, undefined);
    subscription.deliver(
      {
        topic: showPath(topic),
        data: decodeValue(data),
        params: subscription.pattern.match(topic) ?? {},
        publishedAt,
        isPast: true,
        publisher: undefined,
        metadata: NO_METADATA,
        traceparent: undefined,
      },
      context,
      received,
    );
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
