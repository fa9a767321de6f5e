/**
 * Schemas of collections as their owners keep them: which version is in force, and which entries are of which.
 * @module
 */

import type { CollectionModel, CollectionSchema } from "./collection_schema.ts";
import { isSame, jsonText } from "./documents.ts";
import { DataError } from "./errors.ts";

/** How many bytes of JSON a schema has. */
const MAX_SCHEMA_BYTES = 64 << 10;
/** How many versions there may be of which entries are left. */
const MAX_VERSIONS = 64;

/** @returns the version that an entry was written by; 0 for before there was one */
export function versionOf(schema: CollectionSchema, revision: number): number {
  return schema.history.findLast(({ since }) => since < revision)?.version ?? 0;
}

/**
 * @param now undefined where there is none
 * @param revision of the collection's last change
 * @returns what is kept from now on
 * @throws DataError with code `SchemaChanged` when the program's is older, or another of the same version
 */
export function adoptModel(
  name: string,
  now: CollectionSchema | undefined,
  given: CollectionModel,
  revision: number,
): CollectionSchema {
  const { version, jsonSchema } = checkModel(given);
  const model = { version, ...jsonSchema !== undefined && { jsonSchema } };
  if (now === undefined) {
    return { ...model, history: [{ version, since: revision }] };
  }
  if (version < now.version) throw outdated(name, now.version, version);
  if (version === now.version) {
    if (jsonSchema === undefined || isSame(jsonSchema, now.jsonSchema)) return now;
    if (now.jsonSchema === undefined) return { ...now, ...model };
    throw new DataError(
      "SchemaChanged",
      `The schema of ${name} is another one than before, and its version is ${version} still`,
      { hint: "Give it a higher `version`, and `migrate` what was written by the former one." },
    );
  }
  return { ...model, history: [...now.history, { version, since: revision }].slice(-MAX_VERSIONS) };
}

/** @returns what is kept when all entries are of the version that is in force */
export function migratedTo(now: CollectionSchema, version: number): CollectionSchema {
  return now.version === version ? { ...now, history: [{ version, since: 0 }] } : now;
}

/** @returns what says that a program's schema is older than the one that is in force */
export function outdated(name: string, now: number, version: number): DataError {
  return new DataError(
    "SchemaChanged",
    `The schema of ${name} has version ${now} now, and this program's is ${version}`,
    { hint: "Run a newer program: what an older one writes would not be understood." },
  );
}

function checkModel({ version, jsonSchema }: CollectionModel): CollectionModel {
  if (!Number.isSafeInteger(version) || version < 1) {
    throw new DataError("InvalidCollection", "The version of a schema is a whole number from 1 on");
  }
  if (jsonSchema !== undefined) jsonText(jsonSchema, MAX_SCHEMA_BYTES, "A schema");
  return { version, ...jsonSchema !== undefined && { jsonSchema } };
}
