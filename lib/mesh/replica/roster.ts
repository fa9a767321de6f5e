/**
 * The members of a network, as far as this node knows them.
 * @module
 */

import type { Clock, StateStore } from "../../base/mod.ts";
import type { PublicKey, VerifyingKey } from "../../crypto/mod.ts";
import type { IpAddress } from "../../net/mod.ts";
import type { NetworkId, NodeId } from "../identity/mod.ts";
import {
  areSameEndpoints,
  type KeyTag,
  keyTagOf,
  MAX_CLOCK_AHEAD_MS,
  type MemberRecord,
  type NodeStatement,
  PLAIN_READER,
  RECORD_LABEL,
  type Signed,
  type SignedReader,
  STATEMENT_LABEL,
} from "../records/mod.ts";
import type { ChainSummary } from "./key_chains.ts";
import { type BudgetedOutcome, compareBytes, compareRecords, type MergeOutcome } from "./merge_outcome.ts";
import type { OriginBudget } from "./origin_budget.ts";
import type { RosterEvent } from "./roster_event.ts";
import { LiveMembers } from "./live_members.ts";
import { NetworkClock } from "./network_clock.ts";
import { type RecordEntry, RosterStore, type RosterStoreBase } from "./roster_store.ts";
import { VersionIndex } from "../versions/mod.ts";

export type { RecordEntry } from "./roster_store.ts";

/** How many members a roster holds; those that were removed and keys that were replaced take no room of theirs. */
export const MAX_MEMBERS = 65_536;

/** A member and its own statement, if there is one. */
export interface Member {
  readonly record: MemberRecord;
  readonly statement?: NodeStatement;
}

/** Whose records a roster takes, and by which clock. */
export interface RosterOptions {
  readonly networkId: NetworkId;
  /** The network's key, which signs all records and what leaders write for all. */
  readonly verifyingKey: VerifyingKey;
  readonly clock: Clock;
  /** By which records expire; by the wall clock when absent. */
  readonly networkClock?: NetworkClock;
  /** Reads payloads; anew each time when absent. */
  readonly reader?: SignedReader;
  /** Where every version is noted; nowhere when absent. */
  readonly versions?: VersionIndex;
  /** What the store and the versions begin with; absent when that is nothing. */
  readonly base?: RosterBase;
}

/** What a roster begins with, when many begin with the same. */
export interface RosterBase extends Pick<RosterStoreBase, "changes"> {
  /** It must not change any more. */
  readonly roster: Roster;
}

/**
 * One record for each public key: the greatest in the order "revoked, then higher version, then greater bytes". Taking
 * the greatest is commutative, associative and idempotent, so that all rosters that were offered the same agree,
 * in whatever order and however often. Which of them count, and which need not be kept, follows from all of them
 * together (`KeyChains`). A statement needs its node's record first.
 */
export class Roster {
  readonly #store: RosterStore;
  readonly #options: RosterOptions;
  readonly #reader: SignedReader;
  readonly #networkClock: NetworkClock;
  readonly #live: LiveMembers;
  // Not taken yet.
  readonly #ended = new Set<NodeId>();
  readonly #missed = new Map<KeyTag, MemberRecord>();

