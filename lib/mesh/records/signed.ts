/**
 * Payloads that carry a signature, and the bounds of what is read from them.
 * @module
 */

import { concatBytes, type UnixMillis, unixMillis, utf8Bytes } from "../../base/mod.ts";
import { KEY_BYTES, PublicKey, SIGNATURE_BYTES, type SigningKey, VerifyingKey } from "../../crypto/mod.ts";
import { Endpoint, IpAddress, WebAddress } from "../../net/mod.ts";
import { decodeMessage, encodeMessage, SignedSchema } from "../../proto/mod.ts";

/** The longest payload that is looked at, in bytes. */
export const MAX_PAYLOAD_BYTES = 4096;

/** So far the clock of whoever signed something may be ahead of this one, in milliseconds. */
export const MAX_CLOCK_AHEAD_MS = 600_000;

/** A payload and a signature over a label and it. Immutable. */
export interface Signed {
  readonly payload: Uint8Array;
  /** 64 bytes, Ed25519. */
  readonly signature: Uint8Array;
}

/**
 * Signs `payload` so that the signature is worth nothing under another label.
 * @param label names the kind of payload; no label begins with another one
 */
export function signPayload(label: string, payload: Uint8Array, signingKey: SigningKey): Signed {
  const signed: Signed = { payload, signature: signingKey.sign(concatBytes(utf8Bytes(label), payload)) };
  SignedHere.note(signed, label, signingKey.verifyingKey);
  return signed;
}

/** Whether the holder of `verifyingKey` signed this under `label`. */
export function isSignedBy(label: string, signed: Signed, verifyingKey: VerifyingKey): boolean {
  if (!isBounded(signed)) return false;
  return SignedHere.take(signed, label, verifyingKey) ||
    verifyingKey.verify(concatBytes(utf8Bytes(label), signed.payload), signed.signature);
}

/**
 * What this process has signed itself, known by the object: a check takes 2 ms, and the first of all 30 more, at which a
 * node that starts would arrive with its own statement.
 */
class SignedHere {
  static readonly #by = new WeakMap<Signed, { readonly label: string; readonly key: VerifyingKey }>();

  static note(signed: Signed, label: string, key: VerifyingKey): void {
    SignedHere.#by.set(signed, { label, key });
  }

  /** @returns whether it has; nothing is kept then, and the next check is one of the signature */
  static take(signed: Signed, label: string, key: VerifyingKey): boolean {
    const by = SignedHere.#by.get(signed);
    SignedHere.#by.delete(signed);
    return by !== undefined && by.label === label && by.key.equals(key);
  }
}

/** Whether payload and signature have lengths that a real one can have. */
export function isBounded({ payload, signature }: Signed): boolean {
  return payload.length > 0 && payload.length <= MAX_PAYLOAD_BYTES && signature.length === SIGNATURE_BYTES;
}

/** @returns the form in which a signed payload is stored */
export function encodeSigned({ payload, signature }: Signed): Uint8Array {
  return encodeMessage(SignedSchema, { payload, signature });
}

/** @returns the signed payload, its signature not checked, or undefined when `bytes` are none */
export function decodeSigned(bytes: Uint8Array): Signed | undefined {
  const message = decodeMessage(SignedSchema, bytes, MAX_PAYLOAD_BYTES + SIGNATURE_BYTES + 16);
  return message && readSigned(message);
}

/** @returns a copy within bounds, or undefined */
export function readSigned(message: Signed | undefined): Signed | undefined {
  if (message === undefined || !isBounded(message)) return undefined;
  // In one buffer: two cost a hundred bytes more, of each of many.
  const { length } = message.payload;
  const bytes = new Uint8Array(length + SIGNATURE_BYTES);
  bytes.set(message.payload);
  bytes.set(message.signature, length);
  return { payload: bytes.subarray(0, length), signature: bytes.subarray(length) };
}

/** @returns the fields as they are, or undefined when one of them could not be read */
export function complete<T extends object>(
  fields: { readonly [K in keyof T]: T[K] | undefined },
): T | undefined {
  for (const key in fields) if (fields[key] === undefined) return undefined;
  return fields as T;
}

/** @returns what `read` makes of each item, or undefined when it cannot read one or there are more than `max` */
export function readList<Item, T>(
  items: readonly Item[],
  max: number,
  read: (item: Item) => T | undefined,
): T[] | undefined {
  if (items.length > max) return undefined;
  const found: T[] = [];
  for (const item of items) {
    const value = read(item);
    if (value === undefined) return undefined;
    found.push(value);
  }
  return found;
}

/** @returns the key, or undefined when these are not 32 bytes */
export function readPublicKey(bytes: Uint8Array): PublicKey | undefined {
  return bytes.length === KEY_BYTES ? PublicKey.fromBytes(bytes) : undefined;
}

/** @returns the key, or undefined when these are not 32 bytes */
export function readVerifyingKey(bytes: Uint8Array): VerifyingKey | undefined {
  return bytes.length === KEY_BYTES ? VerifyingKey.fromBytes(bytes) : undefined;
}

/** @returns the address, or undefined when these are not 4 or 16 bytes */
export function readAddress(bytes: Uint8Array): IpAddress | undefined {
  return bytes.length === 4 || bytes.length === 16 ? IpAddress.fromBytes(bytes) : undefined;
}

/** @returns the number, or undefined when it is 0 or above 2^53 - 1 */
export function readPositive(value: bigint): number | undefined {
  return value > 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

/** @returns the time, or undefined when it is above 2^53 - 1 */
export function readTime(value: bigint): UnixMillis | undefined {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? unixMillis(Number(value)) : undefined;
}

/**
 * Reads a list of `address:port` that somebody can be reached at.
 * @param max a longer list is rejected
 * @returns the endpoints, or undefined when one of them is none
 */
export function readEndpoints(texts: readonly string[], max: number): Endpoint[] | undefined {
  const endpoints = readList(texts, max, Endpoint.parse);
  return endpoints?.every(isReachable) ? endpoints : undefined;
}

/** @returns at most `max` URLs, or undefined when there are more, or one is none */
export function readUrls(texts: readonly string[], max: number): WebAddress[] | undefined {
  return readList(texts, max, WebAddress.parse);
}

/**
 * Whether a datagram can be sent there at all. An IPv4 address has one form only, or a rule about one form could be
 * evaded by the other.
 */
export function isReachable({ address, port }: Endpoint): boolean {
  const isMapped = address.unmapped() !== address;
  return port > 0 && !isMapped && !address.isUnspecified && !address.isMulticast;
}
