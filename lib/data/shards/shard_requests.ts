/**
 * Reads what members and programs ask of shards, who may send anything.
 * @module
 */

import { isCollectionName } from "../documents.ts";
import { DataError } from "../errors.ts";
import { readFields } from "../service/mod.ts";
import { isCommit, isRevision, type MakeRequest } from "./messages.ts";
import { readStarts } from "./term_starts.ts";

/** What a program may ask of a shard. */
export const ACTIONS: readonly string[] = [
  ...["describe", "get", "list", "query", "watch", "transaction"],
  ...["put", "post", "patch", "delete", "commit"],
  ...["prepare", "finish", "openRecord", "decide", "outcome", "settle", "isPrepared"],
];
/** What is allowed as a commit is. */
export const AS_COMMIT: ReadonlySet<string> = new Set(["prepare", "openRecord", "decide"]);
/** What asks for no right: whoever knows the name of an attempt has part in it. */
export const OF_ATTEMPT: ReadonlySet<string> = new Set(["finish", "outcome", "settle", "isPrepared"]);

/** @returns the collection that is meant @throws DataError */
export function nameOf(params: unknown): string {
  const name = readFields(params)["collection"];
  if (isCollectionName(name)) return name;
  throw malformed();
}

/** @returns a number that counts something @throws DataError */
export function readCount(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw malformed();
}

/** @returns numbers of shards; undefined where none are said @throws DataError */
export function readShards(value: unknown): readonly number[] | undefined {
  return Array.isArray(value) ? value.map(readCount) : undefined;
}

/** @returns a step of being sent everything @throws DataError */
export function readMake(fields: Readonly<Record<string, unknown>>): MakeRequest {
  const { step, entries, commits } = fields;
  const own = {
    collection: nameOf(fields),
    shard: readCount(fields["shard"]),
    term: readCount(fields["term"]),
  };
  const { position } = fields;
  if (step === "begin" && isRevision(position)) return { ...own, step, position };
  if (
    step === "fill" && Array.isArray(entries) && Array.isArray(commits) && commits.every(isCommit) &&
    entries.every((one) => isRevision(one?.revision))
  ) {
    return { ...own, step, entries, commits };
  }
  const starts = readStarts(fields["starts"]);
  if (step === "end" && starts !== undefined) return { ...own, step, starts };
  throw malformed();
}

/** @returns what says that a request is none */
export function malformed(): DataError {
  return new DataError("Failed", "The request can't be read");
}
