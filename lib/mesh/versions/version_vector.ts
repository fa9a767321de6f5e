/**
 * The versions that a node has as messages, and how two nodes find what differs.
 *
 *     Digest   64 fingerprints, 512 bytes: does anything differ, and in which parts of the ids?
 *     Vector   every slot's version, of a range of origins: which of the two nodes has the newer one?
 *
 * @module
 */

import { encodeHex, equalBytes, type UnixMillis } from "../../base/mod.ts";
import type {
  Digest as WireDigest,
  MessageFields,
  OriginVersions as WireOrigin,
  SlotVersion as WireSlot,
  Vector as WireVector,
  VectorSchema,
} from "../../proto/mod.ts";
import { ID_BYTES, idBytes, nodeIdFromBytes } from "../identity/mod.ts";
import {
  complete,
  MAX_ENTRY_KEY_LENGTH,
  type MutableUpdate,
  type Origin,
  readList,
  readPositive,
  readTime,
} from "../records/mod.ts";
import {
  bucketBounds,
  BUCKETS,
  FINGERPRINT_BYTES,
  RECORD_SLOT,
  type SlotVersion,
  STATEMENT_SLOT,
  type Versioned,
} from "./version_index.ts";

/** How many origins one vector may be about. */
export const MAX_VECTOR_ORIGINS = 4096;

/** A kind, a slash and a key. */
const MAX_SLOT_LENGTH = 32 + 1 + MAX_ENTRY_KEY_LENGTH;

/** How long a vector gets before another one is begun, in bytes; what one origin has is never divided. */
const VECTOR_BYTES = 64 * 1024;
/** What an origin, and what a slot beside its name, costs at most. */
const ITEM_BYTES = 32;

/** Fingerprints of everything that a node has. */
export interface Digest {
  /** 64 times 8 bytes. */
  readonly fingerprints: Uint8Array;
  /** The sender's clock. */
  readonly wallTime: UnixMillis;
}

/** Which versions a node has of one origin. */
export interface OriginSlots {
  readonly origin: Origin;
  readonly slots: readonly SlotVersion[];
}

/** Which versions a node has. */
export interface Vector {
  /**
   * All origins between these two ids, both included, are covered: what is not listed is not there. Absent in an
   * answer, which is about the listed origins only and asks for what is newer.
   */
  readonly range?: { readonly first: string; readonly last: string };
  readonly origins: readonly OriginSlots[];
}

/** @returns the digest, or undefined when it is malformed */
export function readDigest({ fingerprints, wallTime }: WireDigest): Digest | undefined {
  if (fingerprints.length !== BUCKETS * FINGERPRINT_BYTES) return undefined;
  return complete<Digest>({ fingerprints, wallTime: readTime(wallTime) });
}

/** @returns the fields of the message */
export function vectorToWire({ range, origins }: Vector): MessageFields<typeof VectorSchema> {
  const bound = (id: string | undefined) => id === undefined ? new Uint8Array(0) : idBytes(id as Origin);
  return {
    first: bound(range?.first),
    last: bound(range?.last),
    origins: origins.map(({ origin, slots }) => ({
      origin: idBytes(origin),
      slots: slots.map(({ slot, version, mark, isFinal }) => ({
        slot,
        version: BigInt(version),
        mark,
        isFinal,
      })),
    })),
  };
}

/** @returns the vector, or undefined when it is malformed */
export function readVector(wire: WireVector): Vector | undefined {
  const origins = readList(wire.origins, MAX_VECTOR_ORIGINS, readOrigin);
  if (origins === undefined) return undefined;
  if (wire.first.length === 0 && wire.last.length === 0) return { origins };
  if (wire.first.length !== ID_BYTES || wire.last.length !== ID_BYTES) return undefined;
  return { range: { first: encodeHex(wire.first), last: encodeHex(wire.last) }, origins };
}

function readOrigin({ origin, slots }: WireOrigin): OriginSlots | undefined {
  return complete<OriginSlots>({
    origin: nodeIdFromBytes(origin),
    slots: readList(slots, Infinity, readSlot),
  });
}

