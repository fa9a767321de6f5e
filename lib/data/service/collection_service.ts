/**
 * One collection as a service at `data/NAME`, which its owner offers.
 * @module
 */

import type { Clock, Timers } from "../../base/mod.ts";
import { compileFilter, parseFilter, parseQuery, QueryError } from "../../query/mod.ts";
import {
  ActionError,
  type AnyActionDefinition,
  type CallContext,
  isProgram,
  type MessagePolicy,
  type PeerId,
  type ServiceDefinition,
} from "../../service/mod.ts";
import { MAX_QUERY_MS, MAX_WATCHES, MAX_WATCHES_PER_CALLER } from "../bounds.ts";
import type { Change, CollectionSpec, Commit, CommitAnswer, DataEngine, Write } from "../engine.ts";
import { keyOf } from "../documents.ts";
import { DataError } from "../errors.ts";
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
import { watchSource } from "./watch_source.ts";

/** The first segment of the paths of collections. */
export const DATA_PATH = "data";

/** What the collections of one node share. */
export interface CollectionParts {
  readonly engine: DataEngine;
  /** Those of this node, by name. */
  readonly specs: ReadonlyMap<string, CollectionSpec>;
  readonly peers: RightsPeers;
  readonly policy: MessagePolicy;
  readonly clock: Clock;
  readonly timers: Timers;
  /** How many watches there are, of each caller. */
  readonly watches: Map<PeerId | undefined, number>;
  /** Whether a caller may call an action of another collection of this node. */
  readonly mayCall: (caller: PeerId | undefined, collection: string, action: string) => boolean;
}

/** @returns the path of a collection's service */
export function collectionPath(collection: string): string {
  return `${DATA_PATH}/${collection}`;
}

/** @returns the service of a collection */
export function collectionService(parts: CollectionParts, spec: CollectionSpec): ServiceDefinition {
  const { name, key, read, write } = spec;
  const service = new CollectionActions(parts, name);
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
      transaction: action(write, true, (params) => service.transaction(params)),
    },
  };
}

class CollectionActions {
  readonly #parts: CollectionParts;
  readonly #name: string;
  readonly #rights: KeyRights;

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
    const refused = keys.find((key) => !this.#rights.mayRead(caller, key));
    if (refused !== undefined) throw notYours("read", this.#name, refused);
    const entries = await this.#parts.engine.get(this.#name, keys);
    return entries.map((entry) => entry ?? null);
  }

  async list(params: unknown, { caller }: CallContext) {
    const request = readList(readFields(params ?? {}));
    const entries = await this.#parts.engine.list(this.#name, request);
    const readsAll = this.#rights.readsAll(caller);
    return {
      entries: readsAll ? entries : entries.filter(({ key }) => this.#rights.mayRead(caller, key)),
      // Where it goes on, though the last ones may not be the caller's.
      after: entries.at(-1)?.key ?? null,
    };
  }

  async query(params: unknown, { caller }: CallContext) {
    const { text, parameters } = readQuery(readFields(params), "query");
    const query = readText(() => parseQuery(text ?? ""));
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
        throw new DataError("TooMuchWork", `The query takes longer than ${MAX_QUERY_MS} ms`, {
          hint: "Give the collection an index of what it compares first, or ask for less.",
        });
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
    const after = given ?? await engine.revision(this.#name);
    const own = watches.get(caller) ?? 0;
    const all = Array.from(watches.values()).reduce((sum, count) => sum + count, 0);
    if (own >= MAX_WATCHES_PER_CALLER || all >= MAX_WATCHES) {
      throw new DataError("TooManyWatches", `${own} watches of this caller are open, and ${all} of all`);
    }
    watches.set(caller, own + 1);
    return watchSource(engine, timers, {
      collection: this.#name,
      after,
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
    const writes = [readWrite(kind, this.#name, fields)];
    const origin = originOf(context);
    const { revisions } = await this.#commit(
      { ...id !== undefined && { id }, origin, reads: [], writes },
      context,
    );
    return { revision: revisions[0] ?? 0 };
  }

  commit(params: unknown, context: CallContext): Promise<CommitAnswer> {
    return this.#commit(readCommit(readFields(params), this.#name, originOf(context)), context);
  }

  async transaction(params: unknown) {
    return { state: await this.#parts.engine.transaction(readId(readFields(params)) ?? "") ?? null };
  }

  async #commit(commit: Commit, { caller }: CallContext): Promise<CommitAnswer> {
    const { engine, mayCall, peers, policy } = this.#parts;
    const others = new Set([...commit.reads, ...commit.writes].map(({ collection }) => collection));
    const rights = new Map<string, KeyRights>([[this.#name, this.#rights]]);
    for (const other of others) {
      if (rights.has(other)) continue;
      if (!mayCall(caller, other, "commit")) {
        throw new DataError(
          "NotOwner",
          `${other} is not with the node that owns ${this.#name}, or not for the caller`,
        );
      }
      rights.set(other, new KeyRights(other, peers, policy));
    }
    for (const { collection, key } of commit.reads) {
      const right = rights.get(collection);
      // Whether anything has changed would tell of what can't be read.
      const may = key === undefined ? right?.readsAll(caller) : right?.mayRead(caller, key);
      if (!may) throw notYours("read", collection, key ?? "");
    }
    for (const write of commit.writes) this.#checkWrite(write, caller, rights.get(write.collection));
    return await engine.commit(commit);
  }

  #checkWrite(write: Write, caller: PeerId | undefined, rights: KeyRights | undefined): void {
    const { collection } = write;
    const isWhole = write.kind === "put" || write.kind === "post";
    const key = isWhole ? keyOf(write.value, this.#parts.specs.get(collection)?.key ?? "") : write.key;
    const refusal = rights?.whyNotWrite(caller, key, write.kind === "delete" ? 0 : lengthOf(write.value));
    if (refusal === "over-rate") {
      throw new ActionError("Overloaded", "Too many writes come from there", { retryable: true });
    }
    if (refusal !== undefined) throw notYours("write", collection, key);
  }
}

/** Programs of the owner are one: each has a number of its own, and there is no end of them. */
function originOf({ caller }: CallContext): string {
  return caller === undefined || isProgram(caller) ? "" : caller;
}

function lengthOf(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0;
}

function readText<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new DataError("InvalidQuery", `Cannot read the query: ${error.message}`, { cause: error });
  }
}

function notYours(what: "read" | "write", collection: string, key: string): DataError {
  return new DataError("Refused", `${collection} ${JSON.stringify(key)} is not for the caller to ${what}`);
}
