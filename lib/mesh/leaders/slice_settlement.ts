/**
 * Which addresses a leader is to hold, by what all leaders have stated: what two hold is one's, what nobody holds becomes
 * the elected leader's. It only decides; `Leadership` writes.
 * @module
 */

import type { Clock, Millis } from "../../base/mod.ts";
import type { AddressRange } from "../../net/mod.ts";
import type { AddressPool } from "../admission/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import type { Roster } from "../replica/mod.ts";
import { fitting, isLeader, type SliceTable, without } from "./slice_table.ts";

/** What nobody holds is claimed after so long: who holds it may be about to say so. Two rounds of anti-entropy. */
const CLAIM_AFTER_MS = 20_000;

/** What is known of holders, and by which clock. */
interface SliceSettlementParts {
  readonly table: SliceTable;
  readonly roster: Roster;
  readonly clock: Clock;
  /** Makes a fresh pool for the overlay's block. */
  readonly newPool: () => Pick<AddressPool, "slices">;
}

/** What one leader is to hold. */
export interface SettledSlices {
  readonly ranges: readonly AddressRange[];
  /** Leaders that have not said what they hold, told by the elected one. */
  readonly silent: readonly NodeId[];
  /** Whether there is nobody to tell. */
  readonly isAlone: boolean;
}

/** Remembers since when addresses are nobody's. */
export class SliceSettlement {
  readonly #parts: SliceSettlementParts;
  /** What nobody holds, and since when that is so. */
  #unheld: { readonly ranges: string; readonly since: Millis } | undefined;

  constructor(parts: SliceSettlementParts) {
    this.#parts = parts;
  }

  /**
   * @param self this leader's id
   * @param slices what it holds now
   * @returns what it is to hold: of what two hold the lower node id keeps it; what nobody holds, the elected leader claims
   * after 20 s, unless there is a leader that has not said what it holds
   */
  settle(self: NodeId, slices: readonly AddressRange[], isElected: boolean): SettledSlices {
    const { table, roster } = this.#parts;
    const others = table.othersThan(self);
    const stronger = others.filter(({ holder, state }) => state === "held" && holder < self);
    // What its own entry says no more was taken over while it was away, whatever the ids are.
    const told = table.told(self);
    const taken = told === undefined ? [] : without(others.flatMap(({ ranges }) => ranges), told);
    const own = without(slices, [...stronger.flatMap(({ ranges }) => ranges), ...taken]);
    const current = table.currentId(self);
    const leaders = roster.liveRecords().filter((record) => record.nodeId !== current && isLeader(record))
      .toArray();
    const silent = leaders.filter(({ nodeId }) => !others.some(({ holder }) => holder === nodeId));
    const claimed = isElected && silent.length === 0
      ? this.#claimable([...own, ...others.flatMap(({ ranges }) => ranges)])
      : this.#claimable(undefined);
    return {
      ranges: fitting([...own, ...claimed]),
      silent: isElected ? silent.map(({ nodeId }) => nodeId) : [],
      isAlone: others.length === 0 && leaders.length === 0,
    };
  }

  /** @returns what nobody holds, once that has been the same for long enough */
  #claimable(held: readonly AddressRange[] | undefined): readonly AddressRange[] {
    const free = held === undefined ? [] : without(this.#parts.newPool().slices, held);
    const now = this.#parts.clock.now();
    if (free.length === 0) this.#unheld = undefined;
    else if (this.#unheld?.ranges !== free.join()) this.#unheld = { ranges: free.join(), since: now };
    if (this.#unheld === undefined || now - this.#unheld.since < CLAIM_AFTER_MS) return [];
    return free;
  }
}
