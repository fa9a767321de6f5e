/**
 * Who is a member now, and what has changed about that since it was last told.
 * @module
 */

import { LayeredMap, type UnixMillis } from "../../base/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import type { MemberRecord } from "../records/mod.ts";
import type { RecordEntry } from "./key_chains.ts";
import { isAboutStatement, type RosterEvent } from "./roster_event.ts";

/** By what it is told who is a member. */
export interface LiveMembersOptions {
  /** @returns the time by which records expire */
  now(): UnixMillis;
  /** @returns whether a record counts and has not expired */
  isLive(record: MemberRecord): boolean;
  /** What it begins with; it must not change from now on. Absent when that is nothing. */
  readonly base?: LiveMembers | undefined;
}

/** Notes who is there, as of the record that was last announced, and makes events of what differs. */
export class LiveMembers {
  readonly #options: LiveMembersOptions;
  readonly #live: LayeredMap<NodeId, true>;
  /** While the time is in it no record expires, and none becomes good again. */
  #settled = { from: -Infinity, until: Infinity };
  // Not polled yet, at most one for each member.
  readonly #events = new Map<NodeId, RosterEvent>();

  constructor(options: LiveMembersOptions) {
    this.#options = options;
    this.#live = new LayeredMap(options.base && options.base.#live);
  }

  /** How many there were when an event was last noted. */
  get size(): number {
    return this.#live.size;
  }

  /** @returns who has come, gone or changed since what it began with; everybody without a base */
  changed(): Iterable<NodeId> {
    return this.#live.changedKeys();
  }

  /**
   * Begins anew with what it began with; what else there is, is taken for as it was then.
   * @param others nodes of whom that says nothing, or otherwise
   */
  begin(others: Iterable<NodeId>, recordOf: (nodeId: NodeId) => MemberRecord | undefined): void {
    const { base, isLive } = this.#options;
    this.#live.reset();
    this.#settled = { ...base === undefined ? { from: -Infinity, until: Infinity } : base.#settled };
    for (const nodeId of others) {
      const record = recordOf(nodeId);
      if (record !== undefined) this.#noteExpiry(record);
      if (record === undefined || !isLive(record)) this.#live.delete(nodeId);
      else this.#live.set(nodeId, true);
    }
  }

  /** A record has come, changed or gone. */
  announce(record: MemberRecord): void {
    this.#noteExpiry(record);
    const { nodeId, publicKey } = record;
    const wasLive = this.#live.has(nodeId);
    if (this.#options.isLive(record)) {
      this.#live.set(nodeId, true);
      this.note({ kind: wasLive ? "member-updated" : "member-added", nodeId, publicKey });
    } else if (wasLive) {
      this.#live.delete(nodeId);
      this.note({ kind: "member-removed", nodeId, publicKey });
    }
  }

  /** Takes note of an event; a later one is folded into the one that waits. */
  note(event: RosterEvent): void {
    const waiting = this.#events.get(event.nodeId)?.kind;
    // Whoever reads "added" or "updated" reads the endpoints too.
    const isCovered = waiting !== undefined && waiting !== "member-removed" &&
      (isAboutStatement(event) || (event.kind === "member-updated" && waiting === "member-added"));
    if (isCovered || waiting === "endpoints-changed" && event.kind === "stated-again") return;
    this.#events.delete(event.nodeId);
    this.#events.set(event.nodeId, event);
  }

  /**
   * Takes note of what time alone has brought about. Early and repeated calls are harmless.
   * @param records all that there are
   */
  handleTimeout(records: () => Iterable<RecordEntry>): void {
    const now = this.#options.now();
    if (this.#settled.from <= now && now < this.#settled.until) return;
    this.#settled = { from: -Infinity, until: Infinity };
    for (const { record } of records()) {
      this.#noteExpiry(record);
      if (this.#options.isLive(record) !== this.#live.has(record.nodeId)) this.announce(record);
    }
  }

  /** @returns what has changed, at most one event for each member; undefined when nothing has */
  poll(): RosterEvent | undefined {
    const [event] = this.#events.values();
    if (event !== undefined) this.#events.delete(event.nodeId);
    return event;
  }

  #noteExpiry({ expiresAt }: MemberRecord): void {
    const settled = this.#settled;
    if (expiresAt <= this.#options.now()) settled.from = Math.max(settled.from, expiresAt);
    else settled.until = Math.min(settled.until, expiresAt);
  }
}
