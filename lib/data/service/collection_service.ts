/**
 * One collection as a service at `data/NAME`, which its owner offers.
 * @module
 */

import type { Clock, Timers } from "../../base/mod.ts";
import { compileFilter, parseFilter, QueryError, QueryTexts } from "../../query/mod.ts";
import type {
  AnyActionDefinition,
  CallContext,
  MessagePolicy,
  PeerId,
  ServiceDefinition,
} from "../../service/mod.ts";
import { MAX_ENTRIES, MAX_QUERY_MS, MAX_WATCHES, MAX_WATCHES_PER_CALLER } from "../bounds.ts";
import type {
  Change,
  CollectionSpec,
  Commit,
  CommitAnswer,
  DataEngine,
  ListRequest,
  Write,
} from "../engine.ts";
import { DataError } from "../errors.ts";
import type { CollectionModel } from "../collection_schema.ts";
import { checkVersions, type CommitRights, committerOf, notYours } from "./commit_rights.ts";
import { told } from "./failure.ts";
import { KeyRights, type RightsPeers } from "./key_rights.ts";
import {
  readAfter,
  readCommit,
  readFields,
  readId,
  readKeys,
  readList,
  readQuery,
  readWrite,
} from "./requests.ts";
import { TransactionActions } from "./transaction_actions.ts";
import { watchSource } from "./watch_source.ts";

/** The first segment of the paths of collections. */
export const DATA_PATH = "data";

/** What programs have said of the values of a node's collections. */
export interface CollectionModels {
  /** The version of the schema of a collection of this node; undefined for none. */
  readonly versionOf: (collection: string) => number | undefined;
  /** Takes what a program says of the values of a collection of this node. */
  readonly adopt: (collection: string, model: CollectionModel) => Promise<void>;
  /** Hears that all entries of a collection of this node are of a version of its schema. */
  readonly finish: (collection: string, version: number) => Promise<void>;
}

/** What the collections of one node share. */
export interface CollectionParts {
  readonly engine: DataEngine;
  readonly peers: RightsPeers;
  readonly policy: MessagePolicy;
  readonly clock: Clock;
  readonly timers: Timers;
  /** How many watches there are, of each caller. */
  readonly watches: Map<PeerId | undefined, number>;
  /** Who may commit what. */
  readonly rights: CommitRights;
  /** Keeps what programs say of values; undefined where nobody does. */
  readonly models?: CollectionModels;
}

/** @returns the path of a collection's service */
export function collectionPath(collection: string): string {
  return `${DATA_PATH}/${collection}`;
}

/** @returns the service of a collection */
export function collectionService(parts: CollectionParts, spec: CollectionSpec): ServiceDefinition {
  const { name, key, read, write } = spec;
  const service = new CollectionActions(parts, name);
  const transactions = new TransactionActions(parts, name);
  const action = (
    allow: string | undefined,
    idempotent: boolean,
    handler: (params: unknown, context: CallContext) => unknown,
  ): AnyActionDefinition => ({
    idempotent,
    ...allow !== undefined && { allow },
    handler: (params: unknown, context) => told(() => handler(params, context)),
  });
  const writes = (kind: Write["kind"]) =>
    action(write, false, (params, context) => service.write(kind, params, context));
  return {
    path: collectionPath(name),
    description: `A collection by ${key}`,
    actions: {
      describe: action(read, true, () => service.describe()),
      get: action(read, true, (params, context) => service.get(params, context)),
      list: action(read, true, (params, context) => service.list(params, context)),
      query: action(read, true, (params, context) => service.query(params, context)),
      watch: action(read, true, (params, context) => service.watch(params, context)),
      put: writes("put"),
      post: writes("post"),
      patch: writes("patch"),
      delete: writes("delete"),
      // Under an id it happens once.
      commit: action(write, false, (params, context) => service.commit(params, context)),
      prepare: action(write, true, (params, context) => transactions.prepare(params, context)),
      finish: action(undefined, true, (params, context) => transactions.finish(params, context)),
      openRecord: action(write, true, (params, context) => transactions.openRecord(params, context)),
      decide: action(write, true, (params, context) => transactions.decide(params, context)),
      outcome: action(undefined, true, (params) => transactions.outcome(params)),
      settle: action(undefined, true, (params, context) => transactions.settle(params, context)),
      isPrepared: action(undefined, true, (params) => transactions.isPrepared(params)),
      transaction: action(write, true, (params) => service.transaction(params)),
      adopt: action(write, true, (params, context) => service.adopt(params, context)),
    },
  };
}

