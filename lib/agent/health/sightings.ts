/**
 * When this node last heard of each member, over its restarts. What a member has signed with a time counts as heard of: a
 * node says every day where it is, so whoever is there has said something within a day, to everybody.
 *
 *     seen/NODE-ID   milliseconds since 1970, in decimal digits
 *
 * @module
 */

import { type Clock, type StateStore, utf8Bytes } from "../../base/mod.ts";
import { type Member, type NodeId, parseNodeId, type Roster } from "../../mesh/mod.ts";

const SEEN = "seen";
/** What is known of a member that is there is written so often, so that a crash forgets no more. */
const KEEP_EVERY_MS = 3_600_000;

interface Sighting {
  at: number;
  /** What the store has. */
  kept: number;
  isHere: boolean;
}

/** Notes who is there. */
export class Sightings {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #roster: Roster;
  readonly #seen = new Map<NodeId, Sighting>();

  constructor(store: StateStore, options: { readonly clock: Clock; readonly roster: Roster }) {
    this.#store = store;
    this.#clock = options.clock;
    this.#roster = options.roster;
    for (const [key, bytes] of store.entries(SEEN)) {
      const nodeId = parseNodeId(key);
      const at = Number(new TextDecoder().decode(bytes));
      if (nodeId !== undefined && Number.isSafeInteger(at)) {
        this.#seen.set(nodeId, { at, kept: at, isHere: false });
      }
    }
  }

  /** Notes who is there now; to be called every few seconds. @param isHere whether a member can be reached */
  look(isHere: (nodeId: NodeId) => boolean): void {
    const wall = this.#clock.wall();
    const due: (readonly [NodeId, Sighting])[] = [];
    for (const { nodeId } of this.#roster.allRecords()) {
      const known = this.#seen.get(nodeId);
      const is = isHere(nodeId);
      if (!is && !known?.isHere) continue;
      const sighting = known ?? { at: wall, kept: 0, isHere: is };
      this.#seen.set(nodeId, sighting);
      if (is) sighting.at = wall;
      // Whoever has just gone is written at once, as it will be asked for.
      if (!is || wall - sighting.kept >= KEEP_EVERY_MS) due.push([nodeId, sighting]);
      sighting.isHere = is;
    }
    this.#keep(due);
    for (const nodeId of this.#seen.keys()) {
      if (this.#roster.recordById(nodeId) !== undefined) continue;
      this.#seen.delete(nodeId);
      this.#store.delete(SEEN, nodeId);
    }
  }

  /** Writes all of it; a node that ends in order forgets nothing. */
  flush(): void {
    this.#keep([...this.#seen].filter(([, { at, kept }]) => at !== kept));
  }

  /** @returns when a member was last heard of, in milliseconds since 1970; undefined when it never was */
  lastSeen({ record: { nodeId }, statement }: Member): number | undefined {
    const own = this.#seen.get(nodeId)?.at;
    const stated = statement?.issuedAt;
    if (own === undefined && stated === undefined) return undefined;
    // Both clocks may have been ahead.
    return Math.min(this.#clock.wall(), Math.max(own ?? 0, stated ?? 0));
  }

  #keep(due: readonly (readonly [NodeId, Sighting])[]): void {
    if (due.length === 0) return;
    this.#store.transaction(() => {
      for (const [nodeId, sighting] of due) {
        this.#store.put(SEEN, nodeId, utf8Bytes(`${Math.round(sighting.at)}`));
        sighting.kept = sighting.at;
      }
    });
  }
}
