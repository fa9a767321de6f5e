/**
 * How a leader learns of what other leaders have changed.
 * @module
 */

import type { NodeId } from "../identity/mod.ts";
import type { MemberRecord } from "../records/mod.ts";
import type { ReplicaSubscriber, Roster, RosterEvent } from "../replica/mod.ts";
import type { AuditLog } from "./audit_log.ts";

/**
 * Compares each record that comes with the one before it. What was merged before a crash and not delivered is known
 * to the leader that signed it, and not noted here.
 */
export class AuditWatch implements ReplicaSubscriber {
  readonly #roster: Roster;
  readonly #audit: AuditLog;
  /** The records as they were last seen: the roster's own, so that they cost a pointer each. */
  readonly #seen = new Map<NodeId, MemberRecord>();

  constructor(roster: Roster, audit: AuditLog) {
    this.#roster = roster;
    this.#audit = audit;
    for (const record of roster.allRecords()) if (!record.revoked) this.#seen.set(record.nodeId, record);
  }

  handleRosterEvent({ kind, nodeId }: RosterEvent): void {
    if (kind === "endpoints-changed") return;
    const after = this.#roster.recordById(nodeId);
    const before = this.#seen.get(nodeId);
    if (after === undefined || after === before) return;
    // Who goes on under new keys has not joined; the record of the old keys says what happened.
    if (before !== undefined || !this.#isSuccessor(after)) this.#audit.noteMerged(before, after);
    if (after.revoked) this.#seen.delete(nodeId);
    else this.#seen.set(nodeId, after);
  }

  #isSuccessor({ nodeId }: MemberRecord): boolean {
    return this.#roster.allRecords().some(({ successor }) => successor === nodeId);
  }
}