class CollectionActions {
  readonly #parts: CollectionParts;
  readonly #name: string;
  readonly #rights: KeyRights;
  /** What callers ask for again and again. */
  readonly #texts = new QueryTexts();

  constructor(parts: CollectionParts, name: string) {
    this.#parts = parts;
    this.#name = name;
    this.#rights = new KeyRights(name, parts.peers, parts.policy);
  }

  describe() {
    return this.#parts.engine.describe(this.#name);
  }

  async get(params: unknown, { caller }: CallContext) {
    const keys = readKeys(readFields(params));
    const refused = this.#rights.firstUnreadable(caller, keys);
    if (refused !== undefined) throw notYours("read", this.#name, refused);
    const entries = await this.#parts.engine.get(this.#name, keys);
    return entries.map((entry) => entry ?? null);
  }

  async list(params: unknown, { caller }: CallContext) {
    const request = readList(readFields(params ?? {}));
    const { engine } = this.#parts;
    if (this.#rights.readsAll(caller)) {
      const entries = await engine.list(this.#name, request);
      return { entries, after: entries.at(-1)?.key ?? null };
    }
    return await this.#listVisible(caller, request);
  }

  /** Goes on until there is something that the caller may read: where it goes on later tells of no key of others. */
  async #listVisible(caller: PeerId | undefined, request: ListRequest) {
    const { clock, engine } = this.#parts;
    const until = clock.now() + MAX_QUERY_MS;
    const wanted = Math.max(1, request.limit);
    for (let { after } = request;;) {
      const scan = { ...request, limit: MAX_ENTRIES, ...after !== undefined && { after } };
      const found = await engine.list(this.#name, scan);
      const entries = found.filter(({ key }) => this.#rights.mayRead(caller, key)).slice(0, wanted);
      after = found.at(-1)?.key;
      if (after === undefined || entries.length > 0) return { entries, after: entries.at(-1)?.key ?? null };
      if (clock.now() < until) continue;
      throw tooMuchWork(
        `To find what the caller may read takes longer than ${MAX_QUERY_MS} ms`,
        "Ask for what begins with a prefix.",
      );
    }
  }

  async query(params: unknown, { caller }: CallContext) {
    const { text, parameters } = readQuery(readFields(params), "query");
    const query = readText(() => this.#texts.parse(text ?? ""));
    if (query.from !== this.#name) {
      throw new DataError("InvalidQuery", `The query is from ${query.from}, and ${this.#name} was asked`);
    }
    const { clock } = this.#parts;
    const until = clock.now() + MAX_QUERY_MS;
    return await this.#parts.engine.query(this.#name, query, parameters, {
      ...!this.#rights.readsAll(caller) && {
        isVisible: (key: string) => this.#rights.mayRead(caller, key),
      },
      onProgress: () => {
        if (clock.now() < until) return;
        const hint = "Give the collection an index of what it compares first, or ask for less.";
        throw tooMuchWork(`The query takes longer than ${MAX_QUERY_MS} ms`, hint);
      },
    });
  }

  async watch(params: unknown, { caller }: CallContext) {
    const fields = readFields(params ?? {});
    const { text, parameters } = readQuery(fields, "where");
    const given = readAfter(fields);
    const matches = text === undefined
      ? () => true
      : readText(() => compileFilter(parseFilter(text), parameters));
    const { engine, timers, watches } = this.#parts;
    const now = await engine.revision(this.#name);
    // An owner that came back from a backup counts anew, and would tell nothing until it is as far.
    if (given !== undefined && given > now) {
      throw new DataError("Compacted", `${this.#name} is at revision ${now}, and was at ${given} once`, {
        hint: "Read the collection anew, and watch from now on.",
        revision: now,
      });
    }
    const after = given ?? now;
    const own = watches.get(caller) ?? 0;
    const all = Array.from(watches.values()).reduce((sum, count) => sum + count, 0);
    if (own >= MAX_WATCHES_PER_CALLER || all >= MAX_WATCHES) {
      throw new DataError("TooManyWatches", `${own} watches of this caller are open, and ${all} of all`);
    }
    watches.set(caller, own + 1);
    return watchSource(engine, timers, {
      collection: this.#name,
      after,
      ...fields["isCopy"] === true && {
        rights: {
          now: () => this.#rights.readRights(caller),
          isLasting: this.#rights.hasLastingRights(caller),
        },
      },
      isWanted: ({ key, old, new: now }: Change) =>
        this.#rights.mayRead(caller, key) &&
        ((now !== undefined && matches(now)) || (old !== undefined && matches(old))),
      onEnd: () => {
        const left = (watches.get(caller) ?? 1) - 1;
        if (left === 0) watches.delete(caller);
        else watches.set(caller, left);
      },
    });
  }

  async write(kind: Write["kind"], params: unknown, context: CallContext) {
    const fields = readFields(params);
    const id = readId(fields);
    checkVersions(fields, this.#parts.models);
    const writes = [readWrite(kind, this.#name, fields)];
    const origin = committerOf(context, this.#parts.peers.self);
    const { revisions } = await this.#commit(
      { ...id !== undefined && { id }, origin, reads: [], writes },
      context,
    );
    return { revision: revisions[0] ?? 0 };
  }

  commit(params: unknown, context: CallContext): Promise<CommitAnswer> {
    const fields = readFields(params);
    checkVersions(fields, this.#parts.models);
    const origin = committerOf(context, this.#parts.peers.self);
    return this.#commit(readCommit(fields, this.#name, origin), context);
  }

  /** Takes a newer schema, or hears that all entries are of the one that is in force. */
  async adopt(params: unknown, { caller }: CallContext) {
    const { version, jsonSchema, isMigrated } = readFields(params);
    if (!this.#rights.mayChange(caller)) {
      throw new DataError("Refused", `The schema of ${this.#name} is not for the caller to change`);
    }
    const { engine, models } = this.#parts;
    if (models === undefined) {
      throw new DataError("InvalidCollection", `Nobody keeps a schema of ${this.#name}`);
    }
    if (isMigrated === true) await models.finish(this.#name, Number(version));
    else await models.adopt(this.#name, { version: version as number, jsonSchema: jsonSchema as never });
    return await engine.describe(this.#name);
  }

  async transaction(params: unknown) {
    const id = readId(readFields(params)) ?? "";
    const { engine } = this.#parts;
    return { state: await engine.transaction(id) ?? await engine.prepared?.state(this.#name, id) ?? null };
  }

  async #commit(commit: Commit, { caller }: CallContext): Promise<CommitAnswer> {
    this.#parts.rights.check(commit, caller, this.#name);
    // Nothing at all asks for no right, and must not take an id.
    if (commit.reads.length === 0 && commit.writes.length === 0) {
      throw new DataError("InvalidValue", "A transaction reads or writes something");
    }
    return await this.#parts.engine.commit(commit);
  }
}

function tooMuchWork(what: string, hint: string): DataError {
  return new DataError("TooMuchWork", what, { hint });
}

function readText<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new DataError("InvalidQuery", `Cannot read the query: ${error.message}`, { cause: error });
  }
}
