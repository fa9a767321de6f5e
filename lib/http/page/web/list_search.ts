/**
 * What all lists are handed, and how they are narrowed down.
 * @module
 */

import type { LiveStore } from "./live_store.ts";

/** What a list is made of. */
export interface ViewProps {
  readonly store: LiveStore;
  /** What stands in the field for it. */
  readonly search: string;
}

/** @returns whether what was searched for stands in one of the texts */
export function has(search: string, ...texts: readonly string[]): boolean {
  return texts.join("\n").toLowerCase().includes(search.trim().toLowerCase());
}
