/**
 * The last event of each topic that was published to be kept, for whoever subscribes later.
 * @module
 */

import type { WireValue } from "../wire/mod.ts";
import type { TopicPath, TopicPattern } from "../topics/mod.ts";

/** How many topics keep their last event. */
export const MAX_RETAINED = 1_024;
/** How many bytes all of them have together. */
export const MAX_RETAINED_BYTES: number = 4 << 20;

/** An event that is kept. */
export interface RetainedEvent {
  readonly topic: TopicPath;
  readonly data: WireValue;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
}

/** Keeps events; when there are too many, those that were published longest ago go. */
export class RetainedEvents {
  readonly #events = new Map<string, RetainedEvent>();
  #bytes = 0;

  get size(): number {
    return this.#events.size;
  }

  /** Keeps an event in the place of the topic's last one. */
  set(event: RetainedEvent): void {
    this.delete(event.topic);
    this.#events.set(event.topic.toString(), event);
    this.#bytes += event.data.data.length;
    for (const { topic } of this.#events.values()) {
      if (this.#events.size <= MAX_RETAINED && this.#bytes <= MAX_RETAINED_BYTES) return;
      this.delete(topic);
    }
  }

  /** Forgets the topic's last event. */
  delete(topic: TopicPath): void {
    const key = topic.toString();
    this.#bytes -= this.#events.get(key)?.data.data.length ?? 0;
    this.#events.delete(key);
  }

  /** @returns what is kept of the topics that match, oldest first */
  matching(pattern: TopicPattern): readonly RetainedEvent[] {
    return [...this.#events.values()].filter(({ topic }) => pattern.match(topic) !== undefined);
  }
}
