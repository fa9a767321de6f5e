/**
 * Collections, queues and transactions of one program.
 * @module
 */

import type { JsonValue } from "../../query/mod.ts";
import { isCollectionName } from "../documents.ts";
import type { CollectionSpec, Document } from "../engine.ts";
import { DataError } from "../errors.ts";
import { DATA_SERVICE, type Opened } from "../service/mod.ts";
import { Collection, type CollectionOptions } from "./collection.ts";
import { DataCalls, type DataClientParts } from "./data_calls.ts";
import { Queue, type QueueOptions } from "./queues/mod.ts";
import {
  runTransaction,
  type Transaction,
  type TransactionOptions,
  type TransactionState,
} from "./transaction.ts";

/** Opens collections and queues, and makes transactions over collections. */
export class DataClient {
  readonly #calls: DataCalls;

  constructor(parts: DataClientParts) {
    this.#calls = new DataCalls(parts);
  }

  /** Opens a collection, or makes one that is nobody's at the node of this program. @throws DataError */
  async collection<Value extends Document>(
    name: string,
    options: CollectionOptions<Value>,
  ): Promise<Collection<Value>> {
    const { key, index = [], read, write } = options;
    const spec = { name, key, index, ...read !== undefined && { read }, ...write !== undefined && { write } };
    const opened = await this.#calls.ask(name, `${DATA_SERVICE}/open`, spec, {
      idempotent: true,
    }) as Opened;
    if (!opened.isHere) {
      const state = await this.#calls.call(name, "describe", undefined, { idempotent: true }) as {
        readonly key: string;
      };
      if (state.key !== key) {
        throw new DataError("InvalidCollection", `Cannot open ${name}: its key is ${state.key}, not ${key}`);
      }
    }
    return new Collection<Value>(this.#calls, name, opened.owner, options);
  }

  /** Opens a collection that is there. @throws DataError with code `OwnerAway` when nobody answers who owns it */
  async existing(name: string): Promise<Collection> {
    if (!isCollectionName(name)) {
      throw new DataError("InvalidCollection", `${JSON.stringify(name)} is no name of a collection`);
    }
    const { key } = await this.#calls.call(name, "describe", undefined, {
      idempotent: true,
    }) as CollectionSpec;
    return new Collection(this.#calls, name, "", { key });
  }

  /** Forgets a collection of this program's node with all that it holds. @returns whether there was one @throws DataError */
  async drop(name: string): Promise<boolean> {
    const answer = await this.#calls.ask(name, `${DATA_SERVICE}/drop`, { name }, {});
    return (answer as { readonly dropped: boolean }).dropped;
  }

  /** Opens a queue, or makes one that is nobody's at the node of this program. @throws DataError */
  async queue<Value extends JsonValue>(
    name: string,
    options: QueueOptions<Value> = {},
  ): Promise<Queue<Value>> {
    const { schema: _, ...spec } = options;
    const opened = await this.#calls.ask(name, `${DATA_SERVICE}/openQueue`, { ...spec, name }, {
      idempotent: true,
    }) as Opened;
    return new Queue<Value>(this.#calls, name, opened.owner, options);
  }

  /** Opens a queue that is there, or is about to be. @throws DataError with code `InvalidQueue` */
  existingQueue(name: string): Queue {
    if (!isCollectionName(name)) {
      throw new DataError("InvalidQueue", `${JSON.stringify(name)} is no name of a queue`);
    }
    return new Queue(this.#calls, name, "", {});
  }

  /** Forgets a queue of this program's node with all that it holds. @returns whether there was one @throws DataError */
  async dropQueue(name: string): Promise<boolean> {
    const answer = await this.#calls.ask(name, `${DATA_SERVICE}/dropQueue`, { name }, {});
    return (answer as { readonly dropped: boolean }).dropped;
  }

  /** Runs a transaction. @throws DataError, and what `body` throws */
  transaction<Result>(
    body: (transaction: Transaction) => Result | Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    return runTransaction(this.#calls, body, options);
  }

  /**
   * What the owner of a collection knows of a transaction that has written to it.
   * @returns `cleaned-up` when it knows nothing of it, or no more
   */
  async transactionState(id: string, collection: string): Promise<TransactionState> {
    const answer = await this.#calls.call(collection, "transaction", { id }, { idempotent: true });
    const { state } = answer as { readonly state: "queued" | "committed" | null };
    return state ?? "cleaned-up";
  }
}
