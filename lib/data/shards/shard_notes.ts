/**
 * What a member notes of shards in its engine: layouts, and where the owners of its copies began.
 * @module
 */

import type { DataEngine, Document } from "../engine.ts";
import { isNewer, layoutValue, readLayout, type ShardLayout } from "./layout/mod.ts";
import { readStarts, type TermStart } from "./term_starts.ts";

const NOTES = "weft.notes";
const ALL = 1_000;

/** What is known of one collection. */
export interface LayoutNote {
  /** It takes nothing of an earlier generation. */
  readonly promised: number;
  /** The newest one that it keeps for others; it may not be decided. */
  readonly kept: ShardLayout | undefined;
  /** The one that it goes by. */
  readonly layout: ShardLayout | undefined;
}

/** Of what nothing is known. */
export const NO_NOTE: LayoutNote = { promised: 0, kept: undefined, layout: undefined };

/** Reads and writes notes. */
export class ShardNotes {
  readonly #engine: DataEngine;
  #isThere = false;

  constructor(engine: DataEngine) {
    this.#engine = engine;
  }

  /** @returns the notes of all collections, and where owners of copies began, by the names of the copies */
  async all(): Promise<{
    readonly layouts: ReadonlyMap<string, LayoutNote>;
    readonly starts: ReadonlyMap<string, readonly TermStart[]>;
  }> {
    await this.#prepare();
    const layouts = new Map<string, LayoutNote>();
    const starts = new Map<string, readonly TermStart[]>();
    for (let after = "";;) {
      const entries = await this.#engine.list(NOTES, { after, limit: ALL });
      for (const { key, value } of entries) {
        if (key.includes(".")) starts.set(key, readStarts(value["starts"]) ?? []);
        else {
          layouts.set(key, {
            promised: Number(value["promised"] ?? 0),
            kept: readLayout(value["kept"]),
            layout: readLayout(value["layout"]),
          });
        }
      }
      const last = entries.at(-1);
      if (last === undefined) return { layouts, starts };
      after = last.key;
    }
  }

  async noteLayout(collection: string, { promised, kept, layout }: LayoutNote): Promise<void> {
    await this.#put({
      name: collection,
      promised,
      ...kept !== undefined && { kept: layoutValue(kept) },
      ...layout !== undefined && { layout: layoutValue(layout) },
    });
  }

  async noteStarts(copy: string, starts: readonly TermStart[]): Promise<void> {
    await this.#put({ name: copy, starts: starts.map(({ term, position }) => ({ term, position })) });
  }

  async forget(name: string): Promise<void> {
    await this.#prepare();
    await this.#engine.commit({ reads: [], writes: [{ kind: "delete", collection: NOTES, key: name }] });
  }

  async #put(value: Document): Promise<void> {
    await this.#prepare();
    await this.#engine.commit({ reads: [], writes: [{ kind: "put", collection: NOTES, value }] });
  }

  async #prepare(): Promise<void> {
    if (this.#isThere) return;
    await this.#engine.create({ name: NOTES, key: "name", index: [] });
    this.#isThere = true;
  }
}

/** @returns the newer of two */
export function newest(a: ShardLayout | undefined, b: ShardLayout | undefined): ShardLayout | undefined {
  return b !== undefined && isNewer(b, a) ? b : a;
}
