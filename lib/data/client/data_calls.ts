/**
 * Calls of collections, and what their failures mean.
 * @module
 */

import {
  type Clock,
  encodeBase64Url,
  randomBytes,
  randomFraction,
  type RandomSource,
  type Timers,
} from "../../base/mod.ts";
import { CallError, type CallOptions } from "../../service/mod.ts";
import type { CollectionSpec } from "../engine.ts";
import { DataError, type DataFailureCode } from "../errors.ts";
import { collectionPath } from "../service/mod.ts";
import { readLayout } from "../shards/mod.ts";
import { type AskStored, Sealer } from "./sealer.ts";
import { ShardRouter } from "./shard_router.ts";

/** What collections are called by. */
export interface DataClientParts {
  /** Makes a call, as `Node.request` does. */
  readonly request: (path: string, params: unknown, options: CallOptions) => Promise<unknown>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
}

/** Failures of calls that mean that whoever owns the collection is not there now. */
const AWAY: ReadonlySet<string> = new Set([
  "NoProvider",
  "Unreachable",
  "ServicePaused",
  "Stopped",
  "StreamBroken",
]);
const OWN_CODES: ReadonlySet<string> = new Set<DataFailureCode>([
  "InvalidCollection",
  "UnknownCollection",
  "OwnerAway",
  "NotOwner",
  "InvalidKey",
  "InvalidValue",
  "TooLarge",
  "NotFound",
  "AlreadyExists",
  "Conflict",
  "Locked",
  "InvalidQuery",
  "TooMuchWork",
  "DiskFull",
  "Compacted",
  "WatchTooSlow",
  "TooManyWatches",
  "SchemaChanged",
  "InvalidQueue",
  "UnknownQueue",
  "QueueFull",
  "LeaseLost",
  "TooManyWorkers",
  "Refused",
  "Timeout",
  "OutcomeUnknown",
  "Moved",
  "SpansShards",
  "Sealed",
  "Failed",
]);

const DEFAULT_TIMEOUT_MS = 10_000;
/** How soon something is tried again, in milliseconds; each time it takes twice as long. */
export const FIRST_RETRY_MS = 2;
/** How long it takes at most. */
export const MAX_RETRY_MS = 250;
/** Failures after which what happens once however often it is sent is sent again. */
const AGAIN: ReadonlySet<string> = new Set<DataFailureCode>(["OwnerAway", "OutcomeUnknown", "Timeout"]);

/** Whether the owner may be there again soon, and what was asked may have happened. */
export function isOpen(error: unknown): error is DataError {
  return error instanceof DataError && AGAIN.has(error.code);
}

/** Another transaction is about to end, or the collection is on its way to another engine. */
function isInTheWay(error: unknown): boolean {
  return isOnItsWay(error) || (error instanceof DataError && error.code === "Locked");
}

function isOnItsWay(error: unknown): boolean {
  return error instanceof DataError && error.code === "Moved";
}

/** Calls collections and queues wherever they are, and waits. */
export class DataCalls {
  /** Draws chance. */
  readonly random: RandomSource;
  readonly #parts: DataClientParts;
  readonly #routers = new Map<string, ShardRouter>();
  readonly #sealers = new Map<string, Sealer>();

  constructor(parts: DataClientParts) {
    this.#parts = parts;
    this.random = parts.random;
  }

