/**
 * When this node last heard of each member, over its restarts. What a member has signed with a time counts as heard of: a
 * node says every day where it is, so whoever is there has said something within a day, to everybody.
 *
 *     seen/NODE-ID   milliseconds since 1970, in decimal digits
 *
 * @module
 */

import { type Clock, type Logger, type StateStore, utf8Bytes } from "../../base/mod.ts";
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

/** Notes who is there. What a full disk does not take is known all the same while the node runs, and nothing else fails. */
export class Sightings {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #roster: Roster;
  readonly #log: Logger;
  readonly #seen = new Map<NodeId, Sighting>();

  constructor(
    store: StateStore,
    options: { readonly clock: Clock; readonly roster: Roster; readonly log: Logger },
  ) {
    this.#store = store;
    this.#log = options.log;
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
    const gone = [...this.#seen.keys()].filter((nodeId) => this.#roster.recordById(nodeId) === undefined);
    this.#keep(due, gone);
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

  #keep(due: readonly (readonly [NodeId, Sighting])[], gone: readonly NodeId[] = []): void {
    if (due.length + gone.length === 0) return;
    try {
      this.#store.transaction(() => {
        for (const [nodeId, { at }] of due) this.#store.put(SEEN, nodeId, utf8Bytes(`${Math.round(at)}`));
        for (const nodeId of gone) this.#store.delete(SEEN, nodeId);
      });
    } catch (error) {
      return this.#log.warn("cannot keep when members were last heard of", { error });
    }
    for (const [, sighting] of due) sighting.kept = sighting.at;
    for (const nodeId of gone) this.#seen.delete(nodeId);
  }
}
