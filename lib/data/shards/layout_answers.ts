/**
 * What a caller hears of layouts: where shards are, and whether what others tell of that is to be believed.
 * @module
 */

import type { PeerId } from "../../service/mod.ts";
import type { Document } from "../engine.ts";
import { DataError } from "../errors.ts";
import { readFields } from "../service/mod.ts";
import type { HeldCollections } from "./held_collections.ts";
import { isSameSpread, type LayoutSignatures, layoutValue, readLayout } from "./layout/mod.ts";
import { malformed, nameOf } from "./shard_requests.ts";
import type { ShardRights } from "./shard_rights.ts";

/** What answers stand on. */
export interface LayoutAnswerParts {
  readonly held: Pick<HeldCollections, "get">;
  readonly rights: Pick<ShardRights, "mayHear" | "isHere">;
  readonly signatures: Pick<LayoutSignatures, "mayFollow">;
}

/** Answers for one node. */
export class LayoutAnswers {
  readonly #parts: LayoutAnswerParts;

  constructor(parts: LayoutAnswerParts) {
    this.#parts = parts;
  }

  /** @returns the layout that this node goes by; null where it has none @throws DataError with code `Refused` */
  layout(params: unknown, caller: PeerId | undefined): Document | null {
    const { held, rights } = this.#parts;
    const layout = held.get(nameOf(params))?.layout;
    if (layout === undefined) return null;
    if (rights.mayHear(layout, caller)) return layoutValue(layout);
    throw new DataError("Refused", `Where the shards of ${layout.spec.name} are is not for the caller`);
  }

  /**
   * A program, which has nobody's keys, asks whether a layout that others tell may come behind the one that it goes by.
   * @throws DataError
   */
  check(params: unknown, caller: PeerId | undefined): { readonly ok: boolean } {
    const { rights, signatures } = this.#parts;
    if (!rights.isHere(caller)) throw new DataError("Refused", "Only programs of this machine may ask that");
    const fields = readFields(params);
    const [layout, known] = [readLayout(fields["layout"]), readLayout(fields["known"])];
    if (layout === undefined || known === undefined) throw malformed();
    return { ok: isSameSpread(layout, known) && signatures.mayFollow(layout, known) };
  }
}
