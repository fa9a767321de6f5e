/**
 * The members of a network, as far as this node knows them.
 * @module
 */

import { type Clock, equalBytes, type StateStore } from "../../base/mod.ts";
import { PublicKey, type VerifyingKey } from "../../crypto/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import { type NetworkId, type NodeId, parseNodeId } from "../identity/mod.ts";
import {
  MAX_CLOCK_AHEAD_MS,
  type MemberRecord,
  type NodeStatement,
  PLAIN_READER,
  RECORD_LABEL,
  type Signed,
  type SignedReader,
  STATEMENT_LABEL,
} from "../records/mod.ts";
import { type RecordEntry, RosterStore } from "./roster_store.ts";

export type { RecordEntry } from "./roster_store.ts";
import { VersionIndex } from "../versions/mod.ts";

/** How many records a roster holds, revoked ones included. */
export const MAX_MEMBERS = 65_536;

/** A member and its own statement, if there is one. */
export interface Member {
  readonly record: MemberRecord;
  readonly statement?: NodeStatement;
}

/** What happened to one member. */
export interface RosterEvent {
  readonly kind: "member-added" | "member-updated" | "member-removed" | "endpoints-changed";
  readonly nodeId: NodeId;
  /** The roster does not have it any more when the member was removed. */
  readonly publicKey: PublicKey;
}

/** Why a record, a statement or an entry is not taken in. */
export const MERGE_REFUSALS = [
  "malformed",
  "network",
  "signature",
  "authority",
  "revoked",
  "full",
  "unknown-node",
  "expired",
  "future",
  "replayed",
] as const;

/** One of these reasons; each is counted. */
export type MergeRefusal = typeof MERGE_REFUSALS[number];

/** What came of a record, statement or entry that was offered. */
export type MergeOutcome = "added" | "updated" | "unchanged" | `rejected:${MergeRefusal}`;

/** Whose records a roster takes, and by which clock. */
export interface RosterOptions {
  readonly networkId: NetworkId;
  /** The network's key, which signs all records and what leaders write for all. */
  readonly verifyingKey: VerifyingKey;
  readonly clock: Clock;
  /** Reads payloads; anew each time when absent. */
  readonly reader?: SignedReader;
  /** Where every version is noted; nowhere when absent. */
  readonly versions?: VersionIndex;
}

/**
 * One record for each public key: the greatest in the order "revoked, then higher version, then greater bytes". Taking
 * the greatest is commutative, associative and idempotent, so that all rosters that were offered the same agree,
 * in whatever order and however often. A statement needs its node's record first.
 */
export class Roster {
  readonly #store: RosterStore;
  readonly #options: RosterOptions;
  readonly #reader: SignedReader;
  /** Who was a member when an event was last pushed. */
  readonly #live = new Set<NodeId>();
  // Not polled yet, at most one for each member.
  readonly #events = new Map<NodeId, RosterEvent>();

  /** @throws StateError when what is stored is damaged */
  constructor(store: StateStore, options: RosterOptions) {
    this.#options = options;
    this.#reader = options.reader ?? PLAIN_READER;
    this.#store = new RosterStore(store, this.#reader, options.versions ?? new VersionIndex());
    this.reload();
  }

