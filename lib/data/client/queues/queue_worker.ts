/**
 * Handles the messages of a queue.
 *
 * ```
 *   take ──▶ handlers, as many as may run ──▶ settle, together with others of the same turn
 *    ▲           │ renew, while they run
 *    └───────────┘ as many as have ended
 * ```
 *
 * No more is asked for than can be begun, so that nothing waits here that another worker could do.
 *
 * @module
 */

import { encodeBase64Url, randomBytes } from "../../../base/mod.ts";
import type { JsonValue } from "../../../query/mod.ts";
import { MAX_BATCH } from "../../bounds.ts";
import { DataError } from "../../errors.ts";
import type { Delivery, Settlement } from "../../queue_engine.ts";
import { queuePath } from "../../service/mod.ts";
import type { DeliveryEnd } from "../commit_sender.ts";
import { type DataCalls, isOpen } from "../data_calls.ts";
import { runTransaction } from "../transaction.ts";
import { QueueMessage } from "./queue_message.ts";

/** Handles one message; it is done when it returns, or what it returns resolves. */
export type MessageHandler<Value extends JsonValue = JsonValue> = (
  message: QueueMessage<Value>,
) => unknown;

/** How messages are handled. */
export interface WorkOptions {
  /** How many at the same time; 1 unless given, at most 256. */
  readonly concurrency?: number;
  /** How long the owner waits for a word of this worker, in milliseconds, as the queue says unless given. */
  readonly leaseMs?: number;
  /** How long a handler may run, in milliseconds; as the queue's `maxLeaseMs` unless given. */
  readonly timeoutMs?: number;
  /** Stops it, as `stop` does. */
  readonly signal?: AbortSignal;
  /** Told of what handlers throw, and of failures to reach the owner, which are tried again. */
  readonly onError?: (error: unknown) => void;
}

interface Held {
  readonly delivery: Delivery;
  readonly message: QueueMessage;
  /** By the clock of this program, as far as it knows. */
  until: number;
  /** Whether it is committed, and its owner is to be told that it is done. */
  isStillOpen: boolean;
  isOver: boolean;
}

/** A request for messages waits so long at the owner, in milliseconds. */
const WAIT_MS = 20_000;
/** Its answer is waited for so much longer. */
const ANSWER_MS = 10_000;
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 5_000;
/** A settlement is not tried for longer. */
const SETTLE_MS = 30_000;
const MOST_MESSAGES_AT_ONCE = 256;

/** Handles messages until it is stopped, or the owner refuses it. */
export class QueueWorker implements AsyncDisposable {
  /** Settles when it has stopped; rejects with a `DataError` when the owner does not let it work, or has no such queue. */
  readonly ended: Promise<void>;
  readonly #calls: DataCalls;
  readonly #queue: string;
  readonly #handler: MessageHandler;
  readonly #options: WorkOptions;
  readonly #concurrency: number;
  readonly #worker: string;
  readonly #held = new Map<string, Held>();
  readonly #stopping = new AbortController();
  /** Aborted when nothing runs any more. */
  readonly #over = new AbortController();
  #settlements: Settlement[] = [];
  #settling: Promise<void> | undefined;
  #wakeFetch = () => {};
  #wakeRenew = () => {};
  #running = 0;
  #leaseMs = 30_000;

