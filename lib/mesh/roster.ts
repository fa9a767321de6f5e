/**
 * The members of a network, as far as this node knows them.
 * @module
 */

import { type Clock, equalBytes, type StateStore } from "../base/mod.ts";
import { PublicKey, type VerifyingKey } from "../crypto/mod.ts";
import { IpAddress } from "../net/mod.ts";
import { type NetworkId, type NodeId, parseNodeId } from "./identity.ts";
import { decodeRecord, type MemberRecord, type SignedRecord, verifyRecord } from "./member_record.ts";
import type { RosterUpdate } from "./mesh_message.ts";
import {
  decodeStatement,
  type NodeStatement,
  type SignedStatement,
  verifyStatement,
} from "./node_statement.ts";
import { type RosterEvent, RosterEvents } from "./roster_events.ts";
import { RosterIndex } from "./roster_index.ts";
import { keyText, type RecordEntry, RosterStore, type StatementEntry } from "./roster_store.ts";
import { encodeUpdates } from "./roster_update.ts";
import type { Signed } from "./signed.ts";

/** How many records a roster holds, revoked ones included. */
export const MAX_MEMBERS = 65_536;

/** A member and what it says of itself. */
export interface Member {
  readonly record: MemberRecord;
  readonly statement?: NodeStatement;
}

/** What came of a record or statement that was offered. */
export type MergeOutcome =
  | "added"
  | "updated"
  | "unchanged"
  | `rejected:${"malformed" | "network" | "signature" | "revoked" | "full" | "unknown-node"}`;

/** What was new in an update: what is worth passing on. */
export interface MergeResult {
  readonly news: RosterUpdate;
  readonly rejected: number;
  /** Whether a signature was false: nobody honest passes such a thing on. The rest of the update was not looked at. */
  readonly isForged: boolean;
}

/** What a roster stands on. */
export interface RosterOptions {
  readonly networkId: NetworkId;
  /** The network's key, which signs all records. */
  readonly verifyingKey: VerifyingKey;
  readonly clock: Clock;
}

/**
 * One record for each public key: the greatest in the order "revoked, then higher version, then greater bytes". Taking
 * the greatest is commutative, associative and idempotent, so that all rosters that have heard the same agree,
 * in whatever order and however often they heard it. A statement needs its node's record first.
 */
export class Roster {
  readonly #store: RosterStore;
  readonly #options: RosterOptions;
  // The same as the store holds.
  readonly #records = new Map<string, RecordEntry>();
  readonly #byNodeId = new Map<NodeId, RecordEntry>();
  readonly #statements = new Map<NodeId, StatementEntry>();
  // Derived from it.
  #index: RosterIndex | undefined;
  /** Whoever was last said to be a member. */
  readonly #live = new Set<NodeId>();
  readonly #events = new RosterEvents();

  /** @throws StateError when what is stored is damaged */
  constructor(store: StateStore, options: RosterOptions) {
    this.#store = new RosterStore(store);
    this.#options = options;
    this.reload();
  }

