/**
 * Transactions over several places at a node with two engines: each of them keeps the parts and records of its collections.
 *
 * A collection leaves an engine only when nothing of it is open there: all parts of a record that it has had know how that
 * has ended. Whoever asks later, elsewhere, asks about an attempt that has not been committed.
 *
 * @module
 */

import type { KnownTransaction } from "../engine.ts";
import { DataError } from "../errors.ts";
import type {
  Attempt,
  OpenRecordRequest,
  OpenTransaction,
  Outcome,
  PrepareAnswer,
  PrepareRequest,
  TransactionStore,
} from "../prepared.ts";
import type { JsonValue } from "../../query/mod.ts";

/** Both, by where a collection is. */
export interface StoresOfBoth {
  readonly own: TransactionStore;
  /** @returns that of the engine that nodes share; undefined while there is none */
  shared(): TransactionStore | undefined;
  /** Whether the shared engine keeps a collection. */
  isShared(place: string): Promise<boolean>;
}

/** Parts and records of the collections in both engines of a node. */
export class TransactionsOfBoth implements TransactionStore {
  readonly #stores: StoresOfBoth;

  constructor(stores: StoresOfBoth) {
    this.#stores = stores;
  }

  async prepare(place: string, request: PrepareRequest): Promise<PrepareAnswer> {
    return await (await this.#of(place)).prepare(place, request);
  }

  async finish(
    place: string,
    of: Attempt,
    outcome: Outcome,
    origin?: string,
  ): Promise<Outcome | undefined> {
    return await (await this.#of(place)).finish(place, of, outcome, origin);
  }

  async openRecord(place: string, request: OpenRecordRequest): Promise<PrepareAnswer> {
    return await (await this.#of(place)).openRecord(place, request);
  }

  async decide(place: string, of: Attempt, origin: string, result?: JsonValue): Promise<Outcome> {
    return await (await this.#of(place)).decide(place, of, origin, result);
  }

  async outcome(place: string, of: Attempt): Promise<Outcome> {
    return await (await this.#of(place)).outcome(place, of);
  }

  async settle(place: string, of: Attempt, origin?: string): Promise<void> {
    await (await this.#of(place)).settle(place, of, origin);
  }

  async state(place: string, id: string): Promise<KnownTransaction | undefined> {
    return await (await this.#of(place)).state(place, id);
  }

  async isPrepared(place: string, of: Attempt): Promise<boolean> {
    return await (await this.#of(place)).isPrepared(place, of);
  }

  async open(place: string): Promise<readonly OpenTransaction[]> {
    return await (await this.#of(place)).open(place);
  }

  async places(): Promise<readonly string[]> {
    const { own, shared } = this.#stores;
    return [...new Set([...await own.places(), ...await shared()?.places() ?? []])];
  }

  async #of(place: string): Promise<TransactionStore> {
    const { own, shared, isShared } = this.#stores;
    if (!await isShared(place)) return own;
    const store = shared();
    if (store !== undefined) return store;
    throw new DataError("OwnerAway", `The servers that keep ${place} are not there`);
  }
}
