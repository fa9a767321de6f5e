/**
 * Entries, as programs read them.
 * @module
 */

import type { Document } from "../engine.ts";

/** A key: a text, or a whole number, which stands for its digits. */
export type Key = string | number;

/** An entry, and how old what is known of it is. */
export interface ReadEntry<Value extends Document> {
  /** As text. */
  readonly key: string;
  /** A copy of its own. */
  readonly value: Value;
  /** Of its last change. */
  readonly revision: number;
  /** In milliseconds: so long ago, at most, it was so at the owner. */
  readonly ageMs: number;
}

/** Which entries are listed. */
export interface ListOptions {
  /** How their keys begin. */
  readonly prefix?: string;
  /** The key after which the list begins. */
  readonly after?: string;
}
