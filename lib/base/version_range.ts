/**
 * Which versions of something a program can do, and which one two of them agree on.
 * @module
 */

/** All versions from the oldest to the newest, both included; at least 1. */
export interface VersionRange {
  readonly oldest: number;
  readonly newest: number;
}

/** What everybody can do who says nothing of versions: the first one. */
export const FIRST_VERSION: VersionRange = { oldest: 1, newest: 1 };

/**
 * @returns the newest version that both can do; undefined when there is none. Both ends get the same
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { commonVersion } from "./version_range.ts";
 *
 * assert.equal(commonVersion({ oldest: 1, newest: 3 }, { oldest: 2, newest: 5 }), 3);
 * assert.equal(commonVersion({ oldest: 1, newest: 1 }, { oldest: 2, newest: 5 }), undefined);
 * ```
 */
export function commonVersion(one: VersionRange, other: VersionRange): number | undefined {
  const newest = Math.min(one.newest, other.newest);
  return newest >= Math.max(one.oldest, other.oldest) ? newest : undefined;
}

/** Whether numbers are a range: whole, in order, of 1 to `most`. */
export function isVersionRange({ oldest, newest }: VersionRange, most: number): boolean {
  return Number.isInteger(oldest) && Number.isInteger(newest) && oldest >= 1 && newest >= oldest &&
    newest <= most;
}

/** @returns the range as people read it: `version 2`, `versions 1 to 3` */
export function rangeText({ oldest, newest }: VersionRange): string {
  return oldest === newest ? `version ${oldest}` : `versions ${oldest} to ${newest}`;
}
