/**
 * Comparing what two nodes have: which parts differ, and who has the newer version of what.
 * @module
 */

import { equalBytes } from "../../base/mod.ts";
import type { ReplicaUpdate, Signed } from "../records/mod.ts";
import {
  bucketBounds,
  BUCKETS,
  FINGERPRINT_BYTES,
  type OriginVersions,
  RECORD_SLOT,
  STATEMENT_SLOT,
  type Versioned,
} from "./version_index.ts";
import type { OriginSlots, SlotVersion, Vector } from "./version_vector.ts";

/** How long a vector gets before another one is begun, in bytes; what one origin has is never divided. */
const VECTOR_BYTES = 64 * 1024;
/** What an origin, and what a slot beside its name, costs at most. */
const ITEM_BYTES = 32;

/** What somebody lacks, as it is collected. */
export type Lacking = Record<keyof ReplicaUpdate, Signed[]>;

/**
 * Finds what is newer here, and puts it into `lacking`.
 * @returns whether something is newer there
 */
export function compareSlots(
  own: readonly Versioned[],
  said: readonly SlotVersion[],
  lacking: Lacking,
): boolean {
  const theirs = new Map(said.map((slot) => [slot.slot, slot]));
  let isWanted = false;
  for (const slot of own) {
    const other = theirs.get(slot.slot);
    theirs.delete(slot.slot);
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
  return isWanted || (theirs.size > 0 && !isGone);
}

/** @returns above 0 when `own` is newer; `differ` when only their bytes say which is to be kept */
function compareVersions(own: Versioned, other: SlotVersion): number | "differ" {
  const difference = Number(own.isFinal) - Number(other.isFinal) || own.version - other.version;
  return difference === 0 && markNumber(own.mark) !== other.mark ? "differ" : difference;
}

/** @returns what a vector says of it */
export function describe({ origin, slots }: OriginVersions): OriginSlots {
  return {
    origin,
    slots: slots.map(({ slot, version, mark, isFinal }) => ({
      slot,
      version,
      mark: markNumber(mark),
      isFinal,
    })),
  };
}

function markNumber(mark: Uint8Array): bigint {
  return new DataView(mark.buffer, mark.byteOffset).getBigUint64(0);
}

/** Cuts a list of origins, in order, into lists that are not too long for one message. */
export function partsOf(origins: Iterable<OriginSlots>): OriginSlots[][] {
  const parts: OriginSlots[][] = [];
  let lengthBytes = Infinity;
  for (const origin of origins) {
    const itemBytes = origin.slots.reduce((sum, { slot }) => sum + slot.length + ITEM_BYTES, ITEM_BYTES);
    if (lengthBytes + itemBytes > VECTOR_BYTES) {
      parts.push([]);
      lengthBytes = 0;
    }
    parts.at(-1)?.push(origin);
    lengthBytes += itemBytes;
  }
  return parts;
}

/** @returns vectors that together speak of everything from `first` to `last`, both included */
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
