/**
 * Collections, their entries, and what becomes of those.
 * @module
 */

import type { CollectionSchema } from "./collection_schema.ts";
import type { Document } from "./commit.ts";

/** What a collection is. */
export interface CollectionSpec {
  /** A letter, then letters, digits, `_` and `-`; at most 64. */
  readonly name: string;
  /** The property that holds the key. */
  readonly key: string;
  /** Properties by which queries find without looking at every value; `customer.city` is one within another. */
  readonly index: readonly string[];
  /** Who may read beside those of its owner: a selector; everybody unless given. */
  readonly read?: string;
  /** Who may write. */
  readonly write?: string;
  /** Whose members alone can read its values: a selector; whoever keeps them can't. */
  readonly seal?: string;
  /** What its values are like, as programs have told its owner; engines keep it as it is. */
  readonly schema?: CollectionSchema;
}

/** A collection as it is now. */
export interface CollectionState extends CollectionSpec {
  /** The revision of its last change; 0 before the first. */
  readonly revision: number;
  /** How many entries it has. */
  readonly count: number;
}

/** An entry as it is now. */
export interface Entry {
  readonly key: string;
  readonly value: Document;
  /** The revision of its last change. Revisions of one engine go up, and none comes twice. */
  readonly revision: number;
}

/** What has become of one entry. */
export interface Change {
  readonly revision: number;
  readonly key: string;
  /** Undefined when it was created. */
  readonly old: Document | undefined;
  /** Undefined when it was deleted. */
  readonly new: Document | undefined;
  /** Milliseconds since 1970, by the clock of the owner. */
  readonly at: number;
}
