/**
 * Cuts a roster into messages that fit a channel.
 * @module
 */

import { encodeMeshMessage, type RosterUpdate } from "./mesh_message.ts";
import type { Signed } from "./signed.ts";

/** The longest part of a roster, in bytes. */
export const MAX_UPDATE_BYTES: number = 256 * 1024;

/** What one item costs at most beside payload and signature: tags and lengths of three nested fields. */
const ITEM_OVERHEAD_BYTES = 16;
/** What the message around the items costs at most. */
const MESSAGE_OVERHEAD_BYTES = 16;

/**
 * @param maxBytes how long an encoded part may be; room for one item at least
 * @returns parts to be sent in this order: records come before the statements that need them
 */
export function splitUpdate(update: RosterUpdate, maxBytes: number = MAX_UPDATE_BYTES): RosterUpdate[] {
  const parts: RosterUpdate[] = [];
  let records: Signed[] = [];
  let statements: Signed[] = [];
  let lengthBytes = MESSAGE_OVERHEAD_BYTES;
  const makeRoom = (signed: Signed) => {
    const itemBytes = signed.payload.length + signed.signature.length + ITEM_OVERHEAD_BYTES;
    if (lengthBytes + itemBytes > maxBytes && records.length + statements.length > 0) {
      parts.push({ records, statements });
      records = [];
      statements = [];
      lengthBytes = MESSAGE_OVERHEAD_BYTES;
    }
    lengthBytes += itemBytes;
  };
  for (const signed of update.records) {
    makeRoom(signed);
    records.push(signed);
  }
  for (const signed of update.statements) {
    makeRoom(signed);
    statements.push(signed);
  }
  if (records.length + statements.length > 0) parts.push({ records, statements });
  return parts;
}

/** @returns the update as messages of at most 256 KiB, to be sent in this order */
export function encodeUpdates(update: RosterUpdate): Uint8Array[] {
  return splitUpdate(update).map((part) => encodeMeshMessage({ kind: "roster-update", update: part }));
}