  /** @throws StateError when what is stored is damaged */
  constructor(store: StateStore, options: RosterOptions) {
    this.#options = options;
    this.#networkClock = options.networkClock ?? new NetworkClock(options.clock, options.networkId);
    this.#reader = options.reader ?? PLAIN_READER;
    const { versions = new VersionIndex(), base } = options;
    const storeBase = base && { store: base.roster.#store, changes: base.changes };
    this.#store = new RosterStore(store, this.#reader, versions, storeBase);
    this.#live = new LiveMembers({
      now: () => this.#networkClock.now(),
      isLive: (record) => this.#isLive(record),
      base: base && base.roster.#live,
    });
    this.reload();
  }

  /** Reads everything from the store again, for after a transaction that was undone; with a base, the versions have been reset. */
  reload(): void {
    this.#store.reload();
    this.#ended.clear();
    this.#missed.clear();
    this.beginEvents();
  }

  /** Tells who comes and goes from now on; what it began with is taken for as it was then. */
  beginEvents(): void {
    this.#live.begin(this.#store.reloaded(), (nodeId) => this.recordById(nodeId));
  }

  /** Takes a record in if it is the network's and newer than what is known. Never throws on what it is offered. */
  merge(signed: Signed): MergeOutcome {
    const record = this.#reader.record(signed.payload);
    if (record === undefined) return "rejected:malformed";
    if (record.networkId !== this.#options.networkId) return "rejected:network";
    const known = this.#store.byKey(record.publicKey);
    if (known === undefined) {
      const entry = { signed, record };
      // What counts no more is only old, however often it is sent.
      if (this.#store.chains.isCovered(entry)) return "rejected:replayed";
      if (record.revoked && this.#store.isTooOld(entry)) return "rejected:replayed";
    }
    const difference = known === undefined ? 1 : compareRecords({ signed, record }, known);
    if (difference === 0) return "unchanged";
    if (difference < 0) {
      return known?.record.revoked && !record.revoked ? "rejected:revoked" : "rejected:replayed";
    }
    // What cuts somebody off is never too late and never too early.
    if (!record.revoked && record.expiresAt <= this.#networkClock.now()) return "rejected:expired";
    if (!record.revoked && this.#isAhead(record)) return "rejected:future";
    if (!this.#reader.isSignedBy(RECORD_LABEL, signed, this.#options.verifyingKey)) {
      return "rejected:signature";
    }
    const isNewMember = known === undefined && !record.revoked && !this.#store.chains.isKnown(record);
    if (isNewMember && !this.hasRoom()) return "rejected:full";
    this.#noteMissed(record, known?.record);
    const { changed, gone } = this.#store.putRecord({ signed, record });
    // The same key under another id is another member.
    if (known !== undefined && known.record.nodeId !== record.nodeId) {
      this.#live.announce({ ...known.record, revoked: true });
    }
    this.#live.announce(record);
    for (const each of changed) this.#live.announce(each);
    for (const each of gone) this.#announceGone(each);
    for (const each of [record, ...changed]) if (this.isRemoved(each)) this.#ended.add(each.nodeId);
    return known === undefined ? "added" : "updated";
  }

  /** Whether another member may come; who has expired makes room for it, the first first, but for leaders. */
  hasRoom(): boolean {
    if (this.#store.memberCount < MAX_MEMBERS) return true;
    const isOther = ({ roles }: MemberRecord) => !roles.includes("leader");
    for (const gone of this.#store.forgetExpired(this.#networkClock.now(), isOther)) this.#announceGone(gone);
    return this.#store.memberCount < MAX_MEMBERS;
  }

  /**
   * @returns records that were replaced by ones of new keys of the same members, signed without knowing of them; each
   * once, as soon as the member is there under its new key
   */
  takeMissed(): readonly MemberRecord[] {
    const missed = [...this.#missed].filter(([key]) => {
      const [head] = this.#store.chains.chainOf(key);
      return head !== undefined && head.record.chain !== undefined && this.#store.counts(head.record);
    });
    for (const [key] of missed) this.#missed.delete(key);
    return missed.map(([, record]) => record);
  }

  /** @returns those whose entries need not be kept, each once: their members were removed, or their records are gone */
  takeEnded(): readonly NodeId[] {
    const ended = [...this.#ended];
    this.#ended.clear();
    return ended;
  }

  /**
   * Takes a statement in if a known member signed it and it is newer. Never throws on what it is offered.
   * @param budget what the member may change; without one nothing is refused for that
   */
  mergeStatement(signed: Signed, budget?: OriginBudget): BudgetedOutcome {
    const statement = this.#reader.statement(signed.payload);
    if (statement === undefined) return "rejected:malformed";
    const record = this.recordById(statement.nodeId);
    if (record?.verifyingKey === undefined) return "rejected:unknown-node";
    if (!this.#store.counts(record)) return "rejected:revoked";
    const known = this.#store.statementOf(statement.nodeId);
    if (known !== undefined) {
      const difference = statement.version - known.statement.version ||
        compareBytes(signed.payload, known.signed.payload);
      if (difference === 0) return "unchanged";
      if (difference < 0) return "rejected:replayed";
    }
    if (this.#isAhead(statement)) return "rejected:future";
    // Before the signature, which costs a hundred times as much as all that came before.
    if (budget?.allows(statement.nodeId) === false) return "rejected:throttled";
    if (!this.#reader.isSignedBy(STATEMENT_LABEL, signed, record.verifyingKey)) return "rejected:signature";
    this.#store.putStatement({ signed, statement });
    budget?.spend(statement.nodeId, signed.payload.length);
    if (this.#isLive(record)) {
      const { nodeId, publicKey } = record;
      const isSame = known !== undefined && areSameEndpoints(known.statement, statement);
      this.#live.note({ kind: isSame ? "stated-again" : "endpoints-changed", nodeId, publicKey });
    }
    return known === undefined ? "added" : "updated";
  }

  /** @returns all members that are neither revoked nor expired, ordered by node id */
  members(): readonly Member[] {
    return [...this.liveRecords()].map((record) => this.#member(record))
      .sort((a, b) => a.record.nodeId < b.record.nodeId ? -1 : 1);
  }

  /** How many members there were when an event was last pushed. */
  get liveCount(): number {
    return this.#live.size;
  }

  /** @returns who has come, gone or changed since what it began with; everybody without a base */
  changedMembers(): Iterable<NodeId> {
    return this.#live.changed();
  }

  /** The records of all members that are neither revoked nor expired, in no order. */
  *liveRecords(): Generator<MemberRecord> {
    const now = this.#networkClock.now();
    for (const { record } of this.#store.records()) {
      if (record.expiresAt > now && this.#store.counts(record)) yield record;
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

  /** @returns all records of this name that are not revoked, the one first that keeps it */
  holdersOfName(name: string): readonly MemberRecord[] {
    return this.#store.allByName(name);
  }

  /** @returns of each name that leaders gave several members, who has it, the one first that keeps it, expired or not */
  namesakes(): readonly (readonly MemberRecord[])[] {
    return this.#store.namesakes();
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

  /** Whether this key counts no more: the network has revoked it, replaced it, or removed the member whose it was. */
  isRevoked(publicKey: PublicKey): boolean {
    const record = this.recordByKey(publicKey);
    return record === undefined
      ? this.#store.chains.isClaimed(keyTagOf(publicKey))
      : !this.#store.counts(record);
  }

  /** Whether the member was removed under whichever of its keys. */
  isRemoved(record: MemberRecord): boolean {
    return this.#store.chains.isRemoved(record);
  }

  /** @returns what is known of the keys of the member whose this key is or was, the one that counts first */
  chainOf(publicKey: PublicKey): readonly RecordEntry[] {
    return this.#store.chains.chainOf(keyTagOf(publicKey));
  }

  /** @returns what a record says that continues this one's chain of keys */
  chainSummary(record: MemberRecord): ChainSummary {
    return this.#store.chains.summary(record);
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
    this.#live.handleTimeout(() => this.#store.records());
  }

  /** @returns what has changed, at most one event for each member; undefined when nothing has */
  pollEvent(): RosterEvent | undefined {
    return this.#live.poll();
  }

  #isAhead({ issuedAt }: { readonly issuedAt: number }): boolean {
    return issuedAt > this.#options.clock.wall() + MAX_CLOCK_AHEAD_MS;
  }

  /** A leader that gave a member new keys may not have known how another one had changed its record. */
  #noteMissed(record: MemberRecord, known: MemberRecord | undefined): void {
    const note = (former: MemberRecord, version: number) => {
      if (!former.revoked && former.version > version) this.#missed.set(keyTagOf(former.publicKey), former);
    };
    if (known !== undefined && record.successor !== undefined) note(known, record.version - 1);
    record.chain?.formerKeys.forEach((key, i) => {
      const former = this.#store.byTag(key)?.record;
      if (former !== undefined) note(former, record.chain?.formerVersions[i] ?? 1);
    });
  }

  #announceGone(record: MemberRecord): void {
    this.#live.announce({ ...record, revoked: true });
    this.#ended.add(record.nodeId);
  }

  #isLive(record: MemberRecord): boolean {
    return record.expiresAt > this.#networkClock.now() && this.#store.counts(record);
  }

  #mayLink(record: MemberRecord): boolean {
    return this.#isLive(record) || (this.#store.counts(record) && record.roles.includes("leader"));
  }

  #liveMember(record: MemberRecord | undefined): Member | undefined {
    return record !== undefined && this.#isLive(record) ? this.#member(record) : undefined;
  }

  #member(record: MemberRecord): Member {
    const statement = this.#store.statementOf(record.nodeId)?.statement;
    return { record, ...statement && { statement } };
  }
}