  /** Reads everything from the store again, for after a transaction that was undone. */
  reload(): void {
    this.#store.reload();
    this.#live.clear();
    for (const { record } of this.#store.records()) if (this.#isLive(record)) this.#live.add(record.nodeId);
  }

  /** Takes a record in if it is the network's and newer than what is known. Never throws on what it is offered. */
  merge(signed: Signed): MergeOutcome {
    const record = this.#reader.record(signed.payload);
    if (record === undefined) return "rejected:malformed";
    if (record.networkId !== this.#options.networkId) return "rejected:network";
    const known = this.#store.byKey(record.publicKey);
    if (known === undefined && this.#store.size >= MAX_MEMBERS) return "rejected:full";
    const difference = known === undefined ? 1 : compareRecords({ signed, record }, known);
    if (difference === 0) return "unchanged";
    if (difference < 0) {
      return known?.record.revoked && !record.revoked ? "rejected:revoked" : "rejected:replayed";
    }
    // What cuts somebody off is never too late and never too early.
    if (!record.revoked && record.expiresAt <= this.#options.clock.wall()) return "rejected:expired";
    if (!record.revoked && this.#isAhead(record)) return "rejected:future";
    if (!this.#reader.isSignedBy(RECORD_LABEL, signed, this.#options.verifyingKey)) {
      return "rejected:signature";
    }
    this.#store.putRecord({ signed, record });
    // The same key under another id is another member.
    if (known !== undefined && known.record.nodeId !== record.nodeId) {
      this.#announce({ ...known.record, revoked: true });
    }
    this.#announce(record);
    return known === undefined ? "added" : "updated";
  }

  /** Takes a statement in if a known member signed it and it is newer. Never throws on what it is offered. */
  mergeStatement(signed: Signed): MergeOutcome {
    const statement = this.#reader.statement(signed.payload);
    if (statement === undefined) return "rejected:malformed";
    const record = this.recordById(statement.nodeId);
    if (record?.verifyingKey === undefined) return "rejected:unknown-node";
    if (record.revoked) return "rejected:revoked";
    const known = this.#store.statementOf(statement.nodeId);
    if (known !== undefined) {
      const difference = statement.version - known.statement.version ||
        compareBytes(signed.payload, known.signed.payload);
      if (difference === 0) return "unchanged";
      if (difference < 0) return "rejected:replayed";
    }
    if (this.#isAhead(statement)) return "rejected:future";
    if (!this.#reader.isSignedBy(STATEMENT_LABEL, signed, record.verifyingKey)) return "rejected:signature";
    this.#store.putStatement({ signed, statement });
    if (this.#isLive(record) && !(known && sameEndpoints(known.statement, statement))) {
      const { nodeId, publicKey } = record;
      this.#note({ kind: "endpoints-changed", nodeId, publicKey });
    }
    return known === undefined ? "added" : "updated";
  }

  /** @returns all members that are neither revoked nor expired, ordered by node id */
  members(): readonly Member[] {
    return [...this.liveRecords()].map((record) => this.#member(record))
      .sort((a, b) => a.record.nodeId < b.record.nodeId ? -1 : 1);
  }

  /** The records of all members that are neither revoked nor expired, in no order. */
  *liveRecords(): Generator<MemberRecord> {
    const wall = this.#options.clock.wall();
    for (const { record } of this.#store.records()) {
      if (!record.revoked && record.expiresAt > wall) yield record;
    }
  }

  /** The records of all whom a link may be kept to: members, and leaders whose records have expired. */
  *linkableRecords(): Generator<MemberRecord> {
    for (const { record } of this.#store.records()) if (this.#mayLink(record)) yield record;
  }

  /** @returns the member, or a leader whose record has expired: it signs its own anew, and this one's */
  linkable(nodeId: NodeId): Member | undefined {
    const record = this.recordById(nodeId);
    return record !== undefined && this.#mayLink(record) ? this.#member(record) : undefined;
  }

  /** @returns the member, or undefined when it is unknown, revoked or expired */
  get(nodeId: NodeId): Member | undefined {
    return this.#liveMember(this.recordById(nodeId));
  }

  /** @returns the record of a member that is neither revoked nor expired; nothing is made for it */
  liveRecord(nodeId: NodeId): MemberRecord | undefined {
    const record = this.recordById(nodeId);
    return record !== undefined && this.#isLive(record) ? record : undefined;
  }

  /** @returns the member of this name, if any */
  byName(name: string): Member | undefined {
    return this.#liveMember(this.#store.byName(name));
  }

  /** @returns the member with this WireGuard key, if any */
  byPublicKey(publicKey: PublicKey): Member | undefined {
    return this.#liveMember(this.recordByKey(publicKey));
  }

  /** @returns the member with this overlay address, if any */
  byAddress(address: IpAddress): Member | undefined {
    return this.#liveMember(this.#store.byAddress(address));
  }

  /**
   * Whom somebody means. What reads as an id, a key or an address is never a name, so that nobody is taken for another
   * one, present or gone, by calling itself like that one's id.
   * @param text a node id, a public key in base64, an overlay address, or a name
   */
  find(text: string): Member | undefined {
    const nodeId = parseNodeId(text);
    if (nodeId !== undefined) return this.get(nodeId);
    const publicKey = PublicKey.parse(text);
    if (publicKey !== undefined) return this.byPublicKey(publicKey);
    const address = IpAddress.parse(text);
    return address === undefined ? this.byName(text) : this.byAddress(address);
  }

  /** @returns the record of this key, also when it is revoked or expired */
  recordByKey(publicKey: PublicKey): MemberRecord | undefined {
    return this.#store.byKey(publicKey)?.record;
  }

  /** @returns the record of this node, also when it is revoked or expired */
  recordById(nodeId: NodeId): MemberRecord | undefined {
    return this.#store.byNodeId(nodeId)?.record;
  }

  /** @returns all records, also revoked and expired ones */
  allRecords(): readonly MemberRecord[] {
    return Array.from(this.#store.records(), ({ record }) => record);
  }

  /** @returns the record that has this name and is not revoked; an expired one keeps its name */
  holderOfName(name: string): MemberRecord | undefined {
    return this.#store.byName(name);
  }

  /** @returns the record that has this address and is not revoked; an expired one keeps its address */
  holderOfAddress(address: IpAddress): MemberRecord | undefined {
    return this.#store.byAddress(address);
  }

  /** @returns the record of a node and what was signed, also when it is revoked or expired */
  entryOf(nodeId: NodeId): RecordEntry | undefined {
    return this.#store.byNodeId(nodeId);
  }

  /** @returns the record of a node as it was signed */
  signedRecord(nodeId: NodeId): Signed | undefined {
    return this.#store.byNodeId(nodeId)?.signed;
  }

  /** @returns the statement of a node as it was signed */
  signedStatement(nodeId: NodeId): Signed | undefined {
    return this.#store.statementOf(nodeId)?.signed;
  }

  /** Whether the network has revoked this key. */
  isRevoked(publicKey: PublicKey): boolean {
    return this.recordByKey(publicKey)?.revoked ?? false;
  }

  /** @returns everything as it was signed, revocations included */
  signed(): { readonly records: Signed[]; readonly statements: Signed[] } {
    return {
      records: Array.from(this.#store.records(), ({ signed }) => signed),
      statements: Array.from(this.#store.statements(), ({ signed }) => signed),
    };
  }

  /**
   * Takes note of records that have expired since, and of those that are good again because a wrong clock was set
   * right; early and repeated calls are harmless.
   */
  handleTimeout(): void {
    for (const { record } of this.#store.records()) {
      if (this.#isLive(record) !== this.#live.has(record.nodeId)) this.#announce(record);
    }
  }

  /** @returns what has changed, at most one event for each member; undefined when nothing has */
  pollEvent(): RosterEvent | undefined {
    const [event] = this.#events.values();
    if (event !== undefined) this.#events.delete(event.nodeId);
    return event;
  }

  /** A later event is folded into the one that waits. */
  #note(event: RosterEvent): void {
    const waiting = this.#events.get(event.nodeId)?.kind;
    // Whoever reads "added" or "updated" reads the endpoints too.
    const isCovered = waiting !== undefined && waiting !== "member-removed" &&
      (event.kind === "endpoints-changed" || (event.kind === "member-updated" && waiting === "member-added"));
    if (isCovered) return;
    this.#events.delete(event.nodeId);
    this.#events.set(event.nodeId, event);
  }

  #isAhead({ issuedAt }: { readonly issuedAt: number }): boolean {
    return issuedAt > this.#options.clock.wall() + MAX_CLOCK_AHEAD_MS;
  }

  #announce(record: MemberRecord): void {
    const { nodeId, publicKey } = record;
    const wasLive = this.#live.has(nodeId);
    if (this.#isLive(record)) {
      this.#live.add(nodeId);
      this.#note({ kind: wasLive ? "member-updated" : "member-added", nodeId, publicKey });
    } else if (wasLive) {
      this.#live.delete(nodeId);
      this.#note({ kind: "member-removed", nodeId, publicKey });
    }
  }

  #isLive(record: MemberRecord): boolean {
    return !record.revoked && record.expiresAt > this.#options.clock.wall();
  }

  #mayLink(record: MemberRecord): boolean {
    return this.#isLive(record) || (!record.revoked && record.roles.includes("leader"));
  }

  #liveMember(record: MemberRecord | undefined): Member | undefined {
    return record !== undefined && this.#isLive(record) ? this.#member(record) : undefined;
  }

  #member(record: MemberRecord): Member {
    const statement = this.#store.statementOf(record.nodeId)?.statement;
    return { record, ...statement && { statement } };
  }
}

/** @returns above 0 when `offered` takes the place of `known`, 0 when they are the same */
function compareRecords(offered: RecordEntry, known: RecordEntry): number {
  return Number(offered.record.revoked) - Number(known.record.revoked) ||
    offered.record.version - known.record.version ||
    compareBytes(offered.signed.payload, known.signed.payload);
}

/** @returns above 0 when `a` comes after `b` in the order of their bytes, 0 when they are the same */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  if (equalBytes(a, b)) return 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function sameEndpoints(a: NodeStatement, b: NodeStatement): boolean {
  return a.endpoints.join() === b.endpoints.join() && a.channelEndpoints.join() === b.channelEndpoints.join();
}
