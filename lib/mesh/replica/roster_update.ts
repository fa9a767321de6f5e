/**
 * Cuts a roster into messages that fit a channel.
 * @module
 */

import { encodeMeshMessage } from "../wire/mod.ts";
import { type ReplicaUpdate, type Signed, updateSize } from "../records/mod.ts";

/** The longest part of a roster, in bytes. */
export const MAX_UPDATE_BYTES: number = 256 * 1024;

/** What one item costs at most beside payload and signature: tags and lengths of three nested fields. */
const ITEM_OVERHEAD_BYTES = 16;
/** What the message around the items costs at most. */
const MESSAGE_OVERHEAD_BYTES = 16;
/** What comes first is needed by what comes later. */
const ORDER = ["records", "statements", "entries"] as const;

/** Nothing to tell. */
export const NO_UPDATE: ReplicaUpdate = { records: [], statements: [], entries: [] };

/**
 * @param maxBytes how long an encoded part may be; room for one item at least
 * @returns parts to be sent in this order: records come before the statements and entries that need them
 */
export function splitUpdate(update: ReplicaUpdate, maxBytes: number = MAX_UPDATE_BYTES): ReplicaUpdate[] {
  const parts: ReplicaUpdate[] = [];
  let part = { records: [] as Signed[], statements: [] as Signed[], entries: [] as Signed[] };
  let lengthBytes = MESSAGE_OVERHEAD_BYTES;
  for (const kind of ORDER) {
    for (const signed of update[kind]) {
      const itemBytes = signed.payload.length + signed.signature.length + ITEM_OVERHEAD_BYTES;
      if (lengthBytes + itemBytes > maxBytes && updateSize(part) > 0) {
        parts.push(part);
        part = { records: [], statements: [], entries: [] };
        lengthBytes = MESSAGE_OVERHEAD_BYTES;
      }
      lengthBytes += itemBytes;
      part[kind].push(signed);
    }
  }
  if (updateSize(part) > 0) parts.push(part);
  return parts;
}

/** @returns the update as messages of at most 256 KiB, to be sent in this order */
export function encodeUpdates(update: ReplicaUpdate): Uint8Array[] {
  return splitUpdate(update).map((part) => encodeMeshMessage({ kind: "roster-update", update: part }));
}
