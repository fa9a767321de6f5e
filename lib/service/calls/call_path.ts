/**
 * Paths of calls, read once.
 * @module
 */

import { TopicPath } from "../topics/mod.ts";

/** `service/action`, taken apart. */
export interface CallPath {
  /** The service's path with its network. */
  readonly service: string;
  readonly action: string;
  /** The whole with its network, as it is sent. */
  readonly text: string;
}

const MAX_CACHED = 1_024;

/** Reads paths, and remembers those that come again and again. */
export class CallPaths {
  readonly #cached = new Map<string, CallPath>();

  /** @throws InvalidTopicError */
  parse(text: string): CallPath {
    return this.#cached.get(text) ?? this.#keep(text, TopicPath.parse(text));
  }

  /** @returns undefined when it is no path */
  tryParse(text: string): CallPath | undefined {
    const cached = this.#cached.get(text);
    if (cached !== undefined) return cached;
    const path = TopicPath.tryParse(text);
    return path && this.#keep(text, path);
  }

  /** The last segment names the action; a path of one segment has the empty one, which no service has. */
  #keep(text: string, path: TopicPath): CallPath {
    const whole = path.toString();
    const at = whole.lastIndexOf("/");
    const taken = at < 0
      ? { service: whole, action: "", text: whole }
      : { service: whole.slice(0, at), action: whole.slice(at + 1), text: whole };
    if (this.#cached.size >= MAX_CACHED) this.#cached.clear();
    this.#cached.set(text, taken);
    return taken;
  }
}
