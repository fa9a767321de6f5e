/**
 * The last event of each topic, for whoever subscribes later.
 * @module
 */

import { type MemoryAccount, UNBOUNDED_ACCOUNT } from "../../base/mod.ts";
import type { RetainedEvent } from "./event_sender.ts";
import type { TopicPath, TopicPattern } from "../topics/mod.ts";

/** How many topics keep their last event. */
export const MAX_RETAINED = 1_024;
/** How many bytes all of them have together. */
export const MAX_RETAINED_BYTES: number = 4 << 20;

/** Keeps events; when there are too many, those that were published longest ago go. */
export class RetainedEvents {
  readonly #events = new Map<string, RetainedEvent>();
  readonly #memory: MemoryAccount;
  readonly #maxTopics: number;
  readonly #maxBytes: number;
  #bytes = 0;

  /** @param memory counts what is kept, which has a bound of its own */
  constructor(
    memory: MemoryAccount = UNBOUNDED_ACCOUNT,
    maxTopics: number = MAX_RETAINED,
    maxBytes: number = MAX_RETAINED_BYTES,
  ) {
    this.#memory = memory;
    this.#maxTopics = maxTopics;
    this.#maxBytes = maxBytes;
  }

  /** How many bytes of data there are. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#events.size;
  }

  /** Keeps an event in the place of the topic's last one. */
  set(event: RetainedEvent): void {
    this.delete(event.topic);
    this.#events.set(event.topic.toString(), event);
    this.#bytes += event.data.data.length;
    this.#memory.charge(event.data.data.length);
    for (const { topic } of this.#events.values()) {
      if (this.#events.size <= this.#maxTopics && this.#bytes <= this.#maxBytes) return;
      this.delete(topic);
    }
  }

  /** Forgets the topic's last event. */
  delete(topic: TopicPath): void {
    const key = topic.toString();
    const bytes = this.#events.get(key)?.data.data.length ?? 0;
    this.#bytes -= bytes;
    this.#memory.release(bytes);
    this.#events.delete(key);
  }

  /** @returns the topic's last event */
  get(topic: TopicPath): RetainedEvent | undefined {
    return this.#events.get(topic.toString());
  }

  /** Forgets all. */
  clear(): void {
    for (const { topic } of [...this.#events.values()]) this.delete(topic);
  }

  /** @returns what is kept of the topics that match, oldest first */
  matching(pattern: TopicPattern): readonly RetainedEvent[] {
    return [...this.#events.values()].filter(({ topic }) => pattern.match(topic) !== undefined);
  }
}
