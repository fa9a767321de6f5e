/**
 * Keeps the copy of one owner's entries up, over all times that the owner is away.
 * @module
 */

import type { CallOptions } from "../../../service/mod.ts";
import type { CollectionState, Entry } from "../../engine.ts";
import { DataError } from "../../errors.ts";
import type { ChangeItem, ProgressItem } from "../../service/mod.ts";
import { type DataCalls, dataFailure } from "../data_calls.ts";
import type { CopyRow, CopyState } from "./copy_state.ts";

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
/** How soon the owner is asked again while a copy is filled, or waited for. */
const SOON_MS = 20;
const ASK_TIMEOUT_MS = 5_000;

/** Failures after which the same owner, or another one, may be there soon. */
const AWAY: ReadonlySet<string> = new Set([
  "OwnerAway",
  "OutcomeUnknown",
  "Timeout",
  "Moved",
  "WatchTooSlow",
  "TooManyWatches",
]);

type Item = ChangeItem | ProgressItem;

/** One owner, and what is copied of it. */
export interface CopySourceParts {
  readonly calls: DataCalls;
  readonly collection: string;
  /** Asks the owner. @throws DataError */
  readonly ask: (
    action: string,
    params: Readonly<Record<string, unknown>>,
    options: CallOptions,
  ) => Promise<unknown>;
  /** What the owner is to tell of changes. */
  readonly filter: Readonly<Record<string, unknown>>;
  /** @returns what the copy has of an entry; undefined when it is not wanted @throws DataError */
  readonly read: (entry: Entry) => Promise<CopyRow | undefined>;
  /** How often the owner is asked where it is, in milliseconds. */
  readonly askMs: number;
  /** Something has come to be known. */
  readonly onChange: () => void;
  /** The owner is not there now. */
  readonly onAway: (error: unknown) => void;
  /** What was there may not be shown any more, or has no room, and the state is empty. */
  readonly onFailure: (error: unknown) => void;
}

/** Follows one owner. */
export class CopySource {
  readonly state: CopyState;
  readonly #parts: CopySourceParts;
  #askNow = () => {};
  #isHurried = false;

  constructor(state: CopyState, parts: CopySourceParts) {
    this.state = state;
    this.#parts = parts;
  }

  /** Has the owner asked at once, and again until all of it is known. */
  hurry(): void {
    this.#isHurried = true;
    this.#askNow();
  }

  /** Follows until `signal` ends it. */
  async run(signal: AbortSignal): Promise<void> {
    const { calls, collection } = this.#parts;
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const before = this.state.asOf;
      try {
        await this.#follow(signal);
        continue;
      } catch (error) {
        if (signal.aborted) return;
        const failure = dataFailure(collection, error);
        const code = failure instanceof DataError ? failure.code : undefined;
        this.state.handleLost();
        if (this.state.asOf !== before) retryMs = FIRST_RETRY_MS;
        if (code === "Compacted") this.state.refill();
        else if (code !== undefined && AWAY.has(code)) this.#parts.onAway(failure);
        else {
          this.state.empty();
          const isOver = code === undefined || code === "TooLarge" || code === "InvalidQuery";
          this.#parts.onFailure(failure);
          if (isOver) return;
          retryMs = MAX_RETRY_MS;
        }
        await calls.pause(retryMs, signal).catch(() => {});
        retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
      }
    }
  }

  /** Follows one watch, until it has to be opened anew. @throws unknown */
  async #follow(outer: AbortSignal): Promise<void> {
    const abort = new AbortController();
    const signal = AbortSignal.any([outer, abort.signal]);
    const { ask, filter } = this.#parts;
    const after = this.state.resumeAfter;
    const params = { ...filter, isCopy: true, ...after !== undefined && { after } };
    const stream = await ask("watch", params, { signal, idempotent: true }) as ReadableStream<Item>;
    const items = stream.getReader();
    const work: Promise<void>[] = [];
    try {
      const first = await items.read();
      if (first.done) throw ended();
      const next = this.state.handleOpened(first.value as ProgressItem);
      if (next === "reopen") return;
      const filled = next === "fill" ? this.#fill(signal) : Promise.resolve();
      work.push(this.#read(items), this.#ask(signal, filled), filled.then(() => new Promise<void>(() => {})));
      await Promise.race(work);
    } finally {
      abort.abort();
      for (const one of work) one.catch(() => {});
      await items.cancel().catch(() => {});
    }
  }

  /** Reads changes, until everything is to be read anew. @throws unknown */
  async #read(items: ReadableStreamDefaultReader<Item>): Promise<void> {
    for (;;) {
      const { done, value: item } = await items.read();
      if (done) throw ended();
      if (item.kind === "progress") this.state.handleProgress(item);
      else {
        const { key, value, revision, at } = item;
        const row = item.kind === "deleted" ? undefined : await this.#parts.read({ key, value, revision });
        this.state.handleChange({ key, revision, row }, at);
      }
      if (this.state.needsFill) return;
      this.#parts.onChange();
    }
  }

  /** Reads all entries. @throws unknown */
  async #fill(signal: AbortSignal): Promise<void> {
    let after: string | null = "";
    while (after !== null) {
      const params: Record<string, unknown> = after === "" ? {} : { after };
      const part = await this.#parts.ask("list", params, { signal, idempotent: true }) as {
        readonly entries: readonly Entry[];
        readonly after: string | null;
      };
      const rows = await Promise.all(part.entries.map((entry) => this.#parts.read(entry)));
      if (signal.aborted) return;
      this.state.handlePage(rows.filter((row) => row !== undefined));
      after = part.after;
    }
    this.state.handleListed();
  }

  /** Asks the owner where it is, again and again, until everything is to be read anew. @throws unknown */
  async #ask(signal: AbortSignal, filled: Promise<void>): Promise<void> {
    const { calls, ask, askMs, onChange } = this.#parts;
    await filled;
    for (;;) {
      this.#isHurried = false;
      const askedAt = calls.now();
      const { position } = this.state;
      try {
        const timeoutMs = ASK_TIMEOUT_MS;
        const state = await ask("describe", {}, { signal, idempotent: true, timeoutMs }) as CollectionState;
        this.state.handleState(askedAt, position, state.revision);
      } catch (error) {
        const failure = dataFailure(this.#parts.collection, error);
        // Whether the owner is away the watch finds out; till then the copy grows older.
        if (!(failure instanceof DataError && AWAY.has(failure.code))) throw failure;
      }
      if (this.state.needsFill || signal.aborted) return;
      onChange();
      if (this.#isHurried) continue;
      const called = new Promise<void>((resolve) => this.#askNow = resolve);
      const waiting = this.state.isFilling ? SOON_MS : askMs;
      const stop = new AbortController();
      const paused = calls.pause(waiting, AbortSignal.any([signal, stop.signal])).catch(() => {});
      await Promise.race([called, paused]);
      stop.abort();
      if (signal.aborted) return;
    }
  }
}

function ended(): DataError {
  return new DataError("OwnerAway", "The owner has ended the watch");
}
