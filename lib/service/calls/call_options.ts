/**
 * What a caller says: which action, and how the call is to be made.
 * @module
 */

import { CALL_MODES, DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS } from "../bounds.ts";
import { callError, failure, InvalidServiceError, type WireFailure } from "../errors.ts";
import type { CallOptions } from "../options.ts";
import { readCount } from "../service_definition.ts";
import { showPath, TopicPath } from "../topics/mod.ts";

/** How often a call is tried again unless its caller says so. */
export const DEFAULT_RETRIES = 3;

const USUAL_TRIES: Tries = { retries: DEFAULT_RETRIES, attemptTimeoutMs: undefined, hedgeAfterMs: undefined };

/** Those of a caller who has chosen nothing. */
export const NO_OPTIONS: CallOptions = {};

/**
 * Checks what a caller has chosen.
 * @returns how long the call may take, in milliseconds
 * @throws CallError when its signal is aborted already, InvalidServiceError
 */
export function checkOptions({ text }: CallPath, { signal, timeoutMs, mode, reduce }: CallOptions): number {
  if (signal?.aborted) throw callError("Canceled", `Canceled: ${showPath(text)}`);
  const checkedMs = readCount(timeoutMs, DEFAULT_TIMEOUT_MS, 1, "timeoutMs");
  if (reduce !== undefined && (mode !== "all" || typeof reduce !== "function")) {
    throw new InvalidServiceError(
      `Cannot call ${showPath(text)}: reduce is a function, and of mode "all" alone`,
    );
  }
  if (mode === undefined || CALL_MODES.includes(mode)) return checkedMs;
  throw new InvalidServiceError(`Cannot call ${showPath(text)}: there is no mode "${mode}"`, {
    hint: `The modes are ${CALL_MODES.join(", ")}; for one node use the option node.`,
  });
}

/** How often a call is tried, and for how long each time. */
export interface Tries {
  readonly retries: number;
  /** How long one provider may take, in milliseconds, before it is given up for another one; an idempotent call's. */
  readonly attemptTimeoutMs?: number | undefined;
  /** After how many milliseconds another provider is asked as well; an idempotent call's. */
  readonly hedgeAfterMs?: number | undefined;
}

/**
 * Reads how often a call is tried, and for how long each time.
 * @throws InvalidServiceError
 */
export function readTries(
  { retries, attemptTimeoutMs, hedgeAfterMs }: CallOptions,
): Tries {
  // Most calls say nothing of it.
  if (retries === undefined && attemptTimeoutMs === undefined && hedgeAfterMs === undefined) {
    return USUAL_TRIES;
  }
  return {
    retries: readCount(retries, DEFAULT_RETRIES, 0, "retries"),
    attemptTimeoutMs: readTime(attemptTimeoutMs, "attemptTimeoutMs"),
    hedgeAfterMs: readTime(hedgeAfterMs, "hedgeAfterMs"),
  };
}

function readTime(value: number | undefined, what: string): number | undefined {
  return value === undefined ? undefined : Math.min(readCount(value, 1, 1, what), MAX_TIMEOUT_MS);
}

/** `service/action`, taken apart. */
export interface CallPath {
  /** The service's path with its network. */
  readonly service: string;
  readonly action: string;
  /** The whole with its network, as it is sent. */
  readonly text: string;
}

/** @returns that the service has no such action, or that the path names none */
export function unknownAction({ service, action }: CallPath): WireFailure {
  const path = showPath(service);
  const reason = action === ""
    ? `${path} names no action: write ${path}/ACTION`
    : `${path} has no action ${action}`;
  return failure("UnknownAction", reason);
}

const MAX_CACHED = 1_024;

/** Reads paths, and remembers those that come again and again. */
export class CallPaths {
  readonly #cached = new Map<string, CallPath>();

  /** @throws InvalidTopicError */
  parse(text: string): CallPath {
    return this.#cached.get(text) ?? this.#add(text, TopicPath.parse(text));
  }

  /** @returns undefined when it is no path */
  tryParse(text: string): CallPath | undefined {
    const cached = this.#cached.get(text);
    if (cached !== undefined) return cached;
    const path = TopicPath.tryParse(text);
    return path && this.#add(text, path);
  }

  /** The last segment names the action; a path of one segment has the empty one, which no service has. */
  #add(text: string, path: TopicPath): CallPath {
    const whole = path.toString();
    const at = whole.lastIndexOf("/");
    const read = at < 0
      ? { service: whole, action: "", text: whole }
      : { service: whole.slice(0, at), action: whole.slice(at + 1), text: whole };
    if (this.#cached.size >= MAX_CACHED) this.#cached.clear();
    this.#cached.set(text, read);
    return read;
  }
}
