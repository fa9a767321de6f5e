/**
 * Parts and records of transactions at one shard: answered when all that follow have them, so that a takeover loses none.
 * @module
 */

import type { JsonValue } from "../../../query/mod.ts";
import type {
  Attempt,
  KnownTransaction,
  OpenRecordRequest,
  OpenTransaction,
  Outcome,
  PrepareAnswer,
  PrepareRequest,
  TransactionStore,
} from "../../engine.ts";
import { DataError } from "../../errors.ts";
import type { ShardCopy } from "../shard_copy.ts";

/** The transactions of one shard, whatever it is called by. */
export class ShardTransactions implements TransactionStore {
  readonly #store: TransactionStore;
  readonly #copy: ShardCopy;
  readonly #check: (request: PrepareRequest) => void;

  /** @param check throws where a key, or the record of the same collection, is in a shard that it is not of */
  constructor(
    store: TransactionStore,
    copy: ShardCopy,
    check: (request: PrepareRequest) => void,
  ) {
    this.#store = store;
    this.#copy = copy;
    this.#check = check;
  }

  prepare(_: string, request: PrepareRequest): Promise<PrepareAnswer> {
    return this.#serve((stored) => {
      this.#check(request);
      return this.#store.prepare(stored, request);
    });
  }

  finish(_: string, of: Attempt, outcome: Outcome, origin?: string): Promise<Outcome | undefined> {
    return this.#serve((stored) => this.#store.finish(stored, of, outcome, origin));
  }

  openRecord(_: string, request: OpenRecordRequest): Promise<PrepareAnswer> {
    return this.#serve((stored) => this.#store.openRecord(stored, request));
  }

  decide(_: string, of: Attempt, origin: string, result?: JsonValue): Promise<Outcome> {
    return this.#serve((stored) => this.#store.decide(stored, of, origin, result));
  }

  outcome(_: string, of: Attempt): Promise<Outcome> {
    return this.#serve((stored) => this.#store.outcome(stored, of));
  }

  settle(_: string, of: Attempt, origin?: string): Promise<void> {
    return this.#serve((stored) => this.#store.settle(stored, of, origin));
  }

  state(_: string, id: string): Promise<KnownTransaction | undefined> {
    return this.#serve((stored) => this.#store.state(stored, id));
  }

  isPrepared(_: string, of: Attempt): Promise<boolean> {
    return this.#serve((stored) => this.#store.isPrepared(stored, of));
  }

  open(): Promise<readonly OpenTransaction[]> {
    return this.#serve((stored) => this.#store.open(stored));
  }

  places(): Promise<readonly string[]> {
    return Promise.resolve([this.#copy.stored]);
  }

  /** Whatever the collection's durability: of what was promised nothing may be lost with the owner. */
  #serve<T>(work: (stored: string) => Promise<T>): Promise<T> {
    return this.#copy.serve(async (term) => {
      let failure: DataError | undefined;
      const result = await work(this.#copy.stored).catch((error) => {
        if (!(error instanceof DataError)) throw error;
        failure = error;
      });
      await this.#copy.confirm(term, "replicated");
      if (failure !== undefined) throw failure;
      return result as T;
    });
  }
}
