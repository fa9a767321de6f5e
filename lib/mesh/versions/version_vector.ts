/**
 * What a node says of the versions that it has.
 *
 *     Digest   64 fingerprints, 512 bytes: is there anything to talk about, and in which parts of the ids?
 *     Vector   every slot's version, of a range of origins: which of us has the newer one?
 *
 * @module
 */

import { encodeHex, type UnixMillis } from "../../base/mod.ts";
import type { Digest as WireDigest, Vector as WireVector } from "../../proto/mod.ts";
import { ID_BYTES, idBytes, nodeIdFromBytes } from "../identity/mod.ts";
import { MAX_ENTRY_KEY_LENGTH, type Origin, readTime, readVersion } from "../records/mod.ts";
import { BUCKETS, FINGERPRINT_BYTES } from "./version_index.ts";

/** How many origins one vector may be about. */
export const MAX_VECTOR_ORIGINS = 4096;

/** A kind, a slash and a key. */
const MAX_SLOT_LENGTH = 32 + 1 + MAX_ENTRY_KEY_LENGTH;
const MAX_MARK = (1n << 64n) - 1n;

/** Fingerprints of everything that a node has. */
export interface Digest {
  /** 64 times 8 bytes. */
  readonly fingerprints: Uint8Array;
  /** The sender's clock. */
  readonly wallTime: UnixMillis;
}

/** The version of one slot. */
export interface SlotVersion {
  readonly slot: string;
  readonly version: number;
  readonly mark: bigint;
  readonly isFinal: boolean;
}

/** Which versions a node has of one origin. */
export interface OriginSlots {
  readonly origin: Origin;
  readonly slots: readonly SlotVersion[];
}

/** Which versions a node has. */
export interface Vector {
  /**
   * All origins between these two ids, both included, are spoken of: what is not listed is not there. Absent in an
   * answer, which is about the listed origins only and asks for what is newer.
   */
  readonly range?: { readonly first: string; readonly last: string };
  readonly origins: readonly OriginSlots[];
}

/** @returns the fields of the message */
export function digestToWire({ fingerprints, wallTime }: Digest): {
  fingerprints: Uint8Array;
  wallTime: bigint;
} {
  return { fingerprints, wallTime: BigInt(wallTime) };
}

/** @returns the digest, or undefined when it is malformed */
export function readDigest({ fingerprints, wallTime }: WireDigest): Digest | undefined {
  const time = readTime(wallTime);
  if (time === undefined || fingerprints.length !== BUCKETS * FINGERPRINT_BYTES) return undefined;
  return { fingerprints, wallTime: time };
}

/** @returns the fields of the message */
export function vectorToWire({ range, origins }: Vector): {
  first: Uint8Array;
  last: Uint8Array;
  origins: {
    origin: Uint8Array;
    slots: { slot: string; version: bigint; mark: bigint; isFinal: boolean }[];
  }[];
} {
  const bound = (id: string | undefined) => id === undefined ? new Uint8Array(0) : idBytes(id as Origin);
  return {
    first: bound(range?.first),
    last: bound(range?.last),
    origins: origins.map(({ origin, slots }) => ({
      origin: idBytes(origin),
      slots: slots.map((slot) => ({ ...slot, version: BigInt(slot.version) })),
    })),
  };
}

/** @returns the vector, or undefined when it is malformed */
export function readVector(wire: WireVector): Vector | undefined {
  if (wire.origins.length > MAX_VECTOR_ORIGINS) return undefined;
  const origins: OriginSlots[] = [];
  for (const { origin: bytes, slots: offered } of wire.origins) {
    const origin = nodeIdFromBytes(bytes);
    if (origin === undefined) return undefined;
    const slots: SlotVersion[] = [];
    for (const { slot, version: number, mark, isFinal } of offered) {
      const version = readVersion(number);
      if (version === undefined || slot.length > MAX_SLOT_LENGTH || mark > MAX_MARK) return undefined;
      slots.push({ slot, version, mark, isFinal });
    }
    origins.push({ origin, slots });
  }
  if (wire.first.length === 0 && wire.last.length === 0) return { origins };
  if (wire.first.length !== ID_BYTES || wire.last.length !== ID_BYTES) return undefined;
  return { range: { first: encodeHex(wire.first), last: encodeHex(wire.last) }, origins };
}
