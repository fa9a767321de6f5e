/**
 * What is written together, or not at all.
 * @module
 */

import type { JsonValue } from "../query/mod.ts";

/** A value of a collection: what JSON says, with names. */
export type Document = { readonly [name: string]: JsonValue };

/** A change of one entry. `ifRevision` makes it conditional; 0 stands for no entry. */
export type Write =
  | {
    readonly kind: "put";
    readonly collection: string;
    readonly value: Document;
    readonly ifRevision?: number;
  }
  | { readonly kind: "post"; readonly collection: string; readonly value: Document }
  /** Replaces the properties that it names, and leaves the others. */
  | {
    readonly kind: "patch";
    readonly collection: string;
    readonly key: string;
    readonly value: Document;
    readonly ifRevision?: number;
  }
  | {
    readonly kind: "delete";
    readonly collection: string;
    readonly key: string;
    readonly ifRevision?: number;
  };

/** What a transaction has read: an entry, or without a key all of a collection. */
export interface ReadMark {
  readonly collection: string;
  readonly key?: string;
  /** Of the entry, 0 for none; or of the collection. */
  readonly revision: number;
}

/** Writes that happen together or not at all, if what was read is still so. */
export interface Commit {
  /** Under an id it happens once, however often it comes. */
  readonly id?: string;
  /** Whose id it is: so many of each are kept. */
  readonly origin?: string;
  readonly reads: readonly ReadMark[];
  readonly writes: readonly Write[];
  /** Is kept with the id, and answered again. */
  readonly result?: JsonValue;
}

/** What came of a commit. */
export interface CommitAnswer {
  /** The revision of each write, in their order; 0 for a delete where nothing was. */
  readonly revisions: readonly number[];
  /** Whether it had happened before. */
  readonly isRepeated: boolean;
  /** As the commit that has happened had it. */
  readonly result?: JsonValue;
}

/** What is known of a transaction: it waits for its turn, has happened, or was rolled back. */
export type KnownTransaction = "queued" | "committed" | "rolled-back";
