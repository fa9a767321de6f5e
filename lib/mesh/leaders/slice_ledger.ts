/**
 * Which part of the network's block this leader allocates from, and what it has handed on.
 *
 *     own ──cut──► granted to X ──X confirms──► X's own
 *
 * What is granted is taken once, so an answer that is lost can't double addresses; what all leaders know of it stands in
 * `SliceTable`, from which what was lost comes back.
 *
 * @module
 */

import {
  encodeHex,
  randomBytes,
  type RandomSource,
  StateError,
  type StateStore,
  utf8Bytes,
} from "../../base/mod.ts";
import { AddressRange } from "../../net/mod.ts";
import type { AddressPool } from "../admission/mod.ts";
import { ID_BYTES, type NodeId } from "../identity/mod.ts";
import { readList } from "../records/mod.ts";
import { MAX_GRANT_RANGES, type SliceGrant } from "../wire/mod.ts";
import { without } from "./slice_table.ts";

const COLLECTION = "slice";
const OWN = "own";

/** Keeps slices in the store and in the pool. */
export class SliceLedger {
  readonly #store: StateStore;
  readonly #pool: AddressPool;
  readonly #random: RandomSource;

  /**
   * Lets the pool allocate from what was stored, or from all when nothing was: a network's first leader has it all.
   * @throws StateError when what is stored is damaged
   */
  constructor(
    store: StateStore,
    { pool, random }: { readonly pool: AddressPool; readonly random: RandomSource },
  ) {
    this.#store = store;
    this.#pool = pool;
    this.#random = random;
    const kept = this.#read(OWN);
    if (kept !== undefined) pool.setSlices(kept.ranges);
  }

  /** What this leader allocates from. */
  get slices(): readonly AddressRange[] {
    return this.#pool.slices;
  }

  /** Sets a part aside for another leader. @returns it, the same for the same leader until `settle` */
  cutFor(to: NodeId): SliceGrant {
    return this.#grant(`half/${to}`, () => {
      const cut = this.#pool.cutSlice();
      return cut === undefined ? [] : [cut];
    });
  }

  /** Sets everything aside for another leader. @returns it, the same for the same leader until `settle` */
  allFor(to: NodeId): SliceGrant {
    return this.#grant(`all/${to}`, () => {
      const all = this.#pool.slices.slice(0, MAX_GRANT_RANGES);
      this.#pool.setSlices([]);
      return all;
    });
  }

  /** Forgets what was set aside for a leader that has taken it. */
  settle(to: NodeId): void {
    for (const kind of ["half", "all"]) this.#store.delete(COLLECTION, `${kind}/${to}`);
  }

  /** Takes back what was set aside for a member that has not become a leader. */
  reclaim(to: NodeId): void {
    const pending = this.#read(`half/${to}`);
    if (pending === undefined) return;
    this.#change(() => {
      this.settle(to);
      this.#pool.setSlices([...this.#pool.slices, ...pending.ranges]);
      this.#keep();
    });
  }

  /** Has this leader allocate from these parts, and no others. */
  replace(ranges: readonly AddressRange[]): void {
    this.#change(() => {
      this.#pool.setSlices(ranges);
      this.#keep();
    });
  }

  /** Has the pool allocate from what it did before a transaction that was undone. */
  revert(before: readonly AddressRange[]): void {
    this.#pool.setSlices(before);
  }

  /** @returns what was set aside as a whole for `to` and is not settled */
  pendingAllFor(to: NodeId): SliceGrant | undefined {
    return this.#read(`all/${to}`);
  }

  /** Takes a grant, once, but for what others hold; within the caller's transaction. */
  take(grant: SliceGrant, others: readonly AddressRange[] = []): void {
    if (this.#store.get(COLLECTION, `taken/${grant.id}`) !== undefined) return;
    this.#change(() => {
      this.#store.put(COLLECTION, `taken/${grant.id}`, new Uint8Array(0));
      this.#pool.setSlices([...this.#pool.slices, ...without(grant.ranges, others)]);
      this.#keep();
    });
  }

  /** Lets a node that becomes a leader begin with nothing but what it is given, whatever it has handed on before. */
  static begin(store: StateStore): void {
    if (store.get(COLLECTION, OWN) === undefined) store.put(COLLECTION, OWN, utf8Bytes(""));
    for (const [key] of store.entries(COLLECTION)) if (key.startsWith("all/")) store.delete(COLLECTION, key);
  }

  #grant(key: string, cut: () => readonly AddressRange[]): SliceGrant {
    const pending = this.#read(key);
    if (pending !== undefined) return pending;
    return this.#change(() => {
      const grant = { id: encodeHex(randomBytes(this.#random, ID_BYTES)), ranges: cut() };
      this.#store.put(COLLECTION, key, utf8Bytes([grant.id, ...grant.ranges].join("\n")));
      this.#keep();
      return grant;
    });
  }

  /** All of it, in the store and in the pool, or nothing. */
  #change<T>(body: () => T): T {
    const before = this.#pool.slices;
    try {
      return this.#store.transaction(body);
    } catch (error) {
      this.#pool.setSlices(before);
      throw error;
    }
  }

  #keep(): void {
    this.#store.put(COLLECTION, OWN, utf8Bytes(["", ...this.#pool.slices].join("\n")));
  }

  /** The first line is the grant's id; that of what is this leader's own is empty. */
  #read(key: string): SliceGrant | undefined {
    const bytes = this.#store.get(COLLECTION, key);
    if (bytes === undefined) return undefined;
    const [id = "", ...texts] = new TextDecoder().decode(bytes).split("\n");
    const ranges = readList(texts, Infinity, AddressRange.parse);
    if (ranges === undefined) {
      throw new StateError(`Cannot read the slice ${key} from the state: it is damaged`);
    }
    return { id, ranges };
  }
}