  /** @internal */
  constructor(calls: DataCalls, queue: string, handler: MessageHandler, options: WorkOptions) {
    const { concurrency = 1, signal } = options;
    if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MOST_MESSAGES_AT_ONCE) {
      throw new RangeError(`concurrency is a whole number from 1 to ${MOST_MESSAGES_AT_ONCE}`);
    }
    this.#calls = calls;
    this.#queue = queue;
    this.#handler = handler;
    this.#options = options;
    this.#concurrency = concurrency;
    this.#worker = encodeBase64Url(randomBytes(calls.random, 12));
    if (options.leaseMs !== undefined) this.#leaseMs = options.leaseMs;
    const stop = () => void this.#stopping.abort();
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
    this.ended = this.#run().finally(() => signal?.removeEventListener("abort", stop));
    this.ended.catch(() => {});
  }

  /** How many messages are handled now. */
  get running(): number {
    return this.#running;
  }

  /** Asks for no more messages, waits for the handlers that run, and settles theirs. Harmless when repeated. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wakeFetch();
    await this.ended.catch(() => {});
  }

  /** The same. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #run(): Promise<void> {
    const renewing = this.#renewAll();
    try {
      await this.#fetchAll();
    } finally {
      await this.#untilIdle();
      this.#over.abort();
      this.#wakeRenew();
      await renewing;
      await this.#giveBack();
    }
  }

  async #fetchAll(): Promise<void> {
    const { signal } = this.#stopping;
    let pauseMs = FIRST_PAUSE_MS;
    // Whether an answer may have been lost, with messages that this worker has never heard of.
    let isUnsure = false;
    while (!signal.aborted) {
      const free = this.#concurrency - this.#running;
      if (free === 0) {
        await new Promise<void>((resolve) => this.#wakeFetch = resolve);
        continue;
      }
      try {
        const { leaseMs } = this.#options;
        const deliveries = await this.#call("take", {
          ...{ limit: free, waitMs: WAIT_MS },
          ...leaseMs !== undefined && { leaseMs },
          ...isUnsure && { leases: [...this.#held.keys()] },
        }, { timeoutMs: WAIT_MS + ANSWER_MS, signal }) as readonly Delivery[];
        isUnsure = false;
        pauseMs = FIRST_PAUSE_MS;
        for (const delivery of deliveries) this.#begin(delivery);
      } catch (error) {
        if (signal.aborted) return;
        isUnsure = true;
        const mayPass = isOpen(error) || (error instanceof DataError && error.retryable);
        if (!mayPass) throw error;
        this.#options.onError?.(error);
        await this.#calls.pause(pauseMs, signal).catch(() => {});
        pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS);
      }
    }
  }

  #begin(delivery: Delivery): void {
    const message: QueueMessage = new QueueMessage(delivery, {
      commit: (body, options) => {
        const end = this.#deliveryEnd(delivery, () => held.isStillOpen = true);
        return runTransaction(this.#calls, body, { signal: message.signal, ...options }, end);
      },
    });
    this.#leaseMs = delivery.leaseMs;
    const until = this.#calls.now() + delivery.leaseMs;
    const held: Held = { delivery, message, until, isStillOpen: false, isOver: false };
    this.#held.set(delivery.lease, held);
    this.#running++;
    this.#wakeRenew();
    void this.#handle(held);
  }

  #deliveryEnd({ lease, number, pushedAt, nonce }: Delivery, onStillOpen: () => void): DeliveryEnd {
    const queue = this.#queue;
    return {
      // Numbers come again in a queue that is made anew, and whoever guesses the id could take it (see `Node.transaction`).
      id: `${queue}/${number}/${nonce ?? pushedAt}`,
      queue,
      params: { worker: this.#worker, lease },
      checkLease: async () => {
        const options = { timeoutMs: this.#leaseMs, idempotent: true };
        const [isKept] = await this.#call("renew", { leases: [lease] }, options) as readonly boolean[];
        if (isKept !== true) throw leaseLost(number);
      },
      onStillOpen,
    };
  }

  async #handle(held: Held): Promise<void> {
    const { message, delivery: { lease } } = held;
    try {
      const { timeoutMs } = this.#options;
      // A handler that throws at once has failed as one whose promise has.
      const handled = Promise.resolve(message).then((message) => this.#handler(message));
      await (timeoutMs === undefined ? handled : this.#within(timeoutMs, handled, message));
      const { failure } = message;
      if (message.isCommitted) this.#endCommitted(held);
      else if (failure === undefined) this.#end(held, { kind: "done", lease });
      else this.#end(held, { kind: "failed", lease, error: failure.reason, ...failure.options });
    } catch (error) {
      this.#options.onError?.(error);
      if (message.isCommitted) return this.#endCommitted(held);
      const { options = {} } = message.failure ?? {};
      this.#end(held, { kind: "failed", lease, error: messageOf(error), ...options });
    }
  }

  /** @throws DataError with code `Timeout` */
  async #within(timeoutMs: number, handled: Promise<unknown>, message: QueueMessage): Promise<void> {
    const timeout = new AbortController();
    const late = this.#calls.pause(timeoutMs, timeout.signal).then(() => {
      const error = new DataError("Timeout", `The handler has not ended within ${timeoutMs} ms`);
      message.lose(error);
      throw error;
    });
    late.catch(() => {});
    handled.catch(() => {});
    await Promise.race([handled, late]).finally(() => timeout.abort(new Error("over")));
  }

  #endCommitted(held: Held): void {
    if (held.isStillOpen) this.#end(held, { kind: "done", lease: held.delivery.lease });
    else this.#end(held);
  }

  #end(held: Held, settlement?: Settlement): void {
    if (held.isOver) return;
    held.isOver = true;
    this.#held.delete(held.delivery.lease);
    this.#running--;
    if (settlement !== undefined) {
      this.#settlements.push(settlement);
      // Before more is asked for, so that what waits for it can be given at once.
      this.#settling ??= this.#settleAll();
    }
    this.#wakeFetch();
  }

  async #settleAll(): Promise<void> {
    // What ends in the same turn goes along.
    await Promise.resolve();
    while (this.#settlements.length > 0) {
      const settlements = this.#settlements.splice(0, MAX_BATCH);
      const path = `${queuePath(this.#queue)}/settle`;
      const params = { worker: this.#worker, settlements };
      const until = this.#calls.now() + SETTLE_MS;
      await this.#calls.askUntil(this.#queue, path, params, until, undefined).catch((error) => {
        // They come again when their leases have run out.
        this.#options.onError?.(error);
      });
    }
    this.#settling = undefined;
  }

  /** Keeps what handlers have, until nothing runs. */
  async #renewAll(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      if (this.#held.size === 0) {
        await new Promise<void>((resolve) => this.#wakeRenew = resolve);
        continue;
      }
      await this.#calls.pause(Math.max(this.#leaseMs / 3, 10), signal).catch(() => {});
      if (signal.aborted || this.#held.size === 0) continue;
      const held = [...this.#held.values()].slice(0, MAX_BATCH);
      const asked = this.#calls.now();
      const params = { leases: held.map(({ delivery }) => delivery.lease), leaseMs: this.#leaseMs };
      const timeoutMs = Math.max(this.#leaseMs / 2, 10);
      const kept = await this.#call("renew", params, { timeoutMs, signal, idempotent: true })
        .catch(() => undefined) as readonly boolean[] | undefined;
      for (const [i, one] of held.entries()) {
        if (kept?.[i] === true) one.until = asked + this.#leaseMs;
        else if (kept !== undefined || this.#calls.now() >= one.until) this.#lose(one);
      }
    }
  }

  /** Tells a handler that its message is not its own any more; what it does by `commit` does nothing. */
  #lose({ message, isOver }: Held): void {
    if (isOver || message.isCommitted || message.signal.aborted) return;
    message.lose(leaseLost(message.number));
  }

  async #untilIdle(): Promise<void> {
    while (this.#running > 0) await new Promise<void>((resolve) => this.#wakeFetch = resolve);
    while (this.#settling !== undefined) await this.#settling;
  }

  /** What an answer has carried that was not waited for any more. */
  async #giveBack(): Promise<void> {
    const params = { settlements: [], leases: [] };
    await this.#call("settle", params, { timeoutMs: ANSWER_MS, idempotent: true }).catch(() => {});
  }

  #call(action: string, params: Readonly<Record<string, unknown>>, options: {
    readonly timeoutMs: number;
    readonly signal?: AbortSignal;
    readonly idempotent?: boolean;
  }): Promise<unknown> {
    const path = `${queuePath(this.#queue)}/${action}`;
    return this.#calls.ask(this.#queue, path, { worker: this.#worker, ...params }, options);
  }
}

function leaseLost(number: number): DataError {
  return new DataError("LeaseLost", `Message ${number} was not settled in time`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
