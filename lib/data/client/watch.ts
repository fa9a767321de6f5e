/**
 * The changes of a collection, as a program reads them.
 * @module
 */

import type { JsonValue, QueryParameters } from "../../query/mod.ts";
import type { Document } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { ChangeItem, ProgressItem } from "../service/mod.ts";
import { type DataCalls, dataFailure } from "./data_calls.ts";

/** What is watched. */
export interface WatchOptions {
  /** A condition such as `status = open`: changes are told of entries of which it is or was true. */
  readonly where?: string;
  /** The values of its parameters. */
  readonly parameters?: QueryParameters;
  /** The revision after which it begins; now unless given. */
  readonly after?: number;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** One change of one entry. */
export interface WatchedChange<Value extends Document = Document> {
  /** Of the change; from here another watch goes on. */
  readonly revision: number;
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

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

/**
 * Changes to read in a loop, each once and in their order. It goes on by itself when the owner was away; it ends with a
 * `DataError` when changes were not kept for it (`Compacted`), or it was not read for a minute (`WatchTooSlow`), whose
 * `revision` says from where another one goes on.
 */
export class Watch<Value extends Document = Document> implements AsyncIterable<WatchedChange<Value>> {
  /** Settles when the owner tells of changes; with the revision after which it does. */
  readonly ready: Promise<number>;
  readonly #calls: DataCalls;
  readonly #collection: string;
  readonly #options: WatchOptions;
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal;
  #revision: number | undefined;
  #first: Promise<ReadableStream<ChangeItem | ProgressItem>>;

  /** @internal */
  constructor(calls: DataCalls, collection: string, options: WatchOptions) {
    this.#calls = calls;
    this.#collection = collection;
    this.#options = options;
    this.#signal = options.signal
      ? AbortSignal.any([options.signal, this.#abort.signal])
      : this.#abort.signal;
    this.#revision = options.after;
    const ready = Promise.withResolvers<number>();
    this.ready = ready.promise;
    this.#first = this.#open().then(async (stream) => {
      // The owner says first where it begins.
      const [begun, rest] = await firstOf(stream);
      this.#revision = begun.revision;
      ready.resolve(begun.revision);
      return rest;
    });
    this.#first.catch((error) => ready.reject(error));
    this.ready.catch(() => {});
  }

  /** The revision up to which everything was told; undefined before the beginning. */
  get revision(): number | undefined {
    return this.#revision;
  }

  /** Ends it. */
  close(): void {
    this.#abort.abort();
  }

  /** The changes; once. */
  async *[Symbol.asyncIterator](): AsyncGenerator<WatchedChange<Value>> {
    let retryMs = FIRST_RETRY_MS;
    let opening: Promise<ReadableStream<ChangeItem | ProgressItem>> | undefined = this.#first;
    try {
      while (!this.#signal.aborted) {
        try {
          const items = await (opening ?? this.#open());
          opening = undefined;
          for await (const item of items) {
            if (this.#signal.aborted) return;
            this.#revision = item.revision;
            retryMs = FIRST_RETRY_MS;
            if (item.kind !== "progress") yield item as WatchedChange<Value>;
          }
        } catch (error) {
          opening = undefined;
          if (this.#signal.aborted) return;
          const failure = dataFailure(this.#collection, error);
          if (!(failure instanceof DataError)) throw failure;
          // The stream of an owner that has ended may end in any of these ways.
          const isAway = failure.code === "OwnerAway" || failure.code === "OutcomeUnknown" ||
            failure.code === "Timeout";
          if (!isAway) {
            const { code, message, hint } = failure;
            throw new DataError(code, message, {
              revision: this.#revision,
              cause: failure,
              ...hint !== undefined && { hint },
            });
          }
        }
        await this.#calls.pause(retryMs, this.#signal).catch(() => {});
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      }
    } finally {
      this.close();
    }
  }

  async #open(): Promise<ReadableStream<ChangeItem | ProgressItem>> {
    const { where, parameters } = this.#options;
    const params = {
      ...where !== undefined && { where },
      ...parameters !== undefined && { parameters },
      ...this.#revision !== undefined && { after: this.#revision },
    };
    const stream = await this.#calls.call(this.#collection, "watch", params, { signal: this.#signal });
    return stream as ReadableStream<ChangeItem | ProgressItem>;
  }
}

/** @returns the first item of a stream, and the others */
async function firstOf<Item>(stream: ReadableStream<Item>): Promise<[Item, ReadableStream<Item>]> {
  const reader = stream.getReader();
  const { done, value } = await reader.read();
  reader.releaseLock();
  if (done) throw new DataError("OwnerAway", "The owner has ended the watch before it began");
  return [value, stream];
}
