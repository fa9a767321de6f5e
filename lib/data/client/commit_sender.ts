/**
 * Sends what a transaction has read and written to whoever commits it.
 *
 * ```
 *   sealed ──▶ owner of the queue whose delivery it ends ──NotOwner──▶ owner of the first collection
 *                                                                        │ NotOwner, or several shards
 *                                                                        └──▶ two phases
 * ```
 *
 * @module
 */

import type { CommitAnswer } from "../engine.ts";
import { DataError } from "../errors.ts";
import { collectionPath, queuePath } from "../service/mod.ts";
import type { DataCalls } from "./data_calls.ts";
import type { Sealer } from "./sealer.ts";
import { type CommitPart, commitParts, partsOf, recordOf, type SpreadCommit } from "./two_phase_commit.ts";

/** The delivery of a message that ends with a transaction. */
export interface DeliveryEnd {
  /** Under which it is committed: the same whenever the message comes. */
  readonly id: string;
  /** The queue's name. */
  readonly queue: string;
  /** What its owner is told beside the commit. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Called before it is committed without the queue's owner, which does not own all of it. @throws DataError to forbid it */
  readonly checkLease: () => Promise<void>;
  /** Called when it is committed, and the delivery has not ended by that, as far as is known. */
  readonly onStillOpen: () => void;
}

/** How commits are sent. */
export interface SendOptions {
  /** Whether others may send the same under its id. */
  readonly isGiven: boolean;
  /** By `DataCalls.now`. */
  readonly until: number;
  readonly signal: AbortSignal | undefined;
  readonly delivery: DeliveryEnd | undefined;
}

/** Sends all tries of one transaction, and remembers who commits it. */
export class CommitSender {
  readonly #calls: DataCalls;
  readonly #options: SendOptions;
  /** Whether the queue's owner commits it, as far as is known. */
  #isAtQueue: boolean;
  /** Whether it is surely not at one owner. */
  #isSpread = false;

  constructor(calls: DataCalls, options: SendOptions) {
    this.#calls = calls;
    this.#options = options;
    this.#isAtQueue = options.delivery !== undefined;
  }

  /**
   * Commits until there is an answer: under its id it happens once.
   * @param isOrdered whether parts are prepared one after the other, so that of several that meet one gets through
   * @returns nothing where there was nothing to commit
   * @throws DataError with code `Conflict` or `Locked` when somebody was faster, and nothing was written
   */
  async send(
    commit: SpreadCommit,
    { isOrdered }: { readonly isOrdered: boolean },
  ): Promise<CommitAnswer | undefined> {
    const sealer = this.#sealerOf(commit);
    const answer = await this.#send(
      sealer === undefined ? commit : await this.#seal(commit, sealer),
      isOrdered,
    );
    if (sealer === undefined || !answer?.isRepeated || answer.result === undefined) return answer;
    const { result: kept, ...rest } = answer;
    const result = await sealer.openResult(commit.id, kept);
    return { ...rest, ...result !== undefined && { result } };
  }

  /** Who seals for the first collection by name that is sealed. */
  #sealerOf({ reads, writes }: SpreadCommit): Sealer | undefined {
    const names = new Set([...reads, ...writes].map(({ collection }) => collection));
    return [...names].sort().map((name) => this.#calls.sealer(name)).find((sealer) => sealer !== undefined);
  }

  /** What is sealed never leaves this program otherwise, whoever commits it. */
  async #seal({ result, ...commit }: SpreadCommit, sealer: Sealer): Promise<SpreadCommit> {
    const writes = await Promise.all(
      commit.writes.map((write) => this.#calls.sealer(write.collection)?.sealWrite(write) ?? write),
    );
    const kept = result === undefined ? undefined : await sealer.sealResult(commit.id, result);
    return { ...commit, writes, ...kept !== undefined && { result: kept } };
  }

  async #send(commit: SpreadCommit, isOrdered: boolean): Promise<CommitAnswer | undefined> {
    const { delivery } = this.#options;
    if (this.#isAtQueue && delivery !== undefined) {
      const answer = await this.#sendToQueue(delivery, commit);
      if (answer !== undefined) return answer;
    }
    const [first] = [...commit.writes, ...commit.reads];
    const answer = first && await this.#sendToOwners(first.collection, commit, isOrdered);
    delivery?.onStillOpen();
    return answer;
  }

  /** @returns undefined when the queue's owner does not own all of it */
  async #sendToQueue(delivery: DeliveryEnd, commit: SpreadCommit): Promise<CommitAnswer | undefined> {
    const { queue, params } = delivery;
    const path = `${queuePath(queue)}/commit`;
    const answer = await this.#unlessNotOwner(queue, path, { ...params, ...commit });
    if (answer === undefined) {
      await delivery.checkLease();
      this.#isAtQueue = false;
    } else if (answer.isRepeated) delivery.onStillOpen();
    return answer;
  }

  async #sendToOwners(first: string, commit: SpreadCommit, isOrdered: boolean): Promise<CommitAnswer> {
    const { until, signal } = this.#options;
    const parts = partsOf(this.#calls, commit);
    this.#isSpread ||= this.#isOverSeveral(parts, commit.id);
    if (!this.#isSpread) {
      const answer = await this.#sendToOwner(first, commit);
      if (answer !== undefined) return answer;
      this.#isSpread = true;
    }
    return await commitParts(this.#calls, commit, parts, { until, isOrdered, signal });
  }

  /**
   * Whether what is to be committed is surely not at one owner: at several shards, at one and elsewhere, or, where others may
   * send it, too, not where the id says that it is recorded.
   */
  #isOverSeveral(parts: readonly CommitPart[], id: string): boolean {
    const isSharded = parts.some(({ place }) => place.shard !== undefined);
    if (!isSharded || parts.length > 1) return isSharded;
    return this.#options.isGiven && recordOf(this.#calls, id, parts).shard !== parts[0]?.place.shard;
  }

  async #sendToOwner(collection: string, commit: SpreadCommit): Promise<CommitAnswer | undefined> {
    if (this.#calls.router(collection) === undefined) {
      return await this.#unlessNotOwner(collection, `${collectionPath(collection)}/commit`, commit);
    }
    const { until, signal } = this.#options;
    const options = this.#calls.optionsUntil(until, signal);
    return await this.#calls.callStored(collection, "commit", commit, options) as CommitAnswer;
  }

  async #unlessNotOwner(name: string, path: string, params: unknown): Promise<CommitAnswer | undefined> {
    const { until, signal } = this.#options;
    try {
      return await this.#calls.askUntil(name, path, params, until, signal) as CommitAnswer;
    } catch (error) {
      if (error instanceof DataError && error.code === "NotOwner") return undefined;
      throw error;
    }
  }
}
