/**
 * The subscriptions of this program, and the delivery of events to their handlers.
 * @module
 */

import type { EventHandler } from "../definition/mod.ts";
import type { PeerId } from "../ports.ts";
import { type SubscribeOptions, Subscription } from "./subscription.ts";
import { showPath, type TopicPath, TopicPattern, TopicTrie } from "../topics/mod.ts";
import { decodeValue, type WireValue } from "../wire/mod.ts";

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
