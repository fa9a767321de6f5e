/**
 * Names, keys and values: what they may be.
 * @module
 */

import type { JsonValue } from "../query/mod.ts";
import {
  MAX_ANSWER_BYTES,
  MAX_ANSWER_OBJECTS,
  MAX_ID_LENGTH,
  MAX_INDEXES,
  MAX_KEY_BYTES,
  MAX_RESULT_BYTES,
  MAX_VALUE_BYTES,
  MAX_VALUE_DEPTH,
  MAX_VALUE_OBJECTS,
} from "./bounds.ts";
import type { CollectionSpec, Document } from "./engine.ts";
import { DataError } from "./errors.ts";

const COLLECTION_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
/** A copy of a shard, one that is being made, what a node notes of them, and what is being moved here: no collection that anybody opens. */
const INNER_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}\.(?:[0-9]{1,2}(?:\.next)?|notes|move)$/;
const PROPERTY = /^[^\p{C}\s.'"`()[\],=<>!*]{1,64}$/u;
const SHOWN_CHARACTERS = 64;
const encoder = new TextEncoder();

/** Whether a text can name a collection. */
export function isCollectionName(text: unknown): text is string {
  return typeof text === "string" && COLLECTION_NAME.test(text);
}

/** @returns the name of the collection that holds the data keys of another one */
export function keysCollection(collection: string): string {
  return `${collection}-keys`;
}

/** Whether a text names what a node keeps beside its collections: copies of shards. */
export function isInnerName(text: string): boolean {
  return INNER_NAME.test(text);
}

/** @returns the same, read strictly; of what an engine keeps @throws DataError with code `InvalidCollection` */
export function checkStoredSpec(spec: CollectionSpec): CollectionSpec {
  if (typeof spec.name !== "string" || !isInnerName(spec.name)) return checkSpec(spec);
  return { ...checkSpec({ ...spec, name: "inner" }), name: spec.name };
}

/** @returns the same, read strictly @throws DataError with code `InvalidCollection` */
export function checkSpec(spec: CollectionSpec): CollectionSpec {
  const { name, key, index = [], read, write, seal, schema } = spec;
  if (!isCollectionName(name)) fail(`${shown(name)} is no name of a collection`);
  if (typeof key !== "string" || !PROPERTY.test(key)) fail(`${shown(key)} is no name of a property`);
  if (!Array.isArray(index) || index.length > MAX_INDEXES) fail(`it may have ${MAX_INDEXES} indexes`);
  const wrong = index.find((path) =>
    typeof path !== "string" || path.split(".").length > 16 ||
    !path.split(".").every((part) => PROPERTY.test(part) && !part.includes("\\"))
  );
  if (wrong !== undefined) fail(`${shown(wrong)} is no property to make an index of`);
  const indexed: ReadonlySet<string> = new Set(index);
  // Their columns have their names, and SQLite's names are the same in both cases of A to Z.
  const columns = new Set(
    Array.from(indexed, (path) => path.replace(/[A-Z]/g, (letter) => letter.toLowerCase())),
  );
  if (columns.size < indexed.size) fail("two of its indexes differ in the case of letters alone");
  for (const selector of [read, write, seal]) {
    if (selector !== undefined && (typeof selector !== "string" || selector.length > 255)) {
      fail("who may read and write is said by selectors of at most 255 characters");
    }
  }
  if (seal !== undefined && index.length > 0) fail("what is sealed can't be indexed");
  return {
    ...{ name, key, index: [...indexed].sort() },
    ...read !== undefined && { read },
    ...write !== undefined && { write },
    ...seal !== undefined && { seal },
    ...schema !== undefined && { schema },
  };
}

/**
 * Whether SQLite gives a text back as it was: it ends them at the first U+0000, and has no halves of surrogate pairs. What it
 * gives back otherwise is another one's id, or differs between a node that was started again and one that was not.
 */
function isKeptAsIs(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** Whether a value can be an id, or name a worker: a text of 1 to 128 characters. */
export function isIdText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_ID_LENGTH && isKeptAsIs(value);
}

/**
 * @param key a text, or a whole number, which stands for its digits
 * @returns the key as text
 * @throws DataError with code `InvalidKey`
 */
export function keyText(key: unknown): string {
  if (typeof key === "number" && Number.isSafeInteger(key)) return `${key}`;
  if (typeof key !== "string" || key === "" || !isKeptAsIs(key)) {
    throw new DataError("InvalidKey", `Cannot use ${shown(key)} as a key`, {
      hint: "Keys are texts or whole numbers.",
    });
  }
  if (isLonger(key, MAX_KEY_BYTES)) {
    throw new DataError(
      "InvalidKey",
      `Cannot use ${shown(key)} as a key: it has at most ${MAX_KEY_BYTES} bytes`,
    );
  }
  return key;
}

/** @returns the key that a value has @throws DataError with code `InvalidKey`, `InvalidValue` */
export function keyOf(value: Document, property: string): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DataError("InvalidValue", "A value is an object with names");
  }
  if (!Object.hasOwn(value, property)) {
    throw new DataError("InvalidKey", `The value has no ${property}, which holds its key`);
  }
  return keyText(value[property]);
}

/**
 * Reads a value that anybody may have made.
 * @returns its JSON
 * @throws DataError with code `InvalidValue` or `TooLarge`
 */
export function documentText(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DataError("InvalidValue", "A value is an object with names");
  }
  return jsonText(value, MAX_VALUE_BYTES, "A value");
}

