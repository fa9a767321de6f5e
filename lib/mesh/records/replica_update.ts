/**
 * What members send each other of a replica: signed records, statements and entries, all of them or what has changed.
 * @module
 */

import { readSigned, type Signed } from "./signed.ts";

/** How many items one message may hold. */
export const MAX_UPDATE_ITEMS = 8192;
/** The longest part that `splitUpdate` makes, in bytes. */
export const MAX_UPDATE_BYTES: number = 256 * 1024;

/** What one item costs at most beside payload and signature: tags and lengths of three nested fields. */
const ITEM_OVERHEAD_BYTES = 16;
/** What the message around the items costs at most. */
const MESSAGE_OVERHEAD_BYTES = 16;
/** What comes first is needed by what comes later. */
const ORDER = ["records", "statements", "entries"] as const;

/** Signed items by their kind. */
export interface ReplicaUpdate {
  readonly records: readonly Signed[];
  readonly statements: readonly Signed[];
  readonly entries: readonly Signed[];
}

/** An update while it is collected. */
export type MutableUpdate = Record<keyof ReplicaUpdate, Signed[]>;

/** An update without items. */
export const NO_UPDATE: ReplicaUpdate = { records: [], statements: [], entries: [] };

/** @returns an update to collect items in */
export function emptyUpdate(): MutableUpdate {
  return { records: [], statements: [], entries: [] };
}

/** @returns how many items there are */
export function updateSize({ records, statements, entries }: ReplicaUpdate): number {
  return records.length + statements.length + entries.length;
}

/** @returns the fields of the message */
export function updateToWire({ records, statements, entries }: ReplicaUpdate): MutableUpdate {
  return { records: [...records], statements: [...statements], entries: [...entries] };
}

/**
 * What is too long is left out and counted: whatever is beside it may be good.
 * @returns the update, or undefined when it has too many items
 */
export function readUpdate(
  wire: ReplicaUpdate,
): { readonly update: ReplicaUpdate; readonly oversized?: number } | undefined {
  const offered = updateSize(wire);
  if (offered > MAX_UPDATE_ITEMS) return undefined;
  const read = (items: readonly Signed[]) => items.map(readSigned).filter((signed) => signed !== undefined);
  const update = {
    records: read(wire.records),
    statements: read(wire.statements),
    entries: read(wire.entries),
  };
  const oversized = offered - updateSize(update);
  return { update, ...oversized > 0 && { oversized } };
}

/**
 * @param maxBytes how long an encoded part may be; room for one item at least
 * @returns parts to be sent in this order: records come before the statements and entries that need them
 */
export function splitUpdate(update: ReplicaUpdate, maxBytes: number = MAX_UPDATE_BYTES): ReplicaUpdate[] {
  const parts: ReplicaUpdate[] = [];
  let part = emptyUpdate();
  let lengthBytes = MESSAGE_OVERHEAD_BYTES;
  for (const kind of ORDER) {
    for (const signed of update[kind]) {
      const itemBytes = signed.payload.length + signed.signature.length + ITEM_OVERHEAD_BYTES;
      if (lengthBytes + itemBytes > maxBytes && updateSize(part) > 0) {
        parts.push(part);
        part = emptyUpdate();
        lengthBytes = MESSAGE_OVERHEAD_BYTES;
      }
      lengthBytes += itemBytes;
      part[kind].push(signed);
    }
  }
  if (updateSize(part) > 0) parts.push(part);
  return parts;
}
