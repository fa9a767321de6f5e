/**
 * Finding members by their names and addresses.
 * @module
 */

import { isReservedName } from "../identity/mod.ts";
import { compareNaming, type MemberRecord } from "../records/mod.ts";
import type { RecordEntry } from "./key_chains.ts";

/** Names and addresses of the records that count. */
export interface RosterIndex {
  /** Of each name who has it, the one first that keeps it. */
  readonly byName: ReadonlyMap<string, readonly MemberRecord[]>;
  /** Those of `byName` that are several. */
  readonly namesakes: readonly (readonly MemberRecord[])[];
  /** By the text of each address. */
  readonly byAddress: ReadonlyMap<string, MemberRecord>;
}

/**
 * Makes an index of records that count. Leaders who cannot see each other may give the same name twice; then
 * `compareNaming` says who keeps it, on every member alike, and leaders call the others something else. A reserved name is
 * nobody's: a record of the former release that has one is found by its id and its addresses.
 */
export function indexOf(entries: Iterable<RecordEntry>): RosterIndex {
  const byName = new Map<string, MemberRecord[]>();
  const shared = new Set<MemberRecord[]>();
  const byAddress = new Map<string, MemberRecord>();
  for (const { record } of entries) {
    const named = isReservedName(record.name) ? undefined : byName.get(record.name);
    if (named !== undefined) {
      named.push(record);
      shared.add(named);
    } else if (!isReservedName(record.name)) byName.set(record.name, [record]);
    for (const address of record.addresses) keepLowest(byAddress, address.toString(), record);
  }
  const namesakes = [...shared].map((records) => records.sort(compareNaming));
  return { byName, byAddress, namesakes };
}

function keepLowest(index: Map<string, MemberRecord>, key: string, record: MemberRecord): void {
  const holder = index.get(key);
  if (holder === undefined || record.nodeId < holder.nodeId) index.set(key, record);
}