function readSlot({ slot, version: number, mark, isFinal }: WireSlot): SlotVersion | undefined {
  const version = readPositive(number);
  if (version === undefined || slot.length > MAX_SLOT_LENGTH) return undefined;
  return { slot, version, mark, isFinal };
}

/**
 * Finds what is newer here, and puts it into `lacking`.
 * @returns whether something is newer there
 */
export function compareSlots(
  own: readonly Versioned[],
  theirs: readonly SlotVersion[],
  lacking: MutableUpdate,
): boolean {
  const others = new Map(theirs.map((slot) => [slot.slot, slot]));
  let isWanted = false;
  for (const slot of own) {
    const other = others.get(slot.slot);
    others.delete(slot.slot);
    const difference = other === undefined ? 1 : compareVersions(slot, other);
    if (difference === "differ" || difference > 0) {
      const kind = slot.slot === RECORD_SLOT
        ? "records"
        : slot.slot === STATEMENT_SLOT
        ? "statements"
        : "entries";
      lacking[kind].push(slot.signed);
    }
    if (difference === "differ" || difference < 0) isWanted = true;
  }
  // Of a node that was removed, whatever else it has written is not to be had.
  const isGone = own.some(({ isFinal }) => isFinal);
  return isWanted || (others.size > 0 && !isGone);
}

/** @returns above 0 when `own` is newer; `differ` when only their bytes say which is to be kept */
function compareVersions(own: Versioned, other: SlotVersion): number | "differ" {
  const difference = Number(own.isFinal) - Number(other.isFinal) || own.version - other.version;
  return difference === 0 && own.mark !== other.mark ? "differ" : difference;
}

/** Cuts a list of origins, in order, into lists that are not too long for one message; later changes do not reach it. */
export function partsOf(origins: Iterable<OriginSlots>): OriginSlots[][] {
  const parts: OriginSlots[][] = [];
  let lengthBytes = Infinity;
  for (const { origin, slots } of origins) {
    const itemBytes = slots.reduce((sum, { slot }) => sum + slot.length + ITEM_BYTES, ITEM_BYTES);
    if (lengthBytes + itemBytes > VECTOR_BYTES) {
      parts.push([]);
      lengthBytes = 0;
    }
    parts.at(-1)?.push({ origin, slots: [...slots] });
    lengthBytes += itemBytes;
  }
  return parts;
}

/** @returns vectors that together cover everything from `first` to `last`, both included */
export function vectorsOf(first: string, last: string, origins: Iterable<OriginSlots>): Vector[] {
  const parts = partsOf(origins);
  if (parts.length === 0) return [{ range: { first, last }, origins: [] }];
  return parts.map((part, i) => ({
    range: {
      first: i === 0 ? first : part[0]?.origin ?? first,
      // What lies between two parts belongs to the earlier one.
      last: before(parts[i + 1]?.[0]?.origin) ?? last,
    },
    origins: part,
  }));
}

/** @returns the ranges of ids in which two digests differ; neighbouring parts are one */
export function differingRanges(own: Uint8Array, theirs: Uint8Array): { first: string; last: string }[] {
  const ranges: { first: string; last: string; until: number }[] = [];
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    const at = bucket * FINGERPRINT_BYTES;
    if (equalBytes(own.subarray(at, at + FINGERPRINT_BYTES), theirs.subarray(at, at + FINGERPRINT_BYTES))) {
      continue;
    }
    const { first, last } = bucketBounds(bucket);
    const previous = ranges.at(-1);
    if (previous?.until === bucket) Object.assign(previous, { last, until: bucket + 1 });
    else ranges.push({ first, last, until: bucket + 1 });
  }
  return ranges;
}

/** @returns the id before this one */
function before(id: string | undefined): string | undefined {
  if (id === undefined) return undefined;
  return (BigInt(`0x${id}`) - 1n).toString(16).padStart(32, "0");
}
