/**
 * The keys that one member has had, one after the other: what a removal is about, and how often keys may be replaced.
 *
 *     k1 ── rotation ──► k2 ── rotation ──► k3
 *     root               root k1            root k1
 *                        former: k1         former: k1 k2
 *
 * @module
 */

import { type Brand, decodeHex, encodeHex, type UnixMillis, unixMillis } from "../../base/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { KeyChain as WireChain, KeyChainSchema, MessageFields } from "../../proto/mod.ts";
import { complete, readList, readPositive, readTime } from "./signed.ts";

/** 32 lower-case hexadecimal digits: the first 16 bytes of a public key, whatever id it is used under. */
export type KeyTag = Brand<string, "KeyTag">;

/** How many former keys a record names; older ones are forgotten. */
export const MAX_FORMER_KEYS = 32;
/** How soon after each other keys may be replaced in the long run: four times a day, in milliseconds. */
export const ROTATION_EVERY_MS: number = 6 * 3_600_000;
/** How many rotations may follow each other at once. */
export const ROTATION_BURST = 4;
/**
 * Removals begin with this version, far above any other: whatever else a leader says of a key, at the same time and
 * without knowing of it, a removal comes after it.
 */
export const REMOVAL_VERSION: number = 2 ** 52;
/** The record of a key that took the place of another one comes after all that a token makes of the same key. */
export const VERSIONS_PER_GENERATION: number = 2 ** 24;
/**
 * An act of a leader's operator goes to the next multiple of so many versions; what a member asks for, a token gives and
 * time brings goes to the next version. So an act counts, although another leader that did not know of it has signed the
 * record meanwhile because the member asked for something: 16 claims, and what tokens add, which ends at the bounds of labels
 * and grants.
 */
export const VERSIONS_PER_ACT = 256;

const TAG_BYTES = 16;
/** Beyond it versions would reach those of removals. */
const MAX_GENERATION = 2 ** 27;

/** What a record under a key that was not let in itself says of those before. */
export interface KeyChain {
  /** The key that was let in first. */
  readonly root: KeyTag;
  /** Grows with every rotation, and with a removal; at least 1. */
  readonly generation: number;
  /** 1 to 32, the oldest first, the direct predecessor last. */
  readonly formerKeys: readonly KeyTag[];
  /**
   * Of each of them, up to which version of its record this one goes on from: what another leader changed beyond it,
   * that leader changes again.
   */
  readonly formerVersions: readonly number[];
  /** Up to when rotations are used up (ITU-T I.371, "theoretical arrival time"). */
  readonly rotationsSpentUntil: UnixMillis;
}

/** What of a record this is about. */
export interface ChainedRecord {
  readonly publicKey: PublicKey;
  readonly revoked: boolean;
  readonly successor?: unknown;
  readonly chain?: KeyChain;
}

/** @returns what names this key in chains */
export function keyTagOf({ bytes }: PublicKey): KeyTag {
  return encodeHex(bytes.subarray(0, TAG_BYTES)) as KeyTag;
}

/** @returns the version of a record that an operator has changed, from the one before */
export function versionOfAct(version: number): number {
  return (Math.floor(version / VERSIONS_PER_ACT) + 1) * VERSIONS_PER_ACT;
}

/** Whether an operator has changed a record since it had this version. */
export function isActAfter(version: number, since: number): boolean {
  return Math.floor(version / VERSIONS_PER_ACT) > Math.floor(since / VERSIONS_PER_ACT);
}

/** @returns the first key of the chain that a record is of */
export function chainRootOf({ publicKey, chain }: ChainedRecord): KeyTag {
  return chain?.root ?? keyTagOf(publicKey);
}

/** Whether a record ends its whole chain of keys. */
export function isRemoval({ revoked, successor }: ChainedRecord): boolean {
  return revoked && successor === undefined;
}

/**
 * Whether keys may be replaced now, told from what was signed: neither a leader's restart nor another leader resets it.
 * @param spentUntil of the chain; undefined for a first rotation
 * @returns up to when rotations are used up after this one, or how long to wait
 */
export function spendRotation(
  spentUntil: UnixMillis | undefined,
  wall: UnixMillis,
): { readonly spentUntil: UnixMillis } | { readonly retryAfterMs: number } {
  const burstMs = ROTATION_BURST * ROTATION_EVERY_MS;
  // A leader's clock that was ahead makes nobody wait for longer than a whole burst takes.
  const from = Math.min(Math.max(spentUntil ?? 0, wall), wall + burstMs);
  const next = from + ROTATION_EVERY_MS;
  return next - wall > burstMs ? { retryAfterMs: next - wall - burstMs } : { spentUntil: unixMillis(next) };
}

/** @returns the fields of the message */
export function chainToWire(chain: KeyChain): MessageFields<typeof KeyChainSchema> {
  const { root, generation, formerKeys, formerVersions, rotationsSpentUntil } = chain;
  return {
    root: tagBytes(root),
    generation,
    formerKeys: formerKeys.map(tagBytes),
    formerVersions: formerVersions.map(BigInt),
    rotationsSpentUntil: BigInt(rotationsSpentUntil),
  };
}

/** @returns the chain, or undefined when it is malformed */
export function readChain(wire: WireChain): KeyChain | undefined {
  const { generation } = wire;
  if (generation < 1 || generation > MAX_GENERATION || wire.formerKeys.length === 0) return undefined;
  if (wire.formerVersions.length !== wire.formerKeys.length) return undefined;
  return complete<KeyChain>({
    root: readTag(wire.root),
    generation,
    formerKeys: readList(wire.formerKeys, MAX_FORMER_KEYS, readTag),
    formerVersions: readList(wire.formerVersions, MAX_FORMER_KEYS, readPositive),
    rotationsSpentUntil: readTime(wire.rotationsSpentUntil),
  });
}

function tagBytes(tag: KeyTag): Uint8Array {
  return decodeHex(tag) ?? new Uint8Array(TAG_BYTES);
}

function readTag(bytes: Uint8Array): KeyTag | undefined {
  return bytes.length === TAG_BYTES ? encodeHex(bytes) as KeyTag : undefined;
}
