/**
 * How a leader learns of what other leaders have changed.
 * @module
 */

import { StateError } from "../../base/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import type { MemberRecord } from "../records/mod.ts";
import type { ReplicaSubscriber, Roster, RosterEvent } from "../replica/mod.ts";
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
  readonly #byName = new Map<string, NodeId>();
  /** Under which ids members go on whose revocation came first. */
  readonly #successors = new Set<NodeId>();
  /** What is to be written. */
  readonly #changes: RecordChange[] = [];

  constructor(roster: Roster, audit: AuditLog) {
    this.#roster = roster;
    this.#audit = audit;
    for (const record of roster.allRecords()) if (!record.revoked) this.#note(record);
  }

  handleRosterEvent({ kind, nodeId }: RosterEvent): void {
    if (kind === "endpoints-changed") return;
    const after = this.#roster.recordById(nodeId);
    const before = this.#seen.get(nodeId);
    if (after === undefined || after === before) return;
    const { successor } = after;
    // Who goes on under new keys has not joined; the record of the old keys says what happened.
    if (before !== undefined || !this.#isSuccessor(after)) this.#changes.push([before, after]);
    if (before !== undefined) this.#drop(before);
    if (!after.revoked) this.#note(after);
    else if (successor !== undefined && !this.#seen.has(successor)) this.#successors.add(successor);
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

  #isSuccessor({ nodeId, name }: MemberRecord): boolean {
    if (this.#successors.delete(nodeId)) return true;
    const former = this.#byName.get(name);
    return former !== undefined && this.#roster.recordById(former)?.successor === nodeId;
  }

  #note(record: MemberRecord): void {
    this.#seen.set(record.nodeId, record);
    this.#byName.set(record.name, record.nodeId);
  }

  #drop({ nodeId, name }: MemberRecord): void {
    this.#seen.delete(nodeId);
    if (this.#byName.get(name) === nodeId) this.#byName.delete(name);
  }
}
