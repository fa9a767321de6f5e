/**
 * Answers that are kept for a while.
 * @module
 */

import type { Environment, Millis } from "../../base/mod.ts";
import { InvalidServiceError } from "../errors.ts";
import type { ActionHook, Middleware, RequestHook } from "../middleware_chain.ts";
import { showPath, TopicPath, TopicPattern } from "../topics/mod.ts";
import { decodeValue, encodeValue, isItemSource, type Metadata, type WireValue } from "../wire/mod.ts";

/** What is kept, and for how long. */
export interface CacheOptions {
  /** How long an answer is good, in milliseconds; 10,000 unless given. */
  readonly ttlMs?: number;
  /**
   * What tells one call from another: names of fields of the parameters, `a.b` for one inside of another, and `#name` for
   * metadata. All parameters, and no metadata, unless given.
   */
  readonly keys?: readonly string[];
  /** How many answers are kept, 1,000 unless given; then those go that nobody has asked for longest. */
  readonly maxEntries?: number;
  /** How many bytes all of them have, with what tells them apart; 16 MiB unless given. */
  readonly maxBytes?: number;
  /** At the caller's end: the actions whose answers are kept there, as patterns such as `stock/*`; none unless given. */
  readonly requests?: string | readonly string[];
}

/** A cache, and what can be asked of it. */
export interface CacheMiddleware extends Middleware {
  /** How many answers it has. */
  readonly size: number;
  /** How often it had an answer. */
  readonly hits: number;
  /** How often it had none. */
  readonly misses: number;
  /** Forgets the answers of actions whose path matches; all without a pattern. */
  clear(pattern?: string): void;
}

interface Kept {
  readonly path: string;
  readonly answer: WireValue;
  readonly bytes: number;
  readonly until: Millis;
}

const latin1 = new TextDecoder("latin1");
/** What an entry takes beside its bytes. */
const ENTRY_BYTES = 256;
/** Parameters that are longer tell no call apart: it is not kept. */
const MAX_KEY_BYTES = 16_384;

/**
 * Keeps the answers of actions: put it at an action whose answers depend on nothing but its keys, or at a service all of
 * whose actions are such; at a node, name the actions by `only`. Failures and streams are not kept. A caller that may not
 * call an action gets no answer of it from here either, at its provider; what depends on who calls is to be among the keys.
 *
 * ```ts ignore
 * actions: { price: { handler: findPrice, middleware: [cache({ keys: ["sku", "#currency"], ttlMs: 60_000 })] } }
 * ```
 *
 * @throws InvalidServiceError, InvalidTopicError when an option makes no sense
 */
export function cache(options: CacheOptions = {}): CacheMiddleware {
  return new AnswerCache(options);
}

class AnswerCache implements CacheMiddleware {
  hits = 0;
  misses = 0;
  readonly #ttlMs: number;
  readonly #keys: readonly string[] | undefined;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #requests: readonly TopicPattern[];
  /** Those that were asked for last are last. */
  readonly #kept = new Map<string, Kept>();
  #bytes = 0;

  constructor(
    { ttlMs = 10_000, keys, maxEntries = 1_000, maxBytes = 16 << 20, requests = [] }: CacheOptions,
  ) {
    if (![ttlMs, maxEntries, maxBytes].every((bound) => Number.isInteger(bound) && bound > 0)) {
      throw new InvalidServiceError("Cannot make a cache: its bounds are whole numbers from 1 on");
    }
    this.#ttlMs = ttlMs;
    this.#keys = keys;
    this.#maxEntries = maxEntries;
    this.#maxBytes = maxBytes;
    const patterns = typeof requests === "string" ? [requests] : requests;
    this.#requests = patterns.map((pattern) => TopicPattern.parse(pattern));
  }

  get size(): number {
    return this.#kept.size;
  }

  clear(pattern?: string): void {
    const parsed = pattern === undefined ? undefined : TopicPattern.parse(pattern);
    for (const [key, { path }] of [...this.#kept]) {
      const read = TopicPath.tryParse(path);
      if (parsed === undefined || (read !== undefined && parsed.match(read) !== undefined)) this.#delete(key);
    }
  }

  readonly action: ActionHook = ({ service, action, params, context }, next, environment) =>
    this.#answer(`${service}/${action}`, params, context.metadata, environment, next);

  readonly request: RequestHook = ({ path, params, options }, next, environment) => {
    const read = TopicPath.tryParse(path);
    const isMeant = read !== undefined && options.stream === undefined && options.mode !== "all" &&
      this.#requests.some((pattern) => pattern.match(read) !== undefined);
    if (!isMeant) return next();
    const asked = `${showPath(read)} ${options.node ?? ""} ${options.version ?? ""}`;
    return this.#answer(asked, params, options.metadata ?? {}, environment, next);
  };

  async #answer(
    asked: string,
    params: unknown,
    metadata: Metadata,
    { clock }: Environment,
    next: () => Promise<unknown>,
  ): Promise<unknown> {
    const key = this.#key(asked, params, metadata);
    if (key === undefined) return await next();
    const kept = this.#kept.get(key);
    if (kept !== undefined) this.#kept.delete(key);
    if (kept !== undefined && kept.until > clock.now()) {
      this.hits++;
      this.#kept.set(key, kept);
      return decodeValue(kept.answer);
    }
    if (kept !== undefined) this.#bytes -= kept.bytes;
    this.misses++;
    const result = await next();
    // What JSON can't say is answered as it is, and not kept.
    const answer = isItemSource(result) ? undefined : tryEncode(result);
    if (answer !== undefined) this.#keep(key, asked, answer, clock.now() + this.#ttlMs as Millis);
    return result;
  }

  #keep(key: string, asked: string, answer: WireValue, until: Millis): void {
    this.#delete(key);
    const bytes = key.length + answer.data.length + ENTRY_BYTES;
    if (bytes > this.#maxBytes) return;
    const [path = ""] = asked.split(" ");
    this.#kept.set(key, { path, answer: { ...answer, data: answer.data.slice() }, bytes, until });
    this.#bytes += bytes;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) return;
      this.#delete(oldest);
    }
  }

  #delete(key: string): void {
    this.#bytes -= this.#kept.get(key)?.bytes ?? 0;
    this.#kept.delete(key);
  }

  #key(asked: string, params: unknown, metadata: Metadata): string | undefined {
    const told = this.#keys?.map((key) =>
      key.startsWith("#") ? metadata[key.slice(1)] : fieldOf(params, key)
    );
    const value = tryEncode(told === undefined ? params : told.map((one) => one ?? null));
    if (value === undefined || value.data.length > MAX_KEY_BYTES) return undefined;
    return `${asked} ${value.encoding} ${latin1.decode(value.data)}`;
  }
}

function fieldOf(params: unknown, key: string): unknown {
  let value = params;
  for (const name of key.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function tryEncode(value: unknown): WireValue | undefined {
  try {
    return encodeValue(value);
  } catch {
    return undefined;
  }
}
