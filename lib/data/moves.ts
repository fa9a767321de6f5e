/**
 * How a collection leaves one engine for another, as a port. The engine that is left decides by one durable write.
 *
 * ```
 *   left:     begin ──▶ following ──hold──▶ held ──decide──▶ decided ──clean──▶ gone
 *                          ▲   │ abort        │ its time is over
 *                          └───┼──────────────┘
 *                              └──▶ as before
 *   entered:  receive ──▶ NAME.move ──fill, again and again──▶ publish ──▶ NAME
 *                             └──discard──▶ gone
 * ```
 *
 * @module
 */

import type { JsonValue } from "../query/mod.ts";
import type { Change, CollectionSpec, Entry } from "./entries.ts";

/** Where a collection can be kept. */
export type EngineName = "embedded" | "nats";

/** How long writes are held at most, in milliseconds. */
export const MAX_HOLD_MS = 2_000;
/** How many ids of transactions go along with a collection, the newest ones. */
export const MAX_MOVED_IDS: number = 1 << 16;

/** A commit with an id, which is to happen once in the engine that is entered, too. */
export interface MovedCommit {
  readonly id: string;
  readonly origin: string;
  readonly revisions: readonly number[];
  readonly result?: JsonValue;
  /** The collections that it has read or written; a release that did not keep them has left none. */
  readonly touched?: readonly string[];
}

/**
 * One durable step. It may come twice, or late, when nobody knew what had become of it: each says of which move it is, and of
 * which part or hold, and does nothing where that is over.
 */
export type MoveStep =
  /** The collection is to leave. `by` is who moves it. */
  | { readonly kind: "begin"; readonly collection: string; readonly id: string; readonly by: string }
  /** Writes fail with `Moved` for so long, in milliseconds. */
  | {
    readonly kind: "hold";
    readonly collection: string;
    readonly id: string;
    readonly hold: number;
    readonly forMs: number;
  }
  /** Only while nothing was written since the hold: from now on the collection is elsewhere. */
  | { readonly kind: "decide"; readonly collection: string; readonly id: string; readonly hold: number }
  /** It stays, unless that is decided. */
  | { readonly kind: "abort"; readonly collection: string }
  /** Takes away what has left. */
  | { readonly kind: "clean"; readonly collection: string; readonly id: string }
  /** A collection is to come, in the place of no other copy that is to, without its changes up to a revision. */
  | {
    readonly kind: "receive";
    readonly spec: CollectionSpec;
    readonly id: string;
    readonly revision: number;
  }
  /** A part of it; from 0 on, each behind the one before. */
  | {
    readonly kind: "fill";
    readonly collection: string;
    readonly id: string;
    readonly part: number;
    readonly entries: readonly Entry[];
    readonly changes: readonly Change[];
    readonly commits: readonly MovedCommit[];
  }
  /** All of it has come; what it is may have changed meanwhile. */
  | { readonly kind: "publish"; readonly spec: CollectionSpec; readonly id: string }
  /** It does not come. */
  | { readonly kind: "discard"; readonly collection: string; readonly id: string };

/** A collection that leaves. */
export interface Leaving {
  readonly collection: string;
  readonly id: string;
  readonly by: string;
  readonly state: "following" | "held" | "decided";
}

/** What an engine does so that collections leave and enter it. */
export interface MoveStore {
  /** Takes a step, durably. @throws DataError with code `Conflict` when it is not its turn */
  step(step: MoveStep): Promise<void>;
  /** The collections that leave. */
  leaving(): Promise<readonly Leaving[]>;
  /** Those that are to enter, and by which copy. */
  entering(): Promise<readonly { readonly collection: string; readonly id: string }[]>;
  /** What a collection is, also of one whose move is decided. */
  spec(collection: string): Promise<CollectionSpec>;
  /**
   * Commits with an id over a collection, behind a position, the oldest first, as many as an answer holds.
   * @param after 0 for the beginning
   */
  commits(
    collection: string,
    after: number,
  ): Promise<{ readonly commits: readonly MovedCommit[]; readonly position: number }>;
}
