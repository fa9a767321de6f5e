/**
 * Collections, queues and transactions of one program.
 * @module
 */

import type { JsonValue } from "../../query/mod.ts";
import { isCollectionName } from "../documents.ts";
import type { CollectionState, Document } from "../engine.ts";
import { DataError, type DataFailureCode } from "../errors.ts";
import type { EngineName } from "../moves.ts";
import {
  collectionPath,
  DATA_SERVICE,
  type MoveReport,
  type MoveStatus,
  type Opened,
  type OpenedCollection,
} from "../service/mod.ts";
import { keysCollection } from "../sealed/mod.ts";
import { readLayout, type ShardRecord } from "../shards/mod.ts";
import { Collection, type CollectionOptions, type ShardsOption } from "./collection.ts";
import { modelOf, tellModel } from "./collection_model.ts";
import { DataCalls, type DataClientParts } from "./data_calls.ts";
import { Queue, type QueueOptions } from "./queues/mod.ts";
import {
  runTransaction,
  type Transaction,
  type TransactionOptions,
  type TransactionState,
} from "./transaction.ts";

/** How often it is asked how far a move is, in milliseconds. */
const MOVE_LOOK_MS = 300;

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
    const { key, index = [], read, write, shards, seal } = options;
    const model = modelOf(options);
    const spec = {
      ...{ name, key, index },
      ...read !== undefined && { read },
      ...write !== undefined && { write },
      ...seal !== undefined && { seal },
      ...shards !== undefined && { shards: shardOptions(shards) },
      ...model !== undefined && { model },
    };
    const opened = await this.#calls.askMoving(name, `${DATA_SERVICE}/open`, spec, {
      idempotent: true,
    }) as OpenedCollection;
    const state = await this.#described(name);
    if (state.key !== key) {
      throw new DataError("InvalidCollection", `Cannot open ${name}: its key is ${state.key}, not ${key}`);
    }
    if (seal !== undefined && state.seal !== seal) {
      throw new DataError(
        "InvalidCollection",
        `Cannot open ${name}: it is sealed to ${state.seal ?? "nobody"}`,
      );
    }
    if (seal !== undefined) await this.#openKeys(name, seal);
    const collection = new Collection<Value>(this.#calls, name, opened.owner, options);
    if (model === undefined) return collection;
    if (this.#calls.router(name) !== undefined) {
      if (model.version === 1) return collection;
      throw new DataError(
        "InvalidCollection",
        `Cannot open ${name}: of one with shards there are no versions`,
      );
    }
    const schema = opened.isHere ? state.schema : await tellModel(this.#calls, state, model);
    if (schema !== undefined) await collection.migrateFrom(schema);
    return collection;
  }

  /** Opens a collection that is there. @throws DataError with code `OwnerAway` when nobody answers who owns it */
  async existing(name: string): Promise<Collection> {
    if (!isCollectionName(name)) {
      throw new DataError("InvalidCollection", `${JSON.stringify(name)} is no name of a collection`);
    }
    const { key } = await this.#described(name);
    return new Collection(this.#calls, name, "", { key });
  }

  /** The data keys of a sealed collection are in another one, with the same owner. */
  async #openKeys(name: string, seal: string): Promise<void> {
    const spec = { name: keysCollection(name), key: "generation", index: [], read: seal, write: seal };
    await this.#calls.ask(name, `${DATA_SERVICE}/open`, spec, { idempotent: true });
  }

  /** Where the shards of a collection are; none of one that one node keeps. @throws DataError */
  async shards(name: string): Promise<readonly ShardRecord[]> {
    const { layout } = await this.#described(name) as { readonly layout?: unknown };
    return readLayout(layout)?.shards ?? [];
  }

  /** What the owner says of a collection; where it is spread, that is known from now on. */
  async #described(name: string): Promise<CollectionState> {
    const path = `${collectionPath(name)}/describe`;
    const asked = this.#calls.askMoving(name, path, undefined, { idempotent: true });
    const state = await asked as CollectionState & { readonly layout?: unknown };
    this.#calls.setLayout(name, state.layout);
    this.#calls.setSeal(state);
    return state;
  }

  /** Forgets a collection of this program's node with all that it holds. @returns whether there was one @throws DataError */
  async drop(name: string): Promise<boolean> {
    const answer = await this.#calls.ask(name, `${DATA_SERVICE}/drop`, { name }, {});
    return (answer as { readonly dropped: boolean }).dropped;
  }

  /**
   * Moves a collection of this program's node to another engine, while it is in use; resolves when it is there.
   * @param onProgress told several times a second
   * @throws DataError, also when somebody aborts the move
   */
  async move(
    name: string,
    to: EngineName,
    { onProgress = () => {}, signal }: {
      readonly onProgress?: (progress: MoveStatus) => void;
      /** Waits no longer; the move goes on. */
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<void> {
    const ask = async (action: string, params: unknown) =>
      await this.#calls.ask(name, `${DATA_SERVICE}/${action}`, params, { idempotent: true }) as MoveReport;
    let report = await ask("move", { name, to });
    while (report.move !== null || (report.engine !== to && report.failure === null)) {
      if (report.move !== null) onProgress(report.move);
      await this.#calls.pause(MOVE_LOOK_MS, signal);
      report = await ask("moving", { name });
    }
    const { engine, failure } = report;
    if (engine !== to && failure !== null) {
      throw new DataError(failure.code as DataFailureCode, failure.message);
    }
  }

  /** Where a collection of this program's node is, and how far its move. @throws DataError */
  async moving(name: string): Promise<MoveReport> {
    return await this.#calls.ask(name, `${DATA_SERVICE}/moving`, { name }, {
      idempotent: true,
    }) as MoveReport;
  }

  /** Has a collection that is being moved stay where it is. @returns whether it was @throws DataError with code `Conflict` when it has left */
  async abortMove(name: string): Promise<boolean> {
    const answer = await this.#calls.ask(name, `${DATA_SERVICE}/abortMove`, { name }, { idempotent: true });
    return (answer as { readonly aborted: boolean }).aborted;
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
    const { state } = answer as { readonly state: "queued" | "committed" | "rolled-back" | null };
    return state ?? "cleaned-up";
  }
}

/** @returns how a collection is to be spread, as its home reads it */
function shardOptions(given: ShardsOption) {
  if (typeof given === "number") return { count: given };
  const { count, over, replicas, durability } = given;
  return {
    count,
    ...over !== undefined && { over },
    ...replicas !== undefined && { replicas },
    ...durability !== undefined && { durability },
  };
}
