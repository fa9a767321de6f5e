/**
 * Transactions: what a program reads and writes over several collections, all of it or nothing.
 *
 * ```
 *   created ──▶ running ──▶ queued ──▶ committed ──▶ cleaned-up (the owner has forgotten its id)
 *                 ▲  │         │ somebody was faster
 *                 └──┼─────────┘
 *                    ├──▶ rolled-back: the body has thrown, or somebody was faster until the deadline
 *                    └──▶ failed: the owner is away, refuses it, or nothing is known of it in time
 * ```
 *
 * Reads are remembered with their revisions, writes are kept until the end, and the owner makes all of them durable at
 * once if everything that was read is still so (optimistic concurrency control; Kung and Robinson 1981). Nobody holds a
 * lock while the body runs, so that a program that dies, freezes or is cut off in it leaves nothing to be cleaned up and
 * keeps nobody waiting; in return the body may run more than once. Over several owners or shards it ends in two phases
 * (`two_phase_commit.ts`), between which keys are locked for a moment.
 *
 * @module
 */

import { randomFraction } from "../../base/mod.ts";
import type { JsonValue } from "../../query/mod.ts";
import { DEFAULT_TRANSACTION_MS, MAX_RESULT_BYTES } from "../bounds.ts";
import { cloneDocument, keyOf, keyText } from "../documents.ts";
import type { Document, Entry, ReadMark, Write } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { Collection } from "./collection.ts";
import { CommitSender, type DeliveryEnd } from "./commit_sender.ts";
import { type DataCalls, FIRST_RETRY_MS, MAX_RETRY_MS } from "./data_calls.ts";
import type { Key } from "./entries.ts";

/** Where a transaction is. */
export type TransactionState =
  | "created"
  | "running"
  | "queued"
  | "committed"
  | "rolled-back"
  | "failed"
  | "cleaned-up";

/** How a transaction is made. */
export interface TransactionOptions {
  /** Under an id it happens once, however often it is sent, and by whomever. Drawn unless given. */
  readonly id?: string;
  /** How long it may take with all of its tries, in milliseconds; 10,000 unless given. */
  readonly timeoutMs?: number;
  /** Told of each state. */
  readonly onState?: (state: TransactionState) => void;
  /** Gives up. */
  readonly signal?: AbortSignal;
}

/** What the body of a transaction reads and writes; what it writes it reads, and nobody else does before the end. */
export class Transaction {
  /** Under which it happens once. */
  readonly id: string;
  readonly #calls: DataCalls;
  readonly #reads = new Map<string, ReadMark>();
  readonly #writes: Write[] = [];
  /** By which versions of schemas it writes. */
  readonly #versions: Record<string, number> = {};
  /** What this transaction sees: read, or written by itself. */
  readonly #seen = new Map<string, Document | undefined>();

  /** @internal */
  constructor(calls: DataCalls, id: string) {
    this.#calls = calls;
    this.id = id;
  }

