/**
 * A collection that is spread over members, as a program asks it: each key at its shard's owner, everything else at all.
 * @module
 */

import {
  compareTexts,
  decodePartial,
  type JsonValue,
  merge,
  parseQuery,
  type PartialResult,
  type Query,
  QueryError,
  type QueryParameters,
} from "../../query/mod.ts";
import { CallError, type CallOptions } from "../../service/mod.ts";
import { MAX_ENTRIES } from "../bounds.ts";
import { keyOf, keyText } from "../documents.ts";
import type { CollectionState, Document, Entry, ReadMark, Write } from "../engine.ts";
import { DataError } from "../errors.ts";
import {
  isNewer,
  layoutValue,
  readLayout,
  type ShardLayout,
  shardOf,
  SHARDS_SERVICE,
} from "../shards/mod.ts";

const DEFAULT_TIMEOUT_MS = 10_000;
/** How long one owner may take where another one may be asked. */
const ATTEMPT_MS = 3_000;
const FIRST_RETRY_MS = 20;
const MAX_RETRY_MS = 500;
/** Of each shard a list is asked for so many entries at least. */
const LEAST_LISTED = 64;

const AGAIN: ReadonlySet<string> = new Set(["OwnerAway", "OutcomeUnknown", "Timeout"]);

type Fields = Readonly<Record<string, unknown>>;
interface Listed {
  readonly entries: readonly Entry[];
  readonly after: string | null;
}

/** What shards are asked by. */
export interface ShardCalls {
  /** The time by a monotonic clock, in milliseconds. */
  now(): number;
  /** Settles after a while. @throws the signal's reason */
  pause(ms: number, signal?: AbortSignal): Promise<void>;
  /** @throws DataError */
  ask(collection: string, path: string, params: unknown, options: CallOptions): Promise<unknown>;
}

/** Asks the shards of one collection. */
export class ShardRouter {
  readonly #calls: ShardCalls;
  #layout: ShardLayout;
  #refreshing: Promise<void> | undefined;
  #turn = 0;

  constructor(calls: ShardCalls, layout: ShardLayout) {
    this.#calls = calls;
    this.#layout = layout;
  }

  /** How many shards it has. */
  get count(): number {
    return this.#layout.options.count;
  }

  /** The shard of a key. */
  shardOf(key: string): number {
    return shardOf(keyText(key), this.count);
  }