  /** Reads everything from the store again, for after a transaction that was undone. */
  reload(): void {
    this.#records.clear();
    this.#byNodeId.clear();
    this.#statements.clear();
    this.#live.clear();
    this.#index = undefined;
    for (const entry of this.#store.records()) {
      this.#records.set(keyText(entry.record.publicKey), entry);
      this.#byNodeId.set(entry.record.nodeId, entry);
      if (this.#isLive(entry.record)) this.#live.add(entry.record.nodeId);
    }
    for (const entry of this.#store.statements()) this.#statements.set(entry.statement.nodeId, entry);
  }

  /** Takes a record in if it is the network's and newer than what is known. Never throws on what it is offered. */
  merge(signed: SignedRecord): MergeOutcome {
    const offered = decodeRecord(signed.payload);
    if (offered === undefined) return "rejected:malformed";
    if (offered.networkId !== this.#options.networkId) return "rejected:network";
    const key = keyText(offered.publicKey);
    const known = this.#records.get(key);
    if (known === undefined && this.#records.size >= MAX_MEMBERS) return "rejected:full";
    if (known !== undefined && !isNewer({ signed, record: offered }, known)) {
      return known.record.revoked && !offered.revoked ? "rejected:revoked" : "unchanged";
    }
    const record = verifyRecord(signed, this.#options.verifyingKey);
    if (record === undefined) return "rejected:signature";
    this.#put(key, { signed, record }, known);
    return known === undefined ? "added" : "updated";
  }

  /** Takes a statement in if a known member signed it and it is newer. Never throws on what it is offered. */
  mergeStatement(signed: SignedStatement): MergeOutcome {
    const offered = decodeStatement(signed.payload);
    if (offered === undefined) return "rejected:malformed";
    const record = this.#byNodeId.get(offered.nodeId)?.record;
    if (record?.verifyingKey === undefined) return "rejected:unknown-node";
    if (record.revoked) return "rejected:revoked";
    const known = this.#statements.get(offered.nodeId);
    if (known !== undefined) {
      const difference = offered.version - known.statement.version ||
        compareBytes(signed.payload, known.signed.payload);
      if (difference <= 0) return "unchanged";
    }
    const statement = verifyStatement(signed, record.verifyingKey);
    if (statement === undefined) return "rejected:signature";
    this.#store.putStatement({ signed, statement });
    this.#statements.set(statement.nodeId, { signed, statement });
    if (this.#isLive(record) && !(known && sameEndpoints(known.statement, statement))) {
      const { nodeId, publicKey } = record;
      this.#events.push({ kind: "endpoints-changed", nodeId, publicKey });
    }
    return known === undefined ? "added" : "updated";
  }

  /**
   * Merges a whole update in one transaction, records first. The first false signature ends it, because each costs a
   * check that is a hundred times dearer than what it costs to send one.
   * @throws StateError when the store is full or broken; then nothing has changed
   */
  mergeUpdate(update: RosterUpdate): MergeResult {
    const news: { records: Signed[]; statements: Signed[] } = { records: [], statements: [] };
    let rejected = 0;
    /** @returns whether to go on */
    const sort = (signed: Signed, outcome: MergeOutcome, fresh: Signed[]): boolean => {
      if (outcome === "added" || outcome === "updated") fresh.push(signed);
      else if (outcome !== "unchanged") rejected++;
      return outcome !== "rejected:signature";
    };
    try {
      const isForged = this.#store.transaction(() =>
        !update.records.every((signed) => sort(signed, this.merge(signed), news.records)) ||
        !update.statements.every((signed) => sort(signed, this.mergeStatement(signed), news.statements))
      );
      return { news, rejected, isForged };
    } catch (error) {
      this.reload();
      throw error;
    }
  }

  /** @returns all members that are neither revoked nor expired, ordered by node id */
  members(): readonly Member[] {
    return [...this.#records.values()].filter(({ record }) => this.#isLive(record))
      .map(({ record }) => this.#member(record))
      .sort((a, b) => a.record.nodeId < b.record.nodeId ? -1 : 1);
  }

  /** @returns the member, or undefined when it is unknown, revoked or expired */
  get(nodeId: NodeId): Member | undefined {
    return this.#liveMember(this.#byNodeId.get(nodeId)?.record);
  }

  /** @returns the member of this name, if any */
  byName(name: string): Member | undefined {
    return this.#liveMember(this.#lookup().byName(name));
  }

  /** @returns the member with this WireGuard key, if any */
  byPublicKey(publicKey: PublicKey): Member | undefined {
    return this.#liveMember(this.record(publicKey));
  }

  /** @returns the member with this overlay address, if any */
  byAddress(address: IpAddress): Member | undefined {
    return this.#liveMember(this.#lookup().byAddress(address));
  }

  /** @param text a name, a node id, a public key in base64, or an overlay address */
  find(text: string): Member | undefined {
    const nodeId = parseNodeId(text);
    const publicKey = PublicKey.parse(text);
    const address = IpAddress.parse(text);
    return this.byName(text) ?? (nodeId && this.get(nodeId)) ?? (publicKey && this.byPublicKey(publicKey)) ??
      (address && this.byAddress(address));
  }

  /** @returns the record of this key, also when it is revoked or expired */
  record(publicKey: PublicKey): MemberRecord | undefined {
    return this.#records.get(keyText(publicKey))?.record;
  }

  /** @returns all records, also revoked and expired ones */
  records(): readonly MemberRecord[] {
    return [...this.#records.values()].map(({ record }) => record);
  }

  /** @returns the record that has this name and is not revoked; an expired one keeps its name */
  holderOfName(name: string): MemberRecord | undefined {
    return this.#lookup().byName(name);
  }

  /** @returns the record that has this address and is not revoked; an expired one keeps its address */
  holderOfAddress(address: IpAddress): MemberRecord | undefined {
    return this.#lookup().byAddress(address);
  }

  /** @returns the record of a node as it was signed */
  signedRecord(nodeId: NodeId): SignedRecord | undefined {
    return this.#byNodeId.get(nodeId)?.signed;
  }

  /** @returns the statement of a node as it was signed */
  signedStatement(nodeId: NodeId): SignedStatement | undefined {
    return this.#statements.get(nodeId)?.signed;
  }

  /** Whether the network has revoked this key. */
  isRevoked(publicKey: PublicKey): boolean {
    return this.record(publicKey)?.revoked ?? false;
  }

  /** @returns everything there is to tell another member, revocations included */
  snapshot(): RosterUpdate {
    return {
      records: [...this.#records.values()].map(({ signed }) => signed),
      statements: [...this.#statements.values()].map(({ signed }) => signed),
    };
  }

  /** @returns the snapshot as messages of at most 256 KiB, to be sent in this order */
  rosterUpdates(): Uint8Array[] {
    return encodeUpdates(this.snapshot());
  }

  /**
   * Takes note of records that have expired since, and of those that are good again because a wrong clock was set
   * right; early and repeated calls are harmless.
   */
  handleTimeout(): void {
    for (const { record } of this.#records.values()) {
      if (this.#isLive(record) !== this.#live.has(record.nodeId)) this.#announce(record);
    }
  }

  /** @returns what has changed, at most one event for each member; undefined when nothing has */
  pollEvent(): RosterEvent | undefined {
    return this.#events.poll();
  }

  #put(key: string, entry: RecordEntry, known: RecordEntry | undefined): void {
    const { record } = entry;
    const before = known?.record;
    const isOther = before !== undefined && before.nodeId !== record.nodeId;
    const without = record.revoked || isOther ? before?.nodeId : undefined;
    this.#store.putRecord(entry, without);
    if (without !== undefined) this.#statements.delete(without);
    if (isOther) {
      this.#byNodeId.delete(before.nodeId);
      this.#announce({ ...before, revoked: true });
    }
    this.#records.set(key, entry);
    this.#byNodeId.set(record.nodeId, entry);
    this.#index = undefined;
    this.#announce(record);
  }

  #announce(record: MemberRecord): void {
    const { nodeId, publicKey } = record;
    const wasLive = this.#live.has(nodeId);
    if (this.#isLive(record)) {
      this.#live.add(nodeId);
      this.#events.push({ kind: wasLive ? "member-updated" : "member-added", nodeId, publicKey });
    } else if (wasLive) {
      this.#live.delete(nodeId);
      this.#events.push({ kind: "member-removed", nodeId, publicKey });
    }
  }

  #isLive(record: MemberRecord): boolean {
    return !record.revoked && record.expiresAt > this.#options.clock.wall();
  }

  #liveMember(record: MemberRecord | undefined): Member | undefined {
    return record !== undefined && this.#isLive(record) ? this.#member(record) : undefined;
  }

  #member(record: MemberRecord): Member {
    const statement = this.#statements.get(record.nodeId)?.statement;
    return { record, ...statement && { statement } };
  }

  #lookup(): RosterIndex {
    return this.#index ??= new RosterIndex(this.records());
  }
}

function isNewer(offered: RecordEntry, known: RecordEntry): boolean {
  const difference = Number(offered.record.revoked) - Number(known.record.revoked) ||
    offered.record.version - known.record.version ||
    compareBytes(offered.signed.payload, known.signed.payload);
  return difference > 0;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
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
