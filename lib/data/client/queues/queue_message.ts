/**
 * One delivery of a message, as its handler has it.
 * @module
 */

import type { JsonValue } from "../../../query/mod.ts";
import { DataError } from "../../errors.ts";
import type { Delivery } from "../../queue_engine.ts";
import type { Transaction, TransactionOptions } from "../transaction.ts";

/** How a message comes again that was not done. */
export interface FailOptions {
  /** After so many milliseconds, in place of the queue's backoff. */
  readonly delayMs?: number;
  /** It does not come again: it is a dead letter at once. */
  readonly isFinal?: boolean;
}

/** How a message's end is told to its worker. */
export interface MessageEnds {
  readonly commit: <Result>(
    body: (transaction: Transaction) => Result | Promise<Result>,
    options: Omit<TransactionOptions, "id">,
  ) => Promise<Result>;
}

/** One delivery of one message. */
export class QueueMessage<Value extends JsonValue = JsonValue> {
  /** What was pushed. */
  readonly value: Value;
  /** Of the message: the same whenever it comes again. */
  readonly number: number;
  /** Which delivery it is; the first is 1. */
  readonly attempt: number;
  /** When it was pushed, in milliseconds since 1970 by the owner's clock. */
  readonly pushedAt: number;
  /** Messages of the same key come one at a time. */
  readonly orderKey: string | undefined;
  /** Under which it was pushed. */
  readonly id: string | undefined;
  readonly #ends: MessageEnds;
  readonly #abort = new AbortController();
  #failure: { readonly reason: string; readonly options: FailOptions } | undefined;
  #isCommitted = false;

  /** @internal */
  constructor(delivery: Delivery, ends: MessageEnds) {
    this.value = delivery.value as Value;
    this.number = delivery.number;
    this.attempt = delivery.attempt;
    this.pushedAt = delivery.pushedAt;
    this.orderKey = delivery.orderKey;
    this.id = delivery.id;
    this.#ends = ends;
  }

  /** Aborted when the message is lost to this worker: it was not settled in time, or the worker does not wait any more. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /**
   * Writes to collections, and ends the delivery: however often the message is delivered, what is written is written once.
   * Where the queue's owner owns all of them it does both or none; else they are committed under an id of the message's own,
   * and the owner is told then. The body runs again when somebody else has changed what it has read.
   * @returns what the body gives, or has given when it was committed before
   * @throws DataError with code `LeaseLost` when the message was lost meanwhile, and as `Node.transaction`; then nothing
   *   was written
   */
  async commit<Result>(
    body: (transaction: Transaction) => Result | Promise<Result>,
    options: Omit<TransactionOptions, "id"> = {},
  ): Promise<Result> {
    if (this.#isCommitted) throw new DataError("LeaseLost", "The message is committed already");
    this.signal.throwIfAborted();
    const result = await this.#ends.commit(body, options);
    this.#isCommitted = true;
    return result;
  }

  /** Lets the message come again, or be a dead letter, when the handler returns. @param reason is kept with it */
  fail(reason: string, options: FailOptions = {}): void {
    this.#failure = { reason, options };
  }

  /** @internal */
  get isCommitted(): boolean {
    return this.#isCommitted;
  }

  /** @internal */
  get failure(): { readonly reason: string; readonly options: FailOptions } | undefined {
    return this.#failure;
  }

  /** @internal */
  lose(reason: DataError): void {
    this.#abort.abort(reason);
  }
}