  /** The shard of what is written. */
  shardOfWrite(write: Write): number {
    const isWhole = write.kind === "put" || write.kind === "post";
    return this.shardOf(isWhole ? this.#keyOf(write.value) : write.key);
  }

  /** Who is asked about a key. */
  ownerOf(key: string): string | undefined {
    return this.#layout.shards[this.shardOf(key)]?.owner;
  }

  /** Answers an action as a collection with one owner does. @throws DataError */
  async call(action: string, params: unknown, options: CallOptions): Promise<unknown> {
    const fields = (params ?? {}) as Fields;
    switch (action) {
      case "get":
        return await this.#get(fields, options);
      case "put":
      case "post":
        return await this.ask(
          this.shardOf(this.#keyOf(fields["value"] as Document)),
          action,
          fields,
          options,
        );
      case "patch":
      case "delete":
        return await this.ask(this.shardOf(fields["key"] as string), action, fields, options);
      case "commit":
        return await this.ask(this.#shardOfCommit(fields), action, fields, options);
      case "list":
        return await this.#list(fields, options);
      case "query":
        return await this.#query(fields, options);
      case "describe":
        return await this.#describe(options);
      case "transaction": {
        const answers = await this.#askAll(action, fields, options) as { readonly state: string | null }[];
        const known = ["committed", "queued", "rolled-back"];
        return { state: known.find((one) => answers.some(({ state }) => state === one)) ?? null };
      }
      default:
        throw new DataError("Failed", `A collection with shards has no ${action}`);
    }
  }

  /**
   * Reads what one that follows has, or the owner where that is too old.
   * @returns the entry, and how old that is at most
   */
  async cached(
    key: string,
    maxAgeMs: number,
  ): Promise<{ readonly entry: Entry | undefined; readonly ageMs: number }> {
    const shard = this.shardOf(key);
    const { owner, inSync } = this.#layout.shards[shard] ?? { owner: "", inSync: [] };
    const others = inSync.filter((member) => member !== owner);
    const member = others[this.#turn++ % Math.max(1, others.length)];
    if (member !== undefined) {
      const asked = this.#calls.now();
      const { spec: { name } } = this.#layout;
      const params = { collection: name, shard, key, maxAgeMs };
      const options = { node: member, timeoutMs: ATTEMPT_MS, retries: 0 };
      const answer = await this.#calls.ask(name, `${SHARDS_SERVICE}/cached`, params, options).catch(
        (error) => {
          if (error instanceof DataError && error.code !== "Refused") return undefined;
          throw error;
        },
      ) as { readonly ageMs: number; readonly entries: readonly (Entry | null)[] } | undefined;
      const ageMs = answer === undefined ? Infinity : answer.ageMs + this.#calls.now() - asked;
      if (answer !== undefined && ageMs <= maxAgeMs) return { entry: answer.entries[0] ?? undefined, ageMs };
    }
    const asked = this.#calls.now();
    const [entry] = await this.ask(shard, "get", { key }, { idempotent: true }) as readonly (Entry | null)[];
    return { entry: entry ?? undefined, ageMs: this.#calls.now() - asked };
  }

  /**
   * Asks the owner of a shard, and the next one where it is none any more.
   * @param waits whether to ask again while a transaction that touches the same is about to end
   * @throws DataError; after its time with code `OwnerAway` when none answers
   */
  async ask(
    shard: number,
    action: string,
    params: Fields,
    options: CallOptions,
    waits: boolean = true,
  ): Promise<unknown> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, idempotent = false, signal } = options;
    const until = this.#calls.now() + timeoutMs;
    const { spec: { name } } = this.#layout;
    let retryMs = FIRST_RETRY_MS;
    let isLocked = false;
    for (;;) {
      const owner = this.#layout.shards[shard]?.owner ?? "";
      const leftMs = Math.max(1, Math.ceil(until - this.#calls.now()));
      const isStream = action === "watch";
      const attempt: CallOptions = {
        ...signal !== undefined && { signal },
        ...{ node: owner, idempotent, retries: 0 },
        timeoutMs: idempotent && !isStream ? Math.min(leftMs, ATTEMPT_MS) : leftMs,
      };
      try {
        return await this.#calls.ask(name, `${SHARDS_SERVICE}/${action}`, {
          collection: name,
          shard,
          ...params,
        }, attempt);
      } catch (error) {
        if (!(error instanceof DataError) || signal?.aborted) throw error;
        // What has not begun may be begun elsewhere; what may have happened only where that does no harm.
        const isOpen = hasNotBegun(error) || (idempotent && AGAIN.has(error.code)) ||
          (waits && error.code === "Locked");
        if (!isOpen) throw error;
        isLocked = error.code === "Locked";
        if (this.#calls.now() + retryMs >= until) {
          throw error.code === "Moved" ? away(name, shard, error) : error;
        }
      }
      await this.#calls.pause(retryMs, signal);
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      if (!isLocked) await this.#refresh();
    }
  }

  async #askAll(action: string, params: Fields, options: CallOptions): Promise<unknown[]> {
    return await Promise.all(
      Array.from({ length: this.count }, (_, shard) => this.ask(shard, action, params, options)),
    );
  }

  async #get(fields: Fields, options: CallOptions): Promise<unknown> {
    if (fields["keys"] === undefined) {
      return await this.ask(this.shardOf(fields["key"] as string), "get", fields, options);
    }
    const keys = fields["keys"] as readonly string[];
    const found = new Map<string, unknown>();
    await Promise.all(Array.from(Map.groupBy(keys, (key) => this.shardOf(key)), async ([shard, keys]) => {
      const entries = await this.ask(shard, "get", { keys }, options) as readonly unknown[];
      for (const [i, key] of keys.entries()) found.set(key, entries[i]);
    }));
    return keys.map((key) => found.get(key) ?? null);
  }