  /** Reads a value. @returns undefined when there is none @throws DataError */
  async get<Value extends Document>(collection: Collection<Value>, key: Key): Promise<Value | undefined> {
    const text = keyText(key);
    const place = `${collection.name}/${text}`;
    if (!this.#seen.has(place)) {
      const asked = this.#calls.call(collection.name, "get", { key: text }, { idempotent: true });
      const [entry] = await asked as (Entry | null)[];
      // Meanwhile the same body may have written it.
      const value = entry ? await collection.current(entry) : undefined;
      if (!this.#seen.has(place)) this.#seen.set(place, value);
      if (!this.#reads.has(place)) {
        this.#reads.set(place, { collection: collection.name, key: text, revision: entry?.revision ?? 0 });
      }
    }
    const seen = this.#seen.get(place);
    return seen && cloneDocument(seen) as Value;
  }

  /** Writes a value, in the place of what is there. @throws DataError when the schema does not allow it */
  async put<Value extends Document>(collection: Collection<Value>, value: Value): Promise<void> {
    await this.#write("put", collection, value);
  }

  /** Writes a value whose key is new; when it is not, the transaction fails with `AlreadyExists`. */
  async post<Value extends Document>(collection: Collection<Value>, value: Value): Promise<void> {
    await this.#write("post", collection, value);
  }

  /** Replaces properties of a value. @throws DataError with code `NotFound` */
  async patch<Value extends Document>(
    collection: Collection<Value>,
    key: Key,
    properties: Partial<Value>,
  ): Promise<void> {
    const now = await this.get(collection, key);
    if (now === undefined) {
      throw new DataError("NotFound", `${collection.name} has no ${JSON.stringify(keyText(key))}`);
    }
    const changed = { ...now, ...properties };
    if (keyOf(changed, collection.key) !== keyText(key)) {
      throw new DataError("InvalidValue", `A patch can't change ${collection.key}, which holds the key`);
    }
    await this.put(collection, changed);
  }

  /** Takes an entry away; harmless when there is none. */
  delete<Value extends Document>(collection: Collection<Value>, key: Key): void {
    const text = keyText(key);
    this.#seen.set(`${collection.name}/${text}`, undefined);
    this.#writes.push({ kind: "delete", collection: collection.name, key: text });
    this.#noteVersion(collection);
  }

  /**
   * What is sent to the owner.
   * @internal
   */
  get operations(): {
    readonly reads: readonly ReadMark[];
    readonly writes: readonly Write[];
    readonly versions: Readonly<Record<string, number>>;
  } {
    return { reads: [...this.#reads.values()], writes: this.#writes, versions: this.#versions };
  }

  async #write<Value extends Document>(
    kind: "put" | "post",
    collection: Collection<Value>,
    value: Value,
  ): Promise<void> {
    const checked = structuredClone(await collection.check(value));
    this.#seen.set(`${collection.name}/${keyOf(checked, collection.key)}`, checked);
    this.#writes.push({ kind, collection: collection.name, value: checked });
    this.#noteVersion(collection);
  }

  #noteVersion({ name, version }: Pick<Collection, "name" | "version">): void {
    if (version !== undefined) this.#versions[name] = version;
  }
}

/**
 * Runs a body until what it has read and written is committed.
 * @param delivery ends with it
 * @throws DataError, and what the body throws
 */
export async function runTransaction<Result>(
  calls: DataCalls,
  body: (transaction: Transaction) => Result | Promise<Result>,
  options: TransactionOptions,
  delivery?: DeliveryEnd,
): Promise<Result> {
  const { timeoutMs = DEFAULT_TRANSACTION_MS, onState = () => {}, signal } = options;
  const given = options.id ?? delivery?.id;
  const id = given ?? calls.drawId();
  const until = calls.now() + timeoutMs;
  const sender = new CommitSender(calls, { isGiven: given !== undefined, until, signal, delivery });
  let retryMs = FIRST_RETRY_MS;
  onState("created");
  for (let tries = 0;; tries++) {
    onState("running");
    const transaction = new Transaction(calls, id);
    let result: Result;
    try {
      result = await withinTime(calls, until, body(transaction));
    } catch (error) {
      onState("rolled-back");
      throw error;
    }
    const kept = keepable(result);
    const commit = { id, ...transaction.operations, ...kept !== undefined && { result: kept } };
    onState("queued");
    try {
      const answer = await sender.send(commit, { isOrdered: tries > 0 });
      onState("committed");
      // Of one that had happened before, what that one has given.
      return answer?.isRepeated && answer.result !== undefined ? answer.result as Result : result;
    } catch (error) {
      const code = error instanceof DataError ? error.code : undefined;
      const isLost = code === "Conflict" || code === "Locked";
      if (!isLost || calls.now() + retryMs >= until || signal?.aborted) {
        onState(isLost ? "rolled-back" : "failed");
        throw error;
      }
    }
    // Those that have met must not meet again.
    await calls.pause(retryMs * (0.5 + randomFraction(calls.random)), signal);
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
  }
}

function withinTime<T>(calls: DataCalls, until: number, work: T | Promise<T>): Promise<T> {
  const timeout = new AbortController();
  const late = calls.pause(Math.max(1, until - calls.now()), timeout.signal).then(() => {
    throw new DataError("Timeout", "The transaction has taken too long, and nothing of it was written");
  });
  late.catch(() => {});
  return Promise.race([Promise.resolve(work), late]).finally(() => timeout.abort(new Error("over")));
}

/** Results that JSON can't say, or long ones, are not kept. */
function keepable(result: unknown): JsonValue | undefined {
  try {
    const text = JSON.stringify(result);
    return text !== undefined && text.length <= MAX_RESULT_BYTES ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
