/**
 * The changes of a collection, as a program reads them.
 * @module
 */

import type { JsonValue, QueryParameters } from "../../query/mod.ts";
import type { Document } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { DataCalls } from "./data_calls.ts";
import type { Sealer } from "./sealer.ts";
import { type OpenWatch, WatchSource } from "./watch_source.ts";

/** What is watched. */
export interface WatchOptions {
  /** A condition such as `status = open`: changes are told of entries of which it is or was true. */
  readonly where?: string;
  /** The values of its parameters. */
  readonly parameters?: QueryParameters;
  /** The revision after which it begins, or the position of a change or watch; now unless given. */
  readonly after?: number | string;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** One change of one entry. */
export interface WatchedChange<Value extends Document = Document> {
  /** Of the change; from here another watch goes on, of a collection without shards. */
  readonly revision: number;
  /** From here another watch goes on, of any collection. */
  readonly position: string;
  /** The entry's. */
  readonly key: string;
  /** What has become of it. */
  readonly kind: "created" | "changed" | "deleted";
  /** The properties that have changed: what they were, and what they are. */
  readonly properties: Readonly<Record<string, { readonly old?: JsonValue; readonly new?: JsonValue }>>;
  /** What the entry is now, or was when it was deleted. */
  readonly value: Value;
  /** Milliseconds since 1970, by the owner's clock. */
  readonly at: number;
}

/**
 * Changes to read in a loop, each once, those of one shard in their order. It goes on by itself when an owner was away; it
 * ends with a `DataError` when changes were not kept for it (`Compacted`), or it was not read for a minute (`WatchTooSlow`),
 * whose `revision`, or the watch's `position`, says from where another one goes on.
 */
export class Watch<Value extends Document = Document> implements AsyncIterable<WatchedChange<Value>> {
  /** Settles when the owners tell of changes; with the revision after which they do, of several shards the highest. */
  readonly ready: Promise<number>;
  readonly #sources: readonly WatchSource[];
  readonly #sealer: Sealer | undefined;
  readonly #abort = new AbortController();
  /** What each source has told that was read. */
  readonly #told: (number | undefined)[];

  /** @internal */
  constructor(calls: DataCalls, collection: string, options: WatchOptions) {
    const signal = options.signal
      ? AbortSignal.any([options.signal, this.#abort.signal])
      : this.#abort.signal;
    this.#sealer = calls.sealer(collection);
    if (this.#sealer !== undefined && options.where !== undefined) {
      throw new DataError("Sealed", `Whoever keeps ${collection} can't look into its values`, {
        hint: "Watch all of it, and choose among what it tells.",
      });
    }
    const opens = openers(calls, collection);
    const after = readPosition(options.after, opens.length);
    this.#sources = opens.map((open, i) =>
      new WatchSource(calls, collection, open, { ...options, after: after?.[i], signal })
    );
    this.#told = this.#sources.map((_, i) => after?.[i]);
    const all = this.#sources.map(async ({ ready }, i) => this.#told[i] = await ready);
    this.ready = Promise.all(all).then((revisions) => Math.max(...revisions));
    this.ready.catch(() => {});
  }

  /** The revision up to which everything was told, of several shards the highest; undefined before the beginning. */
  get revision(): number | undefined {
    const [only] = this.#sources;
    if (this.#sources.length === 1) return only?.revision;
    const told = this.#told.filter((one) => one !== undefined);
    return told.length === 0 ? undefined : Math.max(...told);
  }

  /** From where another watch goes on; undefined before the beginning. */
  get position(): string | undefined {
    return this.#told.includes(undefined) ? undefined : this.#told.join(".");
  }

  /** Ends it. */
  close(): void {
    this.#abort.abort();
  }

  /** The changes; once. */
  async *[Symbol.asyncIterator](): AsyncGenerator<WatchedChange<Value>> {
    const streams = this.#sources.map((source) => source.changes(() => this.#handleProgress(source)));
    const next = async (i: number) => ({ i, result: await streams[i]?.next() });
    const pending = new Map(streams.map((_, i) => [i, next(i)]));
    try {
      while (pending.size > 0) {
        const { i, result } = await Promise.race(pending.values());
        if (result === undefined || result.done) {
          pending.delete(i);
          continue;
        }
        const change = this.#sealer ? await this.#sealer.openChange(result.value) : result.value;
        this.#told[i] = result.value.revision;
        if (change !== undefined) yield { ...change, position: this.position ?? "" } as WatchedChange<Value>;
        pending.set(i, next(i));
      }
    } finally {
      this.close();
      for (const one of pending.values()) one.catch(() => {});
    }
  }

  #handleProgress(source: WatchSource): void {
    this.#told[this.#sources.indexOf(source)] = source.revision;
  }
}

function openers(calls: DataCalls, collection: string): readonly OpenWatch[] {
  const router = calls.router(collection);
  if (router === undefined) {
    return [(params, signal) => calls.call(collection, "watch", params, { signal })];
  }
  return Array.from(
    { length: router.count },
    (_, shard) => (params, signal) => router.ask(shard, "watch", params, { signal, idempotent: true }),
  );
}

/** @returns a revision for each source @throws DataError */
function readPosition(after: number | string | undefined, count: number): readonly number[] | undefined {
  if (after === undefined) return undefined;
  const revisions = `${after}`.split(".").map(Number);
  const isSound = revisions.every((one) => Number.isSafeInteger(one) && one >= 0) &&
    // A collection that is read from its first change is so in each shard.
    (revisions.length === count || after === 0);
  if (isSound) return after === 0 ? Array<number>(count).fill(0) : revisions;
  throw new DataError(
    "Failed",
    `A watch of ${count} shards can't begin at ${JSON.stringify(after).slice(0, 64)}`,
    {
      hint: "Give it the position of a change or of another watch; 0 is the beginning.",
    },
  );
}
