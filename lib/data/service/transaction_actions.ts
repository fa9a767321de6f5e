/**
 * What callers ask about transactions that are over several places: parts to prepare and to end, records to open and decide.
 * @module
 */

import type { CallContext } from "../../service/mod.ts";
import type { Commit, DataEngine } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { Attempt, Outcome, PrepareAnswer, TransactionStore } from "../prepared.ts";
import { isAttempt, readPlace, readPlaces } from "../transaction_body.ts";
import { checkVersions, type CommitRights, committerOf } from "./commit_rights.ts";
import type { RightsPeers } from "./key_rights.ts";
import { readCommit, readFields, readId } from "./requests.ts";

/** What these actions stand on. */
export interface TransactionParts {
  readonly engine: DataEngine;
  readonly rights: CommitRights;
  readonly peers: Pick<RightsPeers, "self">;
  readonly models?: { readonly versionOf: (collection: string) => number | undefined };
}

/** The transactions over several places of one collection, or of one shard of it. */
export class TransactionActions {
  readonly #parts: TransactionParts;
  readonly #name: string;

  constructor(parts: TransactionParts, name: string) {
    this.#parts = parts;
    this.#name = name;
  }

  /** Asks for the rights of all that is read and written, as a commit does. */
  async prepare(params: unknown, context: CallContext): Promise<PrepareAnswer> {
    const fields = readFields(params);
    checkVersions(fields, this.#parts.models);
    const origin = this.#origin(context);
    const commit: Commit = readCommit(fields, this.#name, origin);
    const others = [...commit.reads, ...commit.writes].some(({ collection }) => collection !== this.#name);
    const record = readPlace(fields["record"]);
    const isPart = commit.reads.length + commit.writes.length > 0 && !others &&
      commit.reads.every(({ key }) => key !== undefined);
    if (!isPart || record === undefined) throw malformed();
    this.#parts.rights.check(commit, context.caller, this.#name);
    return await this.#store().prepare(this.#name, { ...readAttempt(fields), origin, record, commit });
  }

  /** Only whose transaction it is may say how it has ended. */
  async finish(params: unknown, context: CallContext): Promise<{ readonly outcome: Outcome | null }> {
    const fields = readFields(params);
    const outcome = fields["outcome"];
    if (outcome !== "committed" && outcome !== "rolled-back") throw malformed();
    const ended = await this.#store().finish(this.#name, readAttempt(fields), outcome, this.#origin(context));
    return { outcome: ended ?? null };
  }

  async openRecord(params: unknown, context: CallContext): Promise<PrepareAnswer> {
    const fields = readFields(params);
    const places = readPlaces(fields["places"]);
    if (places === undefined) throw malformed();
    const request = { ...readAttempt(fields), origin: this.#origin(context), places };
    return await this.#store().openRecord(this.#name, request);
  }

  async decide(params: unknown, context: CallContext): Promise<{ readonly outcome: Outcome }> {
    const fields = readFields(params);
    const { result } = readCommit(fields, this.#name, "");
    const outcome = await this.#store().decide(
      this.#name,
      readAttempt(fields),
      this.#origin(context),
      result,
    );
    return { outcome };
  }

  /** Whoever knows the name of the attempt has part in it. */
  async outcome(params: unknown): Promise<{ readonly outcome: Outcome }> {
    return { outcome: await this.#store().outcome(this.#name, readAttempt(readFields(params))) };
  }

  async settle(params: unknown, context: CallContext): Promise<object> {
    await this.#store().settle(this.#name, readAttempt(readFields(params)), this.#origin(context));
    return {};
  }

  /** Whether a part is still prepared, as the owner of its record asks. */
  async isPrepared(params: unknown): Promise<{ readonly isPrepared: boolean }> {
    return { isPrepared: await this.#store().isPrepared(this.#name, readAttempt(readFields(params))) };
  }

  #origin(context: CallContext): string {
    return committerOf(context, this.#parts.peers.self);
  }

  #store(): TransactionStore {
    const { prepared } = this.#parts.engine;
    if (prepared !== undefined) return prepared;
    throw new DataError("NotOwner", `${this.#name} is kept where no transaction goes beyond`, {
      hint: "The engine of its owner keeps no part of transactions over several places.",
    });
  }
}

function readAttempt(fields: Readonly<Record<string, unknown>>): Attempt {
  const id = readId(fields);
  const { attempt } = fields;
  if (id === undefined || !isAttempt(attempt)) throw malformed();
  return { id, attempt };
}

function malformed(): DataError {
  return new DataError("Failed", "The request can't be read: it is no part of a transaction");
}
