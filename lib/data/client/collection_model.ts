/**
 * The schema of a collection as a program has it: how its owner is told of it, and how what was written by former versions
 * becomes what it says now.
 * @module
 */

import type { JsonValue } from "../../query/mod.ts";
import type { Schema } from "../../service/mod.ts";
import type { CollectionState, Document, Entry } from "../engine.ts";
import { DataError } from "../errors.ts";
import type { CollectionModel, CollectionSchema } from "../collection_schema.ts";
import { versionOf } from "../schemas.ts";
import type { DataCalls } from "./data_calls.ts";

/** Makes of what a former version of a schema has written what the present one says; 0 stands for before there was one. */
export type Migrate = (value: Document, version: number) => Document | Promise<Document>;

/** What a program says of the values of a collection. */
export interface ModelOptions {
  readonly schema?: Schema<unknown, Document>;
  readonly version?: number;
  readonly migrate?: Migrate;
}

/** The part of Standard JSON Schema (version 1) that is used here. */
interface JsonSchemaConverter {
  readonly jsonSchema?: { readonly output?: (options: { readonly target: string }) => unknown };
}

/** @returns what the owner is told; undefined without a schema and version */
export function modelOf({ schema, version }: ModelOptions): CollectionModel | undefined {
  if (schema === undefined && version === undefined) return undefined;
  const jsonSchema = schema && jsonSchemaOf(schema);
  return { version: version ?? 1, ...jsonSchema !== undefined && { jsonSchema } };
}

/** Schemas of which JSON Schema can't say all, such as a transformation, are kept by their version alone. */
function jsonSchemaOf(schema: Schema<unknown, Document>): JsonValue | undefined {
  try {
    const { jsonSchema } = schema["~standard"] as JsonSchemaConverter;
    const converted = jsonSchema?.output?.({ target: "draft-2020-12" });
    return converted === undefined ? undefined : JSON.parse(JSON.stringify(converted));
  } catch {
    return undefined;
  }
}

/**
 * Tells the owner of a schema, if it does not know it.
 * @param state as the owner says it
 * @returns what it keeps
 * @throws DataError with code `SchemaChanged` when it has a newer one
 */
export async function tellModel(
  calls: DataCalls,
  state: CollectionState,
  model: CollectionModel,
): Promise<CollectionSchema | undefined> {
  const { name, schema } = state;
  try {
    const told = await calls.call(name, "adopt", model, { idempotent: true }) as CollectionState;
    return told.schema;
  } catch (error) {
    // Who may not change it can go on by the one that is there.
    const mayGoOn = schema === undefined || schema.version === model.version;
    if (error instanceof DataError && error.code === "Refused" && mayGoOn) return schema;
    throw error;
  }
}

/** What the entries of former versions become. */
export class Migration {
  readonly #schema: CollectionSchema;
  readonly #migrate: Migrate;

  constructor(schema: CollectionSchema, migrate: Migrate) {
    this.#schema = schema;
    this.#migrate = migrate;
  }

  /** Whether there may be entries of another version. */
  get isNeeded(): boolean {
    const [first] = this.#schema.history;
    return first === undefined || first.since > 0 || this.#schema.history.length > 1;
  }

  /** Whether an entry is of another version. */
  isOld({ revision }: Entry): boolean {
    return versionOf(this.#schema, revision) !== this.#schema.version;
  }

  /** @returns the value of an entry as the present version says it */
  async apply(entry: Entry): Promise<Document> {
    if (!this.isOld(entry)) return entry.value;
    return await this.#migrate(structuredClone(entry.value), versionOf(this.#schema, entry.revision));
  }
}