  /** Settles after a while. @throws the signal's reason */
  pause(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        cancel();
        reject(signal?.reason);
      };
      const cancel = this.#parts.timers.setTimer(ms, () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      });
      if (signal?.aborted) stop();
      else signal?.addEventListener("abort", stop, { once: true });
    });
  }

  /** Draws what nobody guesses, 22 characters. */
  drawId(): string {
    return encodeBase64Url(randomBytes(this.random, 16));
  }

  /** The time by a monotonic clock, in milliseconds. */
  now(): number {
    return this.#parts.clock.now();
  }

  /** Options of calls that happen once however often they are sent. @param until by `now` */
  optionsUntil(until: number, signal: AbortSignal | undefined): CallOptions & { readonly timeoutMs: number } {
    const timeoutMs = Math.max(1, Math.ceil(until - this.now()));
    return { idempotent: true, timeoutMs, ...signal && { signal } };
  }

  /** Who is asked of a collection that is spread over members; undefined of one that has one owner. */
  router(collection: string): ShardRouter | undefined {
    return this.#routers.get(collection);
  }

  /** A collection is spread over members, as its home says; or is not. */
  setLayout(collection: string, value: unknown): void {
    const layout = readLayout(value);
    if (layout === undefined) this.#routers.delete(collection);
    else if (!this.#routers.has(collection)) this.#routers.set(collection, new ShardRouter(this, layout));
  }

  /** A collection is sealed, as its owner says; or is not. */
  setSeal({ name, key, seal }: Pick<CollectionSpec, "name" | "key" | "seal">): void {
    if (seal === undefined) this.#sealers.delete(name);
    else if (!this.#sealers.has(name)) {
      const ask: AskStored = (action, params, options) => this.callStored(name, action, params, options);
      this.#sealers.set(name, new Sealer(this, { name, key, seal }, ask));
    }
  }

  /** Who opens what a collection holds; undefined of one that is not sealed. */
  sealer(collection: string): Sealer | undefined {
    return this.#sealers.get(collection);
  }

  /** Calls an action of a collection. @throws DataError */
  call(collection: string, action: string, params: unknown, options: CallOptions = {}): Promise<unknown> {
    const sealer = this.#sealers.get(collection);
    return sealer === undefined
      ? this.callStored(collection, action, params, options)
      : sealer.call(action, params, options);
  }

  /** Calls an action of a collection as it is kept: what is sealed stays so. @throws DataError */
  callStored(collection: string, action: string, params: unknown, options: CallOptions): Promise<unknown> {
    const router = this.#routers.get(collection);
    if (router !== undefined) return router.call(action, params, options);
    return this.askMoving(collection, `${collectionPath(collection)}/${action}`, params, options);
  }

  /** Calls an action about a collection. @throws DataError */
  async ask(collection: string, path: string, params: unknown, options: CallOptions): Promise<unknown> {
    try {
      return await this.#parts.request(path, params, options);
    } catch (error) {
      throw dataFailure(collection, error);
    }
  }

  /** Waits while a collection is on its way from one engine to the other: nothing was done meanwhile. @throws DataError */
  async askMoving(
    collection: string,
    path: string,
    params: unknown,
    options: CallOptions,
  ): Promise<unknown> {
    const until = this.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    let retryMs = FIRST_RETRY_MS;
    for (;;) {
      try {
        return await this.ask(collection, path, params, options);
      } catch (error) {
        if (!isInTheWay(error) || this.now() + retryMs >= until || options.signal?.aborted) throw error;
      }
      await this.pause(retryMs * (0.5 + randomFraction(this.random)), options.signal);
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    }
  }

  /** Calls what happens once however often it is sent, until there is an answer. @param until by `now` @throws DataError */
  async askUntil(
    name: string,
    path: string,
    params: unknown,
    until: number,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    let retryMs = FIRST_RETRY_MS;
    for (;;) {
      try {
        return await this.ask(name, path, params, this.optionsUntil(until, signal));
      } catch (error) {
        if (!(isOpen(error) || isOnItsWay(error)) || this.now() + retryMs >= until || signal?.aborted) {
          throw error;
        }
      }
      await this.pause(retryMs, signal);
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    }
  }
}

/** @returns what a failed call means for a collection; what is none stays as it is */
export function dataFailure(collection: string, error: unknown): unknown {
  if (!(error instanceof CallError)) return error;
  const { code, message, retryable, hint } = error;
  const told = { cause: error, ...hint !== undefined && { hint } };
  if (OWN_CODES.has(code)) return new DataError(code as DataFailureCode, message, told);
  const options = { ...told, retryable };
  if (AWAY.has(code)) {
    return new DataError("OwnerAway", `The owner of ${collection} is not there: ${message}`, options);
  }
  if (code === "PayloadTooLarge") return new DataError("TooLarge", message, options);
  return new DataError("Failed", `${message} (${code})`, options);
}
