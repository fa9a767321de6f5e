/**
 * What a caller says: which action, and how the call is to be made.
 * @module
 */

import { CALL_MODES, type CallMode, DEFAULT_TIMEOUT_MS } from "../bounds.ts";
import { CallError, callError, InvalidServiceError, type WireFailure } from "../errors.ts";
import { readCount } from "../service_definition.ts";
import type { ItemSource } from "../wire/mod.ts";
import { showPath, TopicPath } from "../topics/mod.ts";

/** How often a call is tried again unless its caller says so. */
export const DEFAULT_RETRIES = 3;

/** What a caller may choose. */
export interface CallOptions {
  /** The deadline, which travels with the request; 10,000 unless given. */
  readonly timeoutMs?: number;
  /** Which provider is asked; `round-robin` unless given, and `leader` for a service that has one. */
  readonly mode?: CallMode;
  /** The node that has to answer, by name, id, key or address; in place of a mode. */
  readonly node?: string;
  /** How often it is tried again, 3 times unless given: only what surely did not run, or is idempotent. */
  readonly retries?: number;
  /** Whether running it twice does no harm; as the action says unless given. */
  readonly idempotent?: boolean;
  /** Gives up, and aborts the handler's signal. */
  readonly signal?: AbortSignal;
  /** Items for the handler's `context.stream`. A call with a stream is made once. */
  readonly stream?: ItemSource;
}

/** One answer of a call to all. */
export type CallAnswer =
  | { readonly node: string; readonly ok: true; readonly result: unknown }
  | { readonly node: string; readonly ok: false; readonly error: WireFailure };

/** @returns what one of several has answered @throws what is no failure of the call */
export async function answerOf(node: string, answer: Promise<unknown>): Promise<CallAnswer> {
  try {
    return { node, ok: true, result: await answer };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    const { code, message, retryable, executed } = error;
    return { node, ok: false, error: { code, message, retryable, executed } };
  }
}

/** Those of a caller who has chosen nothing. */
export const NO_OPTIONS: CallOptions = {};

/**
 * Checks what a caller has chosen.
 * @returns how long the call may take, in milliseconds
 * @throws CallError when its signal is aborted already, InvalidServiceError
 */
export function checkOptions({ text }: CallPath, { signal, timeoutMs, mode }: CallOptions): number {
  if (signal?.aborted) throw callError("Canceled", `Canceled: ${showPath(text)}`);
  const checkedMs = readCount(timeoutMs, DEFAULT_TIMEOUT_MS, 1, "timeoutMs");
  if (mode === undefined || CALL_MODES.includes(mode)) return checkedMs;
  throw new InvalidServiceError(`Cannot call ${showPath(text)}: there is no mode "${mode}"`, {
    hint: `The modes are ${CALL_MODES.join(", ")}; for one node use the option node.`,
  });
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
