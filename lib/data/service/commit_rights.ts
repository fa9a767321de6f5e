/**
 * Who may commit what: the writes of a transaction, over whichever collections of this node.
 * @module
 */

import { ActionError, isProgram, type MessagePolicy, type PeerId } from "../../service/mod.ts";
import { generationOf, keyOf } from "../documents.ts";
import type { CollectionSpec, Commit, Write } from "../engine.ts";
import { DataError } from "../errors.ts";
import { outdated } from "../schemas.ts";
import { readVersions } from "./requests.ts";
import { KeyRights, type RightsPeers } from "./key_rights.ts";

/** What rights are asked of. */
export interface CommitRightsParts {
  readonly peers: RightsPeers;
  readonly policy: MessagePolicy;
  /** @returns what a collection is; undefined when it is not this node's */
  readonly specOf: (collection: string) => Pick<CollectionSpec, "key" | "seal"> | undefined;
  /** Whether a caller may call the action `commit` of a collection of this node. */
  readonly mayCommit: (caller: PeerId | undefined, collection: string) => boolean;
}

/** Checks commits of all callers. */
export class CommitRights {
  readonly #parts: CommitRightsParts;

  constructor(parts: CommitRightsParts) {
    this.#parts = parts;
  }

  /**
   * Decides, and counts what is written.
   * @param asked the collection whose action `commit` the caller has called, so that nobody asks for that again
   * @throws DataError with code `NotOwner`, `Refused` or `Sealed`, ActionError with code `Overloaded`
   */
  check({ reads, writes }: Commit, caller: PeerId | undefined, asked?: string): void {
    const { mayCommit, peers, policy } = this.#parts;
    const rights = new Map<string, KeyRights>();
    for (const { collection } of [...reads, ...writes]) {
      if (rights.has(collection)) continue;
      if (collection !== asked && !mayCommit(caller, collection)) {
        throw new DataError(
          "NotOwner",
          `${collection} is not with the node that was asked, or not for the caller`,
        );
      }
      rights.set(collection, new KeyRights(collection, peers, policy));
    }
    for (const { collection, key } of reads) {
      const right = rights.get(collection);
      // Whether anything has changed would tell of what can't be read.
      const may = key === undefined ? right?.readsAll(caller) : right?.mayRead(caller, key);
      if (!may) throw notYours("read", collection, key ?? "");
    }
    for (const write of writes) this.#checkWrite(write, caller, rights.get(write.collection));
  }

  #checkWrite(write: Write, caller: PeerId | undefined, rights: KeyRights | undefined): void {
    const { collection } = write;
    const { key: property = "", seal } = this.#parts.specOf(collection) ?? {};
    const isWhole = write.kind === "put" || write.kind === "post";
    const key = isWhole ? keyOf(write.value, property) : write.key;
    const lengthBytes = () => write.kind === "delete" ? 0 : lengthOf(write.value);
    const refusal = rights?.whyNotWrite(caller, key, lengthBytes);
    if (refusal === "over-rate") throw overRate("writes");
    if (refusal !== undefined) throw notYours("write", collection, key);
    if (seal === undefined || write.kind === "delete") return;
    // Whoever keeps it is not to have it in clear text, whatever a program sends.
    if (isWhole && generationOf(write.value) !== undefined) return;
    throw new DataError("Sealed", `${collection} ${JSON.stringify(key)} was to be written unsealed`);
  }
}

/**
 * Checks that who writes knows the schemas that are in force.
 * @param models says which those are; undefined where nobody keeps any
 * @throws DataError with code `SchemaChanged`
 */
export function checkVersions(
  fields: Readonly<Record<string, unknown>>,
  models: { readonly versionOf: (collection: string) => number | undefined } | undefined,
): void {
  for (const [collection, version] of readVersions(fields)) {
    const now = models?.versionOf(collection);
    if (now !== undefined && version < now) throw outdated(collection, now, version);
  }
}

/** Whose a push is. Programs of the owner are one: each has a number of its own, and there is no end of them. */
export function originOf(context: Calling): string {
  return callerOr("", context);
}

/**
 * Whose a transaction is, and its id: programs of a node are one here, too, and by the id of their node, since it may end
 * at another one, as where a shard has moved.
 * @param self the node that is asked
 */
export function committerOf(context: Calling, self: PeerId): PeerId {
  return callerOr(self, context);
}

interface Calling {
  readonly caller: PeerId | undefined;
}

function callerOr<Own>(own: Own, { caller }: Calling): PeerId | Own {
  return caller === undefined || isProgram(caller) ? own : caller;
}

/** @returns what says that something is not for the caller */
export function notYours(what: "read" | "write", collection: string, key: string): DataError {
  return new DataError("Refused", `${collection} ${JSON.stringify(key)} is not for the caller to ${what}`);
}

/** @returns what says that a policy lets no more through now */
export function overRate(what: string): ActionError {
  return new ActionError("Overloaded", `Too many ${what} come from there`, { retryable: true });
}

/** @returns how long it is as JSON, in characters */
export function lengthOf(value: unknown): number {
  return JSON.stringify(value)?.length ?? 0;
}
