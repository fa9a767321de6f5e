/**
 * Reads what callers ask for, who may send anything.
 * @module
 */

import { MAX_ENTRIES, MAX_OPERATIONS } from "../bounds.ts";
import { isCollectionName, keyText } from "../documents.ts";
import type { Commit, Document, ListRequest, ReadMark, Write } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { QueryParameters } from "../../query/mod.ts";

type Fields = Readonly<Record<string, unknown>>;

/** @returns the fields of a request @throws DataError when it is none */
export function readFields(params: unknown): Fields {
  if (typeof params === "object" && params !== null && !Array.isArray(params)) return params as Fields;
  throw malformed("it is no object");
}

/** @returns the keys that are asked for: `key`, or `keys` */
export function readKeys({ key, keys }: Fields): readonly string[] {
  if (!Array.isArray(keys)) return [keyText(key)];
  if (keys.length > MAX_ENTRIES) throw new DataError("TooLarge", `At most ${MAX_ENTRIES} are read at once`);
  return keys.map(keyText);
}

/** @returns which part is to be listed */
export function readList({ prefix, after, limit = MAX_ENTRIES }: Fields): ListRequest {
  for (const text of [prefix, after]) {
    if (text !== undefined && typeof text !== "string") throw malformed("a key is no text");
  }
  if (!isCount(limit)) throw malformed("limit is no number");
  return {
    ...typeof prefix === "string" && { prefix },
    ...typeof after === "string" && { after },
    limit,
  };
}

/** @returns the text of a query or condition, if there is one, and what its parameters are */
export function readQuery(
  fields: Fields,
  name: "query" | "where",
): { readonly text: string | undefined; readonly parameters: QueryParameters } {
  const { [name]: text, parameters = {} } = fields;
  if (text !== undefined && typeof text !== "string") throw malformed(`${name} is no text`);
  return {
    text: typeof text === "string" ? text : undefined,
    parameters: readFields(parameters) as QueryParameters,
  };
}

/** @returns the revision after which changes are wanted, if one is said */
export function readAfter({ after }: Fields): number | undefined {
  if (isCount(after)) return after;
  if (after !== undefined) throw malformed("after is no revision");
  return undefined;
}

/** @returns the write that an action of one entry means */
export function readWrite(kind: Write["kind"], collection: string, fields: Fields): Write {
  const { ifRevision } = fields;
  if (ifRevision !== undefined && !isCount(ifRevision)) throw malformed("ifRevision is no revision");
  const condition = isCount(ifRevision) ? { ifRevision } : {};
  if (kind === "delete") return { kind, collection, key: keyText(fields["key"]), ...condition };
  const value = fields["value"] as Document;
  if (kind === "patch") return { kind, collection, key: keyText(fields["key"]), value, ...condition };
  return kind === "put" ? { kind, collection, value, ...condition } : { kind, collection, value };
}

/** @returns the id of a transaction, if one is said */
export function readId({ id }: Fields): string | undefined {
  if (typeof id === "string") return id;
  if (id !== undefined) throw malformed("id is no text");
  return undefined;
}

/** @returns the versions of schemas that writes were made by, by the names of collections */
export function readVersions({ versions = {} }: Fields): readonly (readonly [string, number])[] {
  return Object.entries(readFields(versions)).slice(0, MAX_OPERATIONS).map(([name, version]) => {
    if (isCount(version)) return [name, version] as const;
    throw malformed("a version is no number");
  });
}

/** @param here the collection that was asked, which is meant where none is said */
export function readCommit(fields: Fields, here: string, origin: string): Commit {
  const { reads = [], writes = [], result } = fields;
  if (!Array.isArray(reads) || !Array.isArray(writes)) throw malformed("reads and writes are lists");
  if (Math.max(reads.length, writes.length) > MAX_OPERATIONS) {
    throw new DataError("TooLarge", `A transaction has at most ${MAX_OPERATIONS} reads and so many writes`);
  }
  const id = readId(fields);
  return {
    ...id !== undefined && { id },
    origin,
    reads: reads.map((read) => readMark(readFields(read), here)),
    writes: writes.map((write) => {
      const fields = readFields(write);
      const { kind } = fields;
      if (kind !== "put" && kind !== "post" && kind !== "patch" && kind !== "delete") {
        throw malformed("a write is put, post, patch or delete");
      }
      return readWrite(kind, collectionOf(fields, here), fields);
    }),
    ...result !== undefined && { result: result as never },
  };
}

function readMark(fields: Fields, here: string): ReadMark {
  const { key, revision } = fields;
  if (!isCount(revision)) throw malformed("a read has no revision");
  const collection = collectionOf(fields, here);
  return key === undefined ? { collection, revision } : { collection, key: keyText(key), revision };
}

function collectionOf({ collection = "" }: Fields, here: string): string {
  if (collection === "") return here;
  if (isCollectionName(collection)) return collection;
  throw malformed("collection is no name");
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function malformed(why: string): DataError {
  return new DataError("Failed", `The request can't be read: ${why}`);
}
