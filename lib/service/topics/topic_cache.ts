/**
 * Topics that come again and again, read once.
 * @module
 */

import { TopicPath } from "./topic_path.ts";

/** So many are remembered, and then none. */
const MAX_CACHED = 1_024;

/** Reads topics, and remembers them. */
export class TopicCache {
  readonly #cached = new Map<string, TopicPath>();

  /** @throws InvalidTopicError */
  parse(text: string): TopicPath {
    return this.#cached.get(text) ?? this.#add(text, TopicPath.parse(text));
  }

  /** @returns undefined when it is no topic */
  tryParse(text: string): TopicPath | undefined {
    const cached = this.#cached.get(text);
    if (cached !== undefined) return cached;
    const topic = TopicPath.tryParse(text);
    return topic && this.#add(text, topic);
  }

  #add(text: string, topic: TopicPath): TopicPath {
    if (this.#cached.size >= MAX_CACHED) this.#cached.clear();
    this.#cached.set(text, topic);
    return topic;
  }
}