/**
 * Reads what anybody may have made.
 * @param what it is, for messages
 * @returns its JSON
 * @throws DataError with code `InvalidValue` or `TooLarge`
 */
export function jsonText(value: unknown, maxBytes: number, what: string): string {
  const problem = whyNoJson(value, MAX_VALUE_DEPTH, "");
  if (problem !== undefined) throw new DataError("InvalidValue", problem);
  const text = JSON.stringify(value);
  if (isLonger(text, maxBytes)) {
    throw new DataError("TooLarge", `${what} has at most ${maxBytes} bytes of JSON`);
  }
  if (bracketsIn(text) > MAX_VALUE_OBJECTS) {
    throw new DataError("TooLarge", `${what} holds at most ${MAX_VALUE_OBJECTS} objects and arrays`);
  }
  return text;
}

/**
 * @param result that is kept with the id of a transaction; undefined for none
 * @returns its JSON
 * @throws DataError with code `TooLarge`
 */
export function resultText(result: JsonValue | undefined): string | undefined {
  if (result === undefined) return undefined;
  const text = JSON.stringify(result);
  if (text.length <= MAX_RESULT_BYTES) return text;
  throw new DataError("TooLarge", `A transaction's result has at most ${MAX_RESULT_BYTES} bytes of JSON`);
}

/** Whether a text has more bytes of UTF-8, which are one to three for each of its units. */
function isLonger(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return true;
  return text.length * 3 > maxBytes && encoder.encode(text).length > maxBytes;
}

/** @returns a value that shares nothing with another one, which JSON has said */
export function cloneDocument(value: Document): Document {
  return cloneJson(value) as Document;
}

function cloneJson(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(cloneJson);
  // All names are its own then, `__proto__` too, so that to write them calls no setter.
  const clone: { [name: string]: JsonValue } = { ...value as Document };
  for (const name of Object.keys(clone)) {
    const inner = clone[name];
    if (typeof inner === "object" && inner !== null) clone[name] = cloneJson(inner);
  }
  return clone;
}

/** What one answer may still hold. */
export class AnswerRoom {
  #bytes = MAX_ANSWER_BYTES;
  #objects = MAX_ANSWER_OBJECTS;

  /** Takes room for a text of JSON. @returns whether there was any */
  take(text: string): boolean {
    this.#bytes -= text.length;
    this.#objects -= 1 + bracketsIn(text);
    return this.#bytes >= 0 && this.#objects >= 0;
  }
}

/** Brackets within texts count, too: it is a bound. */
function bracketsIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf("{"); at >= 0; at = text.indexOf("{", at + 1)) count++;
  for (let at = text.indexOf("["); at >= 0; at = text.indexOf("[", at + 1)) count++;
  return count;
}

/** The properties in which two values differ. */
export function changedProperties(
  before: Document | undefined,
  after: Document | undefined,
): Readonly<Record<string, { readonly old?: JsonValue; readonly new?: JsonValue }>> {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  const changed: Record<string, { old?: JsonValue; new?: JsonValue }> = Object.create(null);
  for (const name of names) {
    const [old, now] = [before?.[name], after?.[name]];
    if (isSame(old, now)) continue;
    changed[name] = { ...old !== undefined && { old }, ...now !== undefined && { new: now } };
  }
  return { ...changed };
}

/** Whether JSON says the same; the order of names does not count. */
export function isSame(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [one, other] = [a as Document, b as Document];
  const names = Object.keys(one);
  return names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && isSame(one[name], other[name]));
}

/** @param place where it is in the value, for the message */
function whyNoJson(value: unknown, depth: number, place: string): string | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined;
    case "number":
      return Number.isFinite(value) ? undefined : `JSON can't say ${value}${where(place)}`;
    case "object": {
      if (value === null) return undefined;
      if (depth === 0) return `A value nests at most ${MAX_VALUE_DEPTH} deep`;
      if (Array.isArray(value)) {
        // Holes too.
        for (let i = 0; i < value.length; i++) {
          const problem = whyNoJson(value[i], depth - 1, `${place}[${i}]`);
          if (problem !== undefined) return problem;
        }
        return undefined;
      }
      const prototype = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null) {
        return `JSON can't say an instance${where(place)}`;
      }
      for (const [name, inner] of Object.entries(value)) {
        const problem = whyNoJson(inner, depth - 1, place === "" ? name : `${place}.${name}`);
        if (problem !== undefined) return problem;
      }
      return undefined;
    }
    default:
      return `JSON can't say ${value === undefined ? "undefined" : `a ${typeof value}`}${where(place)}`;
  }
}

function where(place: string): string {
  return place === "" ? "" : `, which is at ${shown(place)}`;
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : String(value);
  return JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);
}

function fail(problem: string): never {
  throw new DataError("InvalidCollection", `Cannot make the collection: ${problem}`, {
    hint: "Names are a letter, then letters, digits, _ and -, at most 64.",
  });
}

/** What a sealed value has beside its key: the sealed text, and the number of the data key. */
export const SEALED_FIELDS = { text: "$sealed", generation: "$generation" } as const;

/** @returns the number of the data key by which a stored value is sealed; undefined when it is not sealed */
export function generationOf(stored: Document): number | undefined {
  const generation = stored[SEALED_FIELDS.generation];
  return Number.isSafeInteger(generation) && typeof stored[SEALED_FIELDS.text] === "string"
    ? generation as number
    : undefined;
}
