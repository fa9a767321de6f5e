/**
 * What the values of a collection are like.
 * @module
 */

import type { JsonValue } from "../query/mod.ts";

/** What a program says of its values. */
export interface CollectionModel {
  /** From 1 on; a higher one takes the place of a lower one. */
  readonly version: number;
  /** As JSON Schema; undefined where the program's schema does not say itself so. */
  readonly jsonSchema?: JsonValue;
}

/** What a collection's owner keeps of it. */
export interface CollectionSchema extends CollectionModel {
  /**
   * The versions of which there may be entries, the oldest first: an entry is of the last one that was in force when it was
   * written, so of the last whose `since` is below its revision; of none, as version 0.
   */
  readonly history: readonly { readonly version: number; readonly since: number }[];
}
