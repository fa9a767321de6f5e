/**
 * How long ephemeral members have been away, as the elected leader counts it. Only time is counted that this leader has
 * seen itself: neither a clock that is set nor a leader that slept removes anybody.
 *
 *     away/NODE-ID   milliseconds, in decimal digits
 *
 * @module
 */

import { type Clock, type Millis, type StateStore, utf8Bytes } from "../../base/mod.ts";
import { type NodeId, parseNodeId } from "../identity/mod.ts";
import type { MemberRecord } from "../records/mod.ts";
import type { Roster } from "../replica/mod.ts";

const AWAY = "away";
/** More than this between two looks is time in which this leader did not run, in milliseconds. */
const MAX_STEP_MS = 30_000;
/** What is counted is written when it has grown by this part of what is allowed, so that a crash forgets no more. */
const KEEP_EVERY = 1 / 16;
/** How many are removed in one go: each costs a signature. */
const MAX_REMOVALS = 16;

interface Absence {
  ms: number;
  /** What the store has. */
  kept: number;
}

/** Counts absences; a member that is seen begins anew. */
export class EphemeralCare {
  readonly #store: StateStore;
  readonly #clock: Clock;
  readonly #roster: Roster;
  readonly #absences = new Map<NodeId, Absence>();
  #lookedAt: Millis | undefined;

  constructor(store: StateStore, options: { readonly clock: Clock; readonly roster: Roster }) {
    this.#store = store;
    this.#clock = options.clock;
    this.#roster = options.roster;
    for (const [key, bytes] of store.entries(AWAY)) {
      const nodeId = parseNodeId(key);
      const ms = Number(new TextDecoder().decode(bytes));
      if (nodeId !== undefined && Number.isSafeInteger(ms)) this.#absences.set(nodeId, { ms, kept: ms });
    }
  }

  /**
   * Counts the time since the last look, for those who are away; to be called every few seconds.
   * @param isHere whether a member can be reached
   * @returns who has been away for too long, at most 16; the caller removes them
   */
  look(isHere: (nodeId: NodeId) => boolean): MemberRecord[] {
    const now = this.#clock.now();
    const stepMs = Math.min(MAX_STEP_MS, now - (this.#lookedAt ?? now));
    this.#lookedAt = now;
    const due: MemberRecord[] = [];
    const known = new Set<NodeId>();
    for (const record of this.#roster.allRecords()) {
      const { nodeId, ephemeralMs, publicKey } = record;
      if (ephemeralMs === undefined || this.#roster.isRevoked(publicKey) || isHere(nodeId)) continue;
      known.add(nodeId);
      const absence = this.#absences.get(nodeId) ?? { ms: 0, kept: 0 };
      this.#absences.set(nodeId, absence);
      absence.ms += stepMs;
      // However many are due, the rest is looked at, too: who is back begins anew.
      if (absence.ms >= ephemeralMs) { if (due.length < MAX_REMOVALS) due.push(record); }
      else if (absence.ms - absence.kept >= ephemeralMs * KEEP_EVERY) {
        this.#store.put(AWAY, nodeId, utf8Bytes(`${Math.round(absence.ms)}`));
        absence.kept = absence.ms;
      }
    }
    for (const [nodeId, { kept }] of this.#absences) {
      if (known.has(nodeId)) continue;
      if (kept > 0) this.#store.delete(AWAY, nodeId);
      this.#absences.delete(nodeId);
    }
    return due;
  }

  /** Counts nothing while another leader does. */
  rest(): void {
    this.#lookedAt = undefined;
  }
}
