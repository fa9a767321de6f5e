/**
 * Parts and records of transactions over several places, kept by one log. Who is first is who stands first in it, so that any
 * node that serves a collection may be asked, and goes on where another one was killed.
 * @module
 */

import type { AttemptState, EmbeddedEngine, PreparedTransactions } from "../embedded/mod.ts";
import type { Commit, KnownTransaction } from "../engine.ts";
import type {
  Attempt,
  OpenRecordRequest,
  OpenTransaction,
  Outcome,
  PrepareAnswer,
  PrepareRequest,
  TransactionStore,
} from "../prepared.ts";
import { DataError } from "../errors.ts";
import type { JsonValue } from "../../query/mod.ts";
import type { LogClock } from "./log_clock.ts";
import type { TransactionStep } from "./transaction_operations.ts";

/** What of their engine transactions need. */
export interface TransactionsEngine {
  /** Of this node, as it is now. */
  copy(): EmbeddedEngine;
  /** @returns the copy, once it holds all that was appended before @throws DataError with code `OwnerAway` */
  fresh(): Promise<EmbeddedEngine>;
  /** Appends a step. @returns what comes of it @throws DataError */
  send(operation: { readonly kind: "transaction"; readonly step: TransactionStep }): Promise<unknown>;
  /** @throws DataError with code `DiskFull` */
  checkRoom(commit: Pick<Commit, "writes">): void;
  /** @throws DataError where nothing can be done */
  checkOpen(): void;
  readonly clock: LogClock;
}

/** Keeps parts and records by a log, beside other nodes that do. */
export class ReplicatedTransactions implements TransactionStore {
  readonly #engine: TransactionsEngine;

  constructor(engine: TransactionsEngine) {
    this.#engine = engine;
  }

  async prepare(place: string, request: PrepareRequest): Promise<PrepareAnswer> {
    this.#engine.checkRoom(request.commit);
    await this.#checkDebts(place, request);
    return await this.#send({ kind: "prepare", place, request }) as PrepareAnswer;
  }

  async finish(
    place: string,
    of: Attempt,
    outcome: Outcome,
    origin?: string,
  ): Promise<Outcome | undefined> {
    const state = await this.#known((prepared) => prepared.partState(place, of));
    if (state !== "open") return state === undefined ? undefined : endOf(state);
    const by = origin === undefined ? {} : { origin };
    return await this.#send({ kind: "finish", place, of: named(of), outcome, ...by }) as Outcome | undefined;
  }

  async openRecord(place: string, request: OpenRecordRequest): Promise<PrepareAnswer> {
    this.#engine.checkRoom({ writes: [] });
    return await this.#send({ kind: "openRecord", place, request }) as PrepareAnswer;
  }

  async decide(place: string, of: Attempt, origin: string, result?: JsonValue): Promise<Outcome> {
    const state = await this.#known((prepared) => {
      prepared.checkMoved(place, of);
      return prepared.recordState(place, of);
    });
    if (state !== "open") return endOf(state);
    const kept = result === undefined ? {} : { result };
    return await this.#send({ kind: "decide", place, of: named(of), origin, ...kept }) as Outcome;
  }

  async outcome(place: string, of: Attempt): Promise<Outcome> {
    const state = await this.#known((prepared) => prepared.recordState(place, of));
    if (state !== "open") return endOf(state);
    return await this.#send({ kind: "outcome", place, of: named(of) }) as Outcome;
  }

  async settle(place: string, of: Attempt, origin?: string): Promise<void> {
    const state = await this.#known((prepared) => prepared.recordState(place, of), "decided");
    if (state !== "decided") return;
    const by = origin === undefined ? {} : { origin };
    await this.#send({ kind: "settle", place, of: named(of), ...by });
  }

  async state(place: string, id: string): Promise<KnownTransaction | undefined> {
    return await (await this.#engine.fresh()).prepared.state(place, id);
  }

  async isPrepared(place: string, of: Attempt): Promise<boolean> {
    return (await this.#engine.fresh()).prepared.isPrepared(place, of);
  }

  async open(place: string): Promise<readonly OpenTransaction[]> {
    return await (await this.#engine.fresh()).prepared.open(place);
  }

  /** As far as this node knows. */
  places(): Promise<readonly string[]> {
    return this.#engine.copy().prepared.places();
  }

  /**
   * Nothing is appended for what has ended, or never was: whoever knows a collection may ask for that again and again.
   * @param awaited what makes a step do something, so that what this node knows already is enough
   */
  async #known(
    read: (prepared: PreparedTransactions) => AttemptState | undefined,
    awaited: AttemptState = "open",
  ): Promise<AttemptState | undefined> {
    this.#engine.checkOpen();
    const state = read(this.#engine.copy().prepared);
    return state === awaited ? state : read((await this.#engine.fresh()).prepared);
  }

  async #checkDebts(place: string, request: PrepareRequest): Promise<void> {
    const { clock } = this.#engine;
    try {
      this.#engine.copy().prepared.checkDebts(place, request, clock.at);
    } catch (error) {
      // It may have been made by somebody else a moment ago.
      if (!(error instanceof DataError) || error.code !== "UnknownCollection") throw error;
      (await this.#engine.fresh()).prepared.checkDebts(place, request, clock.at);
    }
  }

  async #send(step: TransactionStep): Promise<unknown> {
    this.#engine.checkOpen();
    return await this.#engine.send({ kind: "transaction", step });
  }
}

/** What nobody knows is rolled back. */
function endOf(state: Exclude<AttemptState, "open"> | undefined): Outcome {
  return state === "decided" || state === "committed" ? "committed" : "rolled-back";
}

/** Of what is open there is more. */
function named({ id, attempt }: Attempt): Attempt {
  return { id, attempt };
}
