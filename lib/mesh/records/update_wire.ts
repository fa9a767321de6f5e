/**
 * What is signed and replicated, as it stands in messages.
 * @module
 */

import { readSigned, type Signed } from "./signed.ts";

/** How many records or statements one message may hold. */
export const MAX_UPDATE_ITEMS = 8192;

/** What is signed and replicated, all of it or what has changed. */
export interface ReplicaUpdate {
  readonly records: readonly Signed[];
  readonly statements: readonly Signed[];
  readonly entries: readonly Signed[];
}

/** The fields of a signed payload in a message. */
export type WireSigned = { payload: Uint8Array; signature: Uint8Array };

/** @returns the fields of the message */
export function updateToWire(
  { records, statements, entries }: ReplicaUpdate,
): Record<keyof ReplicaUpdate, WireSigned[]> {
  return {
    records: records.map(signedToWire),
    statements: statements.map(signedToWire),
    entries: entries.map(signedToWire),
  };
}

/** @returns the fields of the message */
export function signedToWire({ payload, signature }: Signed): WireSigned {
  return { payload, signature };
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

/** @returns how many items there are */
export function updateSize({ records, statements, entries }: ReplicaUpdate): number {
  return records.length + statements.length + entries.length;
}
