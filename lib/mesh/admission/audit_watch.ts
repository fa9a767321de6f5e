/**
 * How a leader learns of what other leaders have changed.
 * @module
 */

import { StateError } from "../../base/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import type { MemberRecord } from "../records/mod.ts";
import { isAboutStatement, type ReplicaSubscriber, type Roster, type RosterEvent } from "../replica/mod.ts";
import type { AuditLog, RecordChange } from "./audit_log.ts";

/** So many changes wait while nothing can be written. */
const MAX_WAITING_CHANGES = 1_000;

/**
 * Compares each record that comes with the one before it. What was merged before a crash and not delivered is known
 * to the leader that signed it, and not noted here.
 */
export class AuditWatch implements ReplicaSubscriber {
  readonly #roster: Roster;
  readonly #audit: AuditLog;
  /** The records as they were last seen: the roster's own, so that they cost a pointer each. */
  readonly #seen = new Map<NodeId, MemberRecord>();
  /** What is to be written. */
  readonly #changes: RecordChange[] = [];

  constructor(roster: Roster, audit: AuditLog) {
    this.#roster = roster;
    this.#audit = audit;
    for (const record of roster.allRecords()) {
      if (!roster.isRevoked(record.publicKey)) this.#seen.set(record.nodeId, record);
    }
  }

  handleRosterEvent({ kind, nodeId }: RosterEvent): void {
    if (isAboutStatement({ kind })) return;
    const before = this.#seen.get(nodeId);
    const after = this.#now(nodeId, before);
    if (after === before) return;
    if (after !== undefined) this.#changes.push([before, after]);
    if (after === undefined || after.revoked) this.#seen.delete(nodeId);
    else this.#seen.set(nodeId, after);
  }

  /** A member is removed under whichever of its keys; a record that was forgotten, or whose key was replaced, says nothing. */
  #now(nodeId: NodeId, before: MemberRecord | undefined): MemberRecord | undefined {
    const record = this.#roster.recordById(nodeId);
    if (record === undefined || record.revoked) return record;
    if (!this.#roster.isRevoked(record.publicKey)) return record;
    return before !== undefined && this.#roster.isRemoved(record) ? { ...record, revoked: true } : undefined;
  }

  /** Once for all events, so that whatever one message brings is one transaction. */
  handleMembersChange(): void {
    try {
      this.#audit.noteMerged(this.#changes);
      this.#changes.length = 0;
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      // On a full disk members are cut off all the same, and what there is to write waits for the next time.
      this.#changes.splice(0, Math.max(0, this.#changes.length - MAX_WAITING_CHANGES));
    }
  }
}
