/**
 * What comes of something signed that a replica is offered, and which of two is the later one when nothing else says it.
 * @module
 */

import { equalBytes } from "../../base/mod.ts";
import type { RecordEntry } from "./key_chains.ts";

/** Why a record, a statement or an entry is not taken in. */
export const MERGE_REFUSALS = [
  "malformed",
  "network",
  "signature",
  "authority",
  "revoked",
  "full",
  "unknown-node",
  "expired",
  "future",
  "replayed",
] as const;

/** One of these reasons; each is counted. */
export type MergeRefusal = typeof MERGE_REFUSALS[number];

/** What came of a record, statement or entry that was offered. */
export type MergeOutcome = "added" | "updated" | "unchanged" | `rejected:${MergeRefusal}`;

/** The same of what has a budget: its origin may have changed too much of late. */
export type BudgetedOutcome = MergeOutcome | "rejected:throttled";

/** @returns above 0 when `offered` takes the place of `known`, 0 when they are the same */
export function compareRecords(offered: RecordEntry, known: RecordEntry): number {
  return Number(offered.record.revoked) - Number(known.record.revoked) ||
    offered.record.version - known.record.version ||
    compareBytes(offered.signed.payload, known.signed.payload);
}

/** @returns above 0 when `a` comes after `b` in the order of their bytes, 0 when they are the same */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (equalBytes(a, b)) return 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
