/**
 * Which sharded collections a member has something of, bounded in all and for each home.
 * @module
 */

import type { PeerId } from "../../service/mod.ts";
import { DataError } from "../errors.ts";
import { HeldCollection, type HeldParts } from "./held_collection.ts";
import { type LayoutNote, NO_NOTE } from "./shard_notes.ts";

/** How many collections a node has shards of, or keeps the layouts of. */
const MAX_HELD = 64;
/** Of these, how many have one home. */
const MAX_HELD_OF_ONE = 32;

/** The collections by name. */
export class HeldCollections {
  readonly #parts: () => HeldParts;
  readonly #held = new Map<string, HeldCollection>();
  /** Which home has had this node hold one, until that has told of a layout. */
  readonly #askedBy = new Map<string, PeerId>();

  /** @param parts what they share; asked once something is held. @throws DataError where nothing can be */
  constructor(parts: () => HeldParts) {
    this.#parts = parts;
  }

  /** All of them. */
  all(): readonly HeldCollection[] {
    return [...this.#held.values()];
  }

  get(name: string): HeldCollection | undefined {
    return this.#held.get(name);
  }

  /** Goes on with one of an earlier run. */
  restore(name: string, note: LayoutNote): HeldCollection {
    const held = new HeldCollection(this.#parts(), name, note);
    this.#held.set(name, held);
    return held;
  }

  /**
   * @param home who asks for it; undefined for this member itself
   * @returns the one that is there, or one of which nothing is known yet
   * @throws DataError with code `InvalidCollection` when there are too many
   */
  hold(name: string, home: PeerId | undefined): HeldCollection {
    const there = this.#held.get(name);
    if (there !== undefined) return there;
    const ofHome = [...this.#held].filter(([other, { newest }]) =>
      (newest?.home ?? this.#askedBy.get(other)) === home
    );
    if (this.#held.size >= MAX_HELD || (home !== undefined && ofHome.length >= MAX_HELD_OF_ONE)) {
      throw new DataError(
        "InvalidCollection",
        `This node holds shards of ${MAX_HELD} collections at most, and of ${MAX_HELD_OF_ONE} of one member`,
      );
    }
    const held = this.restore(name, NO_NOTE);
    if (home !== undefined) this.#askedBy.set(name, home);
    return held;
  }

  /** Holds one no more. */
  forget(name: string): void {
    this.#held.delete(name);
    this.#askedBy.delete(name);
  }
}
