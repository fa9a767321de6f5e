/**
 * Values that only those with a data key can read.
 *
 * ```
 *   { id: 7, status: "open" } ──▶ { id: 7, $sealed: nonce, 24 | XChaCha20-Poly1305 of the JSON, in base64url,
 *                                   $generation: 3 }
 * ```
 *
 * The property that holds the key stays as it is, for owners find entries by it. A value opens only as that of its collection,
 * key and generation.
 *
 * @module
 */

import {
  concatBytes,
  decodeBase64Url,
  encodeBase64Url,
  randomBytes,
  type RandomSource,
  utf8Bytes,
} from "../../base/mod.ts";
import { type NonceCipher, XCHACHA_NONCE_BYTES, xchachaOpenBy, xchachaSealBy } from "../../crypto/mod.ts";
import { documentText, generationOf, keyOf, SEALED_FIELDS } from "../documents.ts";
import type { Document } from "../engine.ts";
import { DataError } from "../errors.ts";

const decoder = new TextDecoder();

/** A data key, and its number among those of one collection. */
export interface DataKey {
  readonly generation: number;
  readonly key: Uint8Array;
}

/** @param property that holds the key of values @returns the value as it is stored */
export function sealValue(
  collection: string,
  property: string,
  value: Document,
  { generation, key }: DataKey,
  { cipher, random }: { readonly cipher: NonceCipher; readonly random: RandomSource },
): Document {
  const text = documentText(value);
  const nonce = randomBytes(random, XCHACHA_NONCE_BYTES);
  const about = associatedData(collection, keyOf(value, property), generation);
  const sealed = concatBytes(nonce, xchachaSealBy(cipher, key, nonce, utf8Bytes(text), about));
  return {
    [property]: value[property] ?? null,
    [SEALED_FIELDS.text]: encodeBase64Url(sealed),
    [SEALED_FIELDS.generation]: generation,
  };
}

/**
 * @param keys by generation
 * @returns the value
 * @throws DataError with code `Sealed` when it was not sealed with a known key, or is not what was sealed
 */
export function openValue(
  collection: string,
  property: string,
  stored: Document,
  keys: ReadonlyMap<number, Uint8Array>,
  cipher: NonceCipher,
): Document {
  const generation = generationOf(stored);
  const key = generation === undefined ? undefined : keys.get(generation);
  const id = keyOf(stored, property);
  if (generation === undefined || key === undefined) {
    throw new DataError("Sealed", `${collection} ${JSON.stringify(id)} is not sealed for this node`, {
      hint: "It is readable once a member that can read it has sealed it anew.",
    });
  }
  const bytes = decodeBase64Url(stored[SEALED_FIELDS.text] as string) ?? new Uint8Array(0);
  const nonce = bytes.subarray(0, XCHACHA_NONCE_BYTES);
  const about = associatedData(collection, id, generation);
  const opened = nonce.length < XCHACHA_NONCE_BYTES
    ? undefined
    : xchachaOpenBy(cipher, key, nonce, bytes.subarray(XCHACHA_NONCE_BYTES), about);
  const value = opened && readDocument(opened);
  // Whoever has the data key may have sealed anything.
  if (value === undefined || !Object.hasOwn(value, property) || keyOf(value, property) !== id) {
    throw new DataError("Sealed", `${collection} ${JSON.stringify(id)} is not what was sealed`);
  }
  return value;
}

function readDocument(bytes: Uint8Array): Document | undefined {
  try {
    const value = JSON.parse(decoder.decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Names hold no NUL, so that no two are alike. */
function associatedData(collection: string, key: string, generation: number): Uint8Array {
  return utf8Bytes(`weft collection v1\0${collection}\0${generation}\0${key}`);
}
