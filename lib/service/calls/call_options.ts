/**
 * What a caller says: which action, and how the call is to be made.
 * @module
 */

import type { CallMode } from "./balancer.ts";
import type { ItemSource } from "../wire/mod.ts";
import { TopicPath } from "../topics/mod.ts";

/** How long a call may take unless told, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 10_000;
/** How often a call is tried again unless told. */
export const DEFAULT_RETRIES = 3;

/** What a caller may choose. */
export interface CallOptions {
  /** The deadline, which travels with the request; 10,000 unless told. */
  readonly timeoutMs?: number;
  /** Which provider is asked; `round-robin` unless told, and `leader` for a service that has one. */
  readonly mode?: CallMode;
  /** The node that has to answer, by name, id or address; in place of a mode. */
  readonly node?: string;
  /** How often it is tried again, 3 times unless told: only what surely did not run, or is idempotent. */
  readonly retries?: number;
  /** Whether running it twice does no harm; as the action says unless told. */
  readonly idempotent?: boolean;
  /** Gives up, and tells the handler. */
  readonly signal?: AbortSignal;
  /** Items for the handler's `context.stream`. A call with a stream is made once. */
  readonly stream?: ItemSource;
}

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
