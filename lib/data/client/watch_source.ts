/**
 * The changes that one owner tells, over all times that it is away.
 * @module
 */

import type { QueryParameters } from "../../query/mod.ts";
import { DataError } from "../errors.ts";
import type { ChangeItem, ProgressItem } from "../service/mod.ts";
import { type DataCalls, dataFailure } from "./data_calls.ts";

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

type Items = ReadableStream<ChangeItem | ProgressItem>;

/** Asks an owner to tell of changes. */
export type OpenWatch = (
  params: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<unknown>;

/** What is watched of one owner. */
export interface SourceOptions {
  readonly where?: string;
  readonly parameters?: QueryParameters;
  readonly after: number | undefined;
  readonly signal: AbortSignal;
}

/** One owner of changes. */
export class WatchSource {
  /** Settles when the owner tells of changes; with the revision after which it does. */
  readonly ready: Promise<number>;
  readonly #calls: DataCalls;
  readonly #collection: string;
  readonly #ask: OpenWatch;
  readonly #options: SourceOptions;
  #revision: number | undefined;
  #first: Promise<Items>;

  constructor(calls: DataCalls, collection: string, open: OpenWatch, options: SourceOptions) {
    this.#calls = calls;
    this.#collection = collection;
    this.#ask = open;
    this.#options = options;
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

  /** The changes; once. @param onProgress nothing was to be told up to `revision` */
  async *changes(onProgress: () => void): AsyncGenerator<ChangeItem> {
    const { signal } = this.#options;
    let retryMs = FIRST_RETRY_MS;
    let opening: Promise<Items> | undefined = this.#first;
    while (!signal.aborted) {
      try {
        const items: Items = await (opening ?? this.#open());
        opening = undefined;
        for await (const item of items) {
          if (signal.aborted) return;
          this.#revision = item.revision;
          retryMs = FIRST_RETRY_MS;
          if (item.kind === "progress") onProgress();
          else yield item;
        }
      } catch (error) {
        opening = undefined;
        if (signal.aborted) return;
        const failure = dataFailure(this.#collection, error);
        if (!(failure instanceof DataError)) throw failure;
        if (!AWAY.has(failure.code)) {
          const { code, message, hint } = failure;
          throw new DataError(code, message, {
            revision: this.#revision,
            cause: failure,
            ...hint !== undefined && { hint },
          });
        }
      }
      await this.#calls.pause(retryMs, signal).catch(() => {});
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    }
  }

  async #open(): Promise<Items> {
    const { where, parameters, signal } = this.#options;
    const params = {
      ...where !== undefined && { where },
      ...parameters !== undefined && { parameters },
      ...this.#revision !== undefined && { after: this.#revision },
    };
    return await this.#ask(params, signal) as Items;
  }
}

/** The stream of an owner that has ended, or is none any more, may end in any of these ways. */
const AWAY: ReadonlySet<string> = new Set(["OwnerAway", "OutcomeUnknown", "Timeout", "Moved"]);

/** @returns the first item of a stream, and the others */
async function firstOf(stream: Items): Promise<[ChangeItem | ProgressItem, Items]> {
  const reader = stream.getReader();
  const { done, value } = await reader.read();
  reader.releaseLock();
  if (done) throw new DataError("OwnerAway", "The owner has ended the watch before it began");
  return [value, stream];
}
