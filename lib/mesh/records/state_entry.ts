/**
 * What members replicate beside records and statements: names, services, policies. The body is for whoever knows the
 * kind.
 * @module
 */

import type { UnixMillis } from "../../base/mod.ts";
import type { SigningKey } from "../../crypto/mod.ts";
import { decodeMessage, encodeMessage, StateEntrySchema } from "../../proto/mod.ts";
import {
  idBytes,
  type NetworkId,
  networkIdFromBytes,
  type NodeId,
  nodeIdFromBytes,
} from "../identity/mod.ts";
import { complete, MAX_PAYLOAD_BYTES, readPositive, readTime, type Signed, signPayload } from "./signed.ts";

/** The longest body in bytes, so that a payload always has room for it. */
export const MAX_ENTRY_BODY_BYTES = 3072;
/** The longest key in characters. */
export const MAX_ENTRY_KEY_LENGTH = 255;
/** No entry is good for longer, counted from when it was issued: 90 days. */
export const MAX_ENTRY_LIFETIME_MS: number = 90 * 86_400_000;
/** What `StateEntry` signatures are made under. */
export const ENTRY_LABEL = "weft state entry v1";

const KIND = /^[a-z][a-z0-9-]{0,31}$/;
const KEY = /^[!-~]*$/;

/** Who may write an entry: a node for itself, or whoever holds the network's key. */
export type Origin = NodeId | NetworkId;

/** One entry. There is one for each kind, origin and key; the higher version replaces the lower. */
export interface StateEntry {
  readonly networkId: NetworkId;
  readonly origin: Origin;
  /** 1 to 32 lower-case letters, digits and hyphens. */
  readonly kind: string;
  /** At most 255 printable ASCII characters without spaces. */
  readonly key: string;
  /** Grows with every change of this entry; at least 1. */
  readonly version: number;
  readonly issuedAt: UnixMillis;
  /** At most 90 days after `issuedAt`. */
  readonly expiresAt: UnixMillis;
  /** It stands for an entry that was taken back; its body is empty. */
  readonly isDeleted: boolean;
  /** At most 3,072 bytes. */
  readonly body: Uint8Array;
}

/**
 * Signs an entry with the key of its origin.
 * @throws RangeError when the entry is one that nobody would accept
 */
export function signEntry(entry: StateEntry, signingKey: SigningKey): Signed {
  const payload = encodeMessage(StateEntrySchema, {
    networkId: idBytes(entry.networkId),
    origin: idBytes(entry.origin),
    kind: entry.kind,
    key: entry.key,
    version: BigInt(entry.version),
    issuedAt: BigInt(entry.issuedAt),
    expiresAt: BigInt(entry.expiresAt),
    deleted: entry.isDeleted,
    body: entry.body,
  });
  if (decodeEntry(payload) === undefined) {
    throw new RangeError(`Cannot sign the entry ${entry.kind}/${entry.key}: a field is out of bounds`);
  }
  return signPayload(ENTRY_LABEL, payload, signingKey);
}

/** @returns the entry in a payload, its signature not checked, or undefined when it is malformed */
export function decodeEntry(payload: Uint8Array): StateEntry | undefined {
  const message = decodeMessage(StateEntrySchema, payload, MAX_PAYLOAD_BYTES);
  if (message === undefined) return undefined;
  const { kind, key, deleted: isDeleted, body } = message;
  const entry = complete<StateEntry>({
    networkId: networkIdFromBytes(message.networkId),
    origin: nodeIdFromBytes(message.origin),
    kind,
    key,
    version: readPositive(message.version),
    issuedAt: readTime(message.issuedAt),
    expiresAt: readTime(message.expiresAt),
    isDeleted,
    body: body.slice(),
  });
  if (entry === undefined || !KIND.test(kind) || key.length > MAX_ENTRY_KEY_LENGTH || !KEY.test(key)) {
    return undefined;
  }
  const lifetimeMs = entry.expiresAt - entry.issuedAt;
  if (lifetimeMs <= 0 || lifetimeMs > MAX_ENTRY_LIFETIME_MS) return undefined;
  return body.length > (isDeleted ? 0 : MAX_ENTRY_BODY_BYTES) ? undefined : entry;
}
