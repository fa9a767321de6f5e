/**
 * Transactions over several places, where one of a node's two engines keeps parts and records of them, and the other none.
 *
 * A collection leaves the engine that keeps them only when nothing of it is open there: all parts of a record that it has
 * had know how that has ended. Whoever asks later, elsewhere, asks about an attempt that has not been committed.
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

/** Parts and records of the collections in a node's own engine; what is shared has none, and says so. */
export class OwnTransactions implements TransactionStore {
  readonly #own: TransactionStore;
  readonly #isShared: (place: string) => Promise<boolean>;

  /** @param isShared whether the other engine keeps a collection */
  constructor(own: TransactionStore, isShared: (place: string) => Promise<boolean>) {
    this.#own = own;
    this.#isShared = isShared;
  }

  async prepare(place: string, request: PrepareRequest): Promise<PrepareAnswer> {
    await this.#checkOwn(place);
    return await this.#own.prepare(place, request);
  }

  async finish(
    place: string,
    of: Attempt,
    outcome: Outcome,
    origin?: string,
  ): Promise<Outcome | undefined> {
    if (await this.#isShared(place)) return undefined;
    return await this.#own.finish(place, of, outcome, origin);
  }

  async openRecord(place: string, request: OpenRecordRequest): Promise<PrepareAnswer> {
    await this.#checkOwn(place);
    return await this.#own.openRecord(place, request);
  }

  /** Of one that has moved nobody knows whether this is the attempt that was committed. */
  async decide(place: string, of: Attempt, origin: string, result?: JsonValue): Promise<Outcome> {
    await this.#checkOwn(place);
    return await this.#own.decide(place, of, origin, result);
  }

  async outcome(place: string, of: Attempt): Promise<Outcome> {
    return await this.#isShared(place) ? "rolled-back" : await this.#own.outcome(place, of);
  }

  async settle(place: string, of: Attempt, origin?: string): Promise<void> {
    if (!await this.#isShared(place)) await this.#own.settle(place, of, origin);
  }

  async state(place: string, id: string): Promise<KnownTransaction | undefined> {
    return await this.#isShared(place) ? undefined : await this.#own.state(place, id);
  }

  async open(place: string): Promise<readonly OpenTransaction[]> {
    return await this.#isShared(place) ? [] : await this.#own.open(place);
  }

  places(): Promise<readonly string[]> {
    return this.#own.places();
  }

  async #checkOwn(place: string): Promise<void> {
    if (!await this.#isShared(place)) return;
    throw new DataError(
      "NotOwner",
      `${place} is on servers that nodes share: a transaction with collections elsewhere can't have part in it`,
      { hint: "`weft data move` brings the collections together, at one node or on the servers." },
    );
  }
}
