/**
 * A queue, as a program has it.
 * @module
 */

import type { JsonValue } from "../../../query/mod.ts";
import { type Schema, validate } from "../../../service/mod.ts";
import { DEFAULT_TRANSACTION_MS, MAX_BATCH } from "../../bounds.ts";
import { DataError } from "../../errors.ts";
import type { DeadLetter, NewMessage, PushAnswer, QueueSpec, QueueState } from "../../queue_engine.ts";
import { queuePath } from "../../service/mod.ts";
import type { DataCalls } from "../data_calls.ts";
import { type MessageHandler, QueueWorker, type WorkOptions } from "./queue_worker.ts";

/** What a queue is, to a program. What is not said is as it was, or as usual. */
export interface QueueOptions<Value extends JsonValue = JsonValue> extends Partial<Omit<QueueSpec, "name">> {
  /** Checks values before they are pushed, here: the owner does not know it. */
  readonly schema?: Schema<unknown, Value>;
}

/** How a message is pushed. */
export interface PushOptions {
  /** Under an id it is pushed once, however often it is tried, and is tried again until there is an answer. */
  readonly id?: string;
  /** How long it waits before it is delivered, in milliseconds. */
  readonly delayMs?: number;
  /** Messages of one key are handled one at a time, in the order of their pushes. */
  readonly orderKey?: string;
  /** How long it is tried under an id, in milliseconds; 10,000 unless given. */
  readonly timeoutMs?: number;
}

/** Pushes to one queue and works on it, wherever its owner is. What was pushed is on the owner's disk when it is answered. */
export class Queue<Value extends JsonValue = JsonValue> {
  /** What it is called in the network. */
  readonly name: string;
  /** The name of the node that owned it when it was opened. */
  readonly owner: string;
  readonly #calls: DataCalls;
  readonly #options: QueueOptions<Value>;

  /**
   * Made by `Node.queue`.
   * @internal
   */
  constructor(calls: DataCalls, name: string, owner: string, options: QueueOptions<Value>) {
    this.#calls = calls;
    this.name = name;
    this.owner = owner;
    this.#options = options;
  }

  /** Adds a message. @throws DataError with code `QueueFull`, `InvalidValue`, `TooLarge`, `OwnerAway` and others */
  async push(value: Value, options: PushOptions = {}): Promise<PushAnswer> {
    const { timeoutMs = DEFAULT_TRANSACTION_MS, ...rest } = options;
    const message = { ...rest, value: await this.#check(value), nonce: this.#calls.drawId() };
    const [answer] = await this.#push([message], options.id === undefined ? undefined : timeoutMs);
    if (answer === undefined) throw new DataError("Failed", "The owner has answered nothing");
    return answer;
  }

  /** Adds up to 256 messages in their order, all or none. @throws DataError as `push` */
  async pushAll(
    messages: readonly (PushOptions & { readonly value: Value })[],
  ): Promise<readonly PushAnswer[]> {
    const checked: NewMessage[] = [];
    for (const { timeoutMs: _, ...message } of messages) {
      checked.push({ ...message, value: await this.#check(message.value), nonce: this.#calls.drawId() });
    }
    const isOnce = messages.every(({ id }) => id !== undefined);
    return await this.#push(checked, isOnce ? messages[0]?.timeoutMs ?? DEFAULT_TRANSACTION_MS : undefined);
  }

  /**
   * Handles messages until it is stopped: each at least once. What the handler throws lets a message come again, later
   * each time, until it is a dead letter; while it runs the message is its own, and a worker that dies or freezes loses it.
   * @returns the worker, which runs already
   */
  work(handler: MessageHandler<Value>, options: WorkOptions = {}): QueueWorker {
    return new QueueWorker(this.#calls, this.name, handler as MessageHandler<JsonValue>, options);
  }

  /** What the owner says of it. @throws DataError */
  async describe(): Promise<QueueState> {
    return await this.#call("describe", {}, true) as QueueState;
  }

  /** All messages that were delivered as often as they may be, with what their last worker has said. @throws DataError */
  async *deadLetters(): AsyncGenerator<DeadLetter> {
    for (let after = 0;;) {
      const letters = await this.#call("dead", { after, limit: MAX_BATCH }, true) as readonly DeadLetter[];
      yield* letters;
      const last = letters.at(-1);
      if (last === undefined) return;
      after = last.number;
    }
  }

  /** Lets dead letters be delivered again. @param numbers all unless given @returns how many @throws DataError */
  retry(numbers?: readonly number[]): Promise<number> {
    return this.#ofDead("retry", numbers);
  }

  /** Forgets dead letters. @param numbers all unless given @returns how many @throws DataError */
  discard(numbers?: readonly number[]): Promise<number> {
    return this.#ofDead("discard", numbers);
  }

  async #ofDead(action: "retry" | "discard", numbers: readonly number[] | undefined): Promise<number> {
    let all = 0;
    for (let at = 0; numbers === undefined || at < numbers.length; at += MAX_BATCH) {
      const part = numbers?.slice(at, at + MAX_BATCH);
      const answer = await this.#call(action, part === undefined ? {} : { numbers: part }, false);
      const { retried = 0, discarded = 0 } = answer as Readonly<Record<string, number>>;
      all += retried + discarded;
      // Of all, as many as the owner does at once.
      if (numbers === undefined && retried + discarded === 0) break;
    }
    return all;
  }

  async #check(value: Value): Promise<JsonValue> {
    const { schema } = this.#options;
    if (schema === undefined) return value;
    const checked = await validate(schema, value);
    if ("value" in checked) return checked.value as JsonValue;
    throw new DataError("InvalidValue", `Not what the schema of ${this.name} says: ${checked.issues}`);
  }

  async #push(
    messages: readonly NewMessage[],
    timeoutMs: number | undefined,
  ): Promise<readonly PushAnswer[]> {
    const params = { messages };
    if (timeoutMs === undefined) return await this.#call("push", params, false) as readonly PushAnswer[];
    const path = `${queuePath(this.name)}/push`;
    const until = this.#calls.now() + timeoutMs;
    return await this.#calls.askUntil(this.name, path, params, until, undefined) as readonly PushAnswer[];
  }

  #call(action: string, params: unknown, idempotent: boolean): Promise<unknown> {
    return this.#calls.ask(this.name, `${queuePath(this.name)}/${action}`, params, { idempotent });
  }
}