  async #list({ limit: most = MAX_ENTRIES, ...fields }: Fields, options: CallOptions): Promise<Listed> {
    const limit = Math.max(LEAST_LISTED, Math.ceil(2 * Number(most) / this.count));
    const parts = await this.#askAll("list", { ...fields, limit }, options) as readonly Listed[];
    // Behind the last key of a part its shard may have others, which come before those of other parts.
    const ends = parts.map(({ after }) => after).filter((after) => after !== null).sort(compareTexts);
    const [end] = ends;
    const entries = parts.flatMap(({ entries }) => entries)
      .filter(({ key }) => end === undefined || compareTexts(key, end) <= 0)
      .sort((a, b) => compareTexts(a.key, b.key));
    return { entries, after: end ?? null };
  }

  async #query(fields: Fields, options: CallOptions): Promise<readonly JsonValue[]> {
    const parameters = (fields["parameters"] ?? {}) as QueryParameters;
    const query = readQuery(() => parseQuery(String(fields["query"])));
    const answers = await this.#askAll("query", fields, options) as readonly (readonly JsonValue[])[];
    const partials = answers.map(([answer]) => readPartial(query, answer));
    return readQuery(() => merge(query, partials, parameters));
  }

  async #describe(options: CallOptions): Promise<CollectionState & { readonly layout: Document }> {
    const states = await this.#askAll("describe", {}, options) as readonly CollectionState[];
    return {
      ...this.#layout.spec,
      revision: Math.max(...states.map(({ revision }) => revision)),
      count: states.reduce((sum, { count }) => sum + count, 0),
      layout: layoutValue(this.#layout),
    };
  }

  #keyOf(value: Document): string {
    return keyOf(value, this.#layout.spec.key);
  }

  #shardOfCommit(fields: Fields): number {
    const { spec: { name } } = this.#layout;
    const reads = (fields["reads"] ?? []) as readonly ReadMark[];
    const writes = (fields["writes"] ?? []) as readonly Write[];
    const other = [...reads, ...writes].find(({ collection }) => collection !== name);
    if (other !== undefined) throw spans(`${name} has shards, and ${other.collection} is not in them`);
    const [shard = 0, ...others] = new Set([
      ...reads.map(({ key }) => this.shardOf(key ?? "")),
      ...writes.map((write) => this.shardOfWrite(write)),
    ]);
    if (others.length > 0) {
      throw spans(`the keys of ${name} that it touches are in ${others.length + 1} shards`);
    }
    return shard;
  }

  /** Finds out where the shards are now: from the home, or whoever else knows. */
  #refresh(): Promise<void> {
    return this.#refreshing ??= this.#findLayout().finally(() => this.#refreshing = undefined);
  }

  async #findLayout(): Promise<void> {
    const { spec: { name }, home, shards, layoutReplicas } = this.#layout;
    const ask = (node: string) =>
      this.#calls.ask(name, `${SHARDS_SERVICE}/layout`, { collection: name }, {
        node,
        timeoutMs: 1_000,
        retries: 0,
      })
        .then((answer) => this.#take(answer, node)).catch(() => {});
    await ask(home);
    if (this.#layout.home === home) {
      const others = new Set([...layoutReplicas, ...shards.flatMap(({ inSync }) => inSync)]);
      await Promise.all([...others].filter((member) => member !== home).slice(0, 8).map(ask));
    }
  }

  /** What another than the home tells counts when the home has signed it, which this program's node finds out. */
  async #take(answer: unknown, teller: string): Promise<void> {
    const layout = readLayout(answer);
    const known = this.#layout;
    if (layout === undefined || layout.options.count !== this.count || !isNewer(layout, known)) return;
    if (layout.signature === undefined ? known.signature !== undefined : teller !== known.home) {
      if (!await this.#isSigned(layout, known)) return;
    }
    if (isNewer(layout, this.#layout)) this.#layout = layout;
  }

  async #isSigned(layout: ShardLayout, known: ShardLayout): Promise<boolean> {
    const { spec: { name } } = known;
    const params = { layout: layoutValue(layout), known: layoutValue(known) };
    try {
      const options = { timeoutMs: 1_000, retries: 0, idempotent: true };
      const answer = await this.#calls.ask(name, `${SHARDS_SERVICE}/check`, params, options);
      return (answer as { readonly ok?: unknown } | null)?.ok === true;
    } catch (error) {
      // A node of a former release knows no signatures.
      return error instanceof DataError && error.cause instanceof CallError &&
        error.cause.code === "UnknownAction";
    }
  }
}

/** Whether nothing can have come of a call: a shard that says it is not its owner's has done nothing before. */
function hasNotBegun({ code, cause }: DataError): boolean {
  if (code === "Moved") return true;
  return code === "OwnerAway" && cause instanceof CallError && (cause.code === code || !cause.executed);
}

function readPartial(query: Query, answer: JsonValue | undefined): PartialResult {
  const partial = answer === undefined ? undefined : decodePartial(query, answer);
  if (partial === undefined) {
    throw new DataError("Failed", "A shard has answered what is no answer to the query");
  }
  return partial;
}

function readQuery<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new DataError("InvalidQuery", `Cannot read the query: ${error.message}`, { cause: error });
  }
}

function spans(why: string): DataError {
  return new DataError("SpansShards", `What ends a message is within one owner, and ${why}`, {
    hint: "Keys with the same part between braces are in one shard, as {ann}/cart and {ann}/orders.",
  });
}

function away(name: string, shard: number, cause: DataError): DataError {
  return new DataError("OwnerAway", `Nobody answers for shard ${shard} of ${name}`, { cause });
}
