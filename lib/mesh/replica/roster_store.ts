/**
 * What a roster consists of: the records and statements that it has taken in, in the store and in memory, and by what
 * they are found.
 * @module
 */

import { encodeHex, LayeredMap, StateError, type StateStore, type UnixMillis } from "../../base/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { IpAddress } from "../../net/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import {
  isRemoval,
  type KeyTag,
  keyTagOf,
  type MemberRecord,
  type NodeStatement,
  type Signed,
  type SignedReader,
} from "../records/mod.ts";
import { RECORD_SLOT, STATEMENT_SLOT, type VersionIndex } from "../versions/mod.ts";
import { KeyChains, type RecordEntry } from "./key_chains.ts";
import { indexOf, type RosterIndex } from "./roster_index.ts";

export type { RecordEntry } from "./key_chains.ts";

/** What was signed, and the statement in it. */
export interface StatementEntry {
  readonly signed: Signed;
  readonly statement: NodeStatement;
}

/**
 * How many records of keys that count no more are kept: removals before keys that were replaced, the latest before
 * older ones. They take no room of members.
 */
export const MAX_TOMBSTONES = 65_536;

const RECORDS = "record";
const STATEMENTS = "statement";
/** Of the key under which a record is stored, so many digits are its tag. */
const KEY_TAG_LENGTH = 32;
/** How many members whose records have expired are forgotten in one go. */
const MAX_FORGOTTEN = 1024;

/** What a store begins with, when many begin with the same. */
export interface RosterStoreBase {
  /** It must not change any more. */
  readonly store: RosterStore;
  /** @returns the keys of a collection that have come, changed or gone since, with their values */
  changes(collection: string): Iterable<readonly [key: string, value: Uint8Array | undefined]>;
}

/** What became of other records when one was put. */
export interface RecordChanges {
  /** They count now and did not, or the other way round. */
  readonly changed: readonly MemberRecord[];
  /** They are not kept any more. */
  readonly gone: readonly MemberRecord[];
}

/**
 * Keeps one record for each public key and one statement for each node, as far as `KeyChains` has them kept. It takes
 * what it is given.
 */
export class RosterStore {
  readonly #chains: KeyChains;
  readonly #store: StateStore;
  readonly #reader: SignedReader;
  readonly #versions: VersionIndex;
  readonly #base: RosterStoreBase | undefined;
  // The same as the store holds.
  readonly #byKey: LayeredMap<KeyTag, RecordEntry>;
  readonly #byNodeId: LayeredMap<NodeId, RecordEntry>;
  readonly #statements: LayeredMap<NodeId, StatementEntry>;
  readonly #tombstones = new Set<RecordEntry>();
  // Derived from it at the first look-up.
  #index: RosterIndex | undefined;
  #lastTombstone: RecordEntry | undefined;
  #touched: ReadonlySet<NodeId> = new Set();

  /**
   * Holds nothing before `reload`.
   * @param base what `store` and `versions` begin with, too; absent when that is nothing
   */
  constructor(store: StateStore, reader: SignedReader, versions: VersionIndex, base?: RosterStoreBase) {
    this.#store = store;
    this.#reader = reader;
    this.#versions = versions;
    this.#base = base;
    this.#byKey = new LayeredMap(base && base.store.#byKey);
    this.#byNodeId = new LayeredMap(base && base.store.#byNodeId);
    this.#statements = new LayeredMap(base && base.store.#statements);
    this.#chains = new KeyChains((key) => this.#byKey.get(key), base && base.store.#chains);
  }

  /** How many members there are, expired ones included. */
  get memberCount(): number {
    return this.#byKey.size - this.#tombstones.size;
  }

  /** Which keys belong to one member. */
  get chains(): Pick<KeyChains, "chainOf" | "isClaimed" | "isCovered" | "isKnown" | "isRemoved" | "summary"> {
    return this.#chains;
  }

  /** Whether a record is one of a member: neither revoked nor of a key that was replaced or removed. */
  counts(record: MemberRecord): boolean {
    return !record.revoked && !this.#chains.isDead(record);
  }

  /** Whether a record that counts no more would have to go at once, because there are too many. */
  isTooOld(entry: RecordEntry): boolean {
    if (this.#tombstones.size < MAX_TOMBSTONES) return false;
    this.#lastTombstone ??= lastOf(this.#tombstones);
    return this.#lastTombstone !== undefined && compareTombstones(entry, this.#lastTombstone) < 0;
  }

  /** @returns all records, each with what was signed */
  records(): MapIterator<RecordEntry> {
    return this.#byKey.values();
  }

  /** @returns all statements, each with what was signed */
  statements(): Iterable<StatementEntry> {
    return this.#statements.values();
  }

  /** @returns the record of a public key */
  byKey(publicKey: PublicKey): RecordEntry | undefined {
    return this.#byKey.get(keyTagOf(publicKey));
  }

  /** @returns the record of a public key by what names it in chains */
  byTag(key: KeyTag): RecordEntry | undefined {
    return this.#byKey.get(key);
  }

  /** @returns the record of a node */
  byNodeId(nodeId: NodeId): RecordEntry | undefined {
    return this.#byNodeId.get(nodeId);
  }

  /** @returns the record that has this name and is not revoked */
  byName(name: string): MemberRecord | undefined {
    return this.#lookUp().byName.get(name)?.[0];
  }

  /** @returns the records of this name that are not revoked, the one first that keeps it */
  allByName(name: string): readonly MemberRecord[] {
    return this.#lookUp().byName.get(name) ?? [];
  }

  /** @returns of each name that several have the records, the one first that keeps it */
  namesakes(): readonly (readonly MemberRecord[])[] {
    return this.#lookUp().namesakes;
  }

  /** @returns the record that has this address and is not revoked */
  byAddress(address: IpAddress): MemberRecord | undefined {
    return this.#lookUp().byAddress.get(address.toString());
  }

  /** @returns the statement of a node */
  statementOf(nodeId: NodeId): StatementEntry | undefined {
    return this.#statements.get(nodeId);
  }

  /**
   * Reads everything from the store again, which takes what it began with for granted; then `versions` has been reset.
   * @throws StateError when something in it is damaged
   */
  reload(): void {
    if (this.#base === undefined) {
      for (const nodeId of this.#byNodeId.keys()) this.#versions.delete(nodeId, RECORD_SLOT);
      for (const nodeId of this.#statements.keys()) this.#versions.delete(nodeId, STATEMENT_SLOT);
    }
    this.#byKey.reset();
    this.#byNodeId.reset();
    this.#statements.reset();
    this.#tombstones.clear();
    for (const tombstone of this.#base === undefined ? [] : this.#base.store.#tombstones) {
      this.#tombstones.add(tombstone);
    }
    this.#chains.reset();
    this.#forgetDerived();
    const touched = this.#touched = new Set(this.#takeGone());
    for (const [signed, record] of this.#read(RECORDS, (payload) => this.#reader.record(payload))) {
      if (this.#base !== undefined) touched.add(record.nodeId);
      for (const each of this.#keepRecord({ signed, record })) touched.add(each.record.nodeId);
    }
    for (const [signed, statement] of this.#read(STATEMENTS, (payload) => this.#reader.statement(payload))) {
      this.#keepStatement({ signed, statement });
    }
  }

  /** @returns of whom the last `reload` has read something: with a base, only those of whom it says nothing or otherwise */
  reloaded(): Iterable<NodeId> {
    return this.#base === undefined ? this.#byNodeId.keys() : this.#touched;
  }

  /**
   * Keeps a record in place of what its key had, and forgets those that it covers. A statement goes with a record that
   * counts no more, and with the record of another node under the same key.
   * @returns what became of other records
   */
  putRecord(entry: RecordEntry): RecordChanges {
    return this.#store.transaction(() => {
      const { signed, record } = entry;
      const former = this.#byKey.get(keyTagOf(record.publicKey))?.record;
      if (former !== undefined && former.nodeId !== record.nodeId) {
        this.#dropStatement(former.nodeId);
        this.#byNodeId.delete(former.nodeId);
        this.#versions.delete(former.nodeId, RECORD_SLOT);
      }
      this.#store.put(RECORDS, storeKeyOf(record), this.#reader.stored(signed));
      const changed = [...this.#keepRecord(entry)];
      const gone = [...this.#chains.coveredBy(entry)];
      for (const covered of gone) changed.push(...this.#dropRecord(covered));
      for (const tombstone of this.#surplus()) {
        gone.push(tombstone);
        changed.push(...this.#dropRecord(tombstone));
      }
      for (const { record } of [entry, ...changed]) {
        if (!this.counts(record)) this.#dropStatement(record.nodeId);
      }
      this.#forgetDerived();
      const stays = changed.filter((each) => !gone.includes(each));
      return { changed: stays.map(({ record }) => record), gone: gone.map(({ record }) => record) };
    });
  }

  /**
   * Forgets members whose records have expired, when there is no room for another one: those that expired first.
   * @param isForgettable whether a record may go
   * @returns the records that went
   */
  forgetExpired(wall: UnixMillis, isForgettable: (record: MemberRecord) => boolean): readonly MemberRecord[] {
    const expired = this.records().filter(({ record }) =>
      record.expiresAt <= wall && this.counts(record) && isForgettable(record)
    ).toArray().sort((a, b) => a.record.expiresAt - b.record.expiresAt).slice(0, MAX_FORGOTTEN);
    return this.#store.transaction(() => {
      for (const entry of expired) this.#dropRecord(entry);
      this.#forgetDerived();
      return expired.map(({ record }) => record);
    });
  }

  /** Keeps a statement in place of what its node had. */
  putStatement(entry: StatementEntry): void {
    this.#store.put(STATEMENTS, entry.statement.nodeId, this.#reader.stored(entry.signed));
    this.#keepStatement(entry);
  }

  /** Takes away what the store no longer has of what it began with. @returns whose records have gone or count no more */
  *#takeGone(): Generator<NodeId> {
    for (const [key, value] of this.#base?.changes(RECORDS) ?? []) {
      const entry = this.#byKey.get(key.slice(0, KEY_TAG_LENGTH) as KeyTag);
      if (value !== undefined || entry === undefined) continue;
      yield entry.record.nodeId;
      for (const { record } of this.#forgetRecord(entry)) yield record.nodeId;
    }
    for (const [nodeId, value] of this.#base?.changes(STATEMENTS) ?? []) {
      if (value === undefined) this.#forgetStatement(nodeId as NodeId);
    }
  }

  *#read<T>(collection: string, decode: (payload: Uint8Array) => T | undefined): Generator<[Signed, T]> {
    for (const [key, bytes] of this.#base?.changes(collection) ?? this.#store.entries(collection)) {
      if (bytes === undefined) continue;
      const signed = this.#reader.signed(bytes);
      const content = signed && decode(signed.payload);
      if (signed === undefined || content === undefined) {
        throw new StateError(`Cannot read the ${collection} ${key} from the state: it is damaged`);
      }
      yield [signed, content];
    }
  }

  /** @returns the other records that count now and did not, or the other way round */
  #keepRecord(entry: RecordEntry): readonly RecordEntry[] {
    const { record } = entry;
    const key = keyTagOf(record.publicKey);
    const former = this.#byKey.get(key);
    if (former !== undefined) this.#tombstones.delete(former);
    this.#byKey.set(key, entry);
    this.#byNodeId.set(record.nodeId, entry);
    const changed = this.#chains.update(former, entry);
    for (const each of [entry, ...changed]) this.#noteVersion(each);
    return changed;
  }

  /** @returns the other records that count now and did not, or the other way round */
  #dropRecord(entry: RecordEntry): readonly RecordEntry[] {
    this.#store.delete(RECORDS, storeKeyOf(entry.record));
    this.#dropStatement(entry.record.nodeId);
    return this.#forgetRecord(entry);
  }

  #forgetRecord(entry: RecordEntry): readonly RecordEntry[] {
    const { nodeId, publicKey } = entry.record;
    this.#byKey.delete(keyTagOf(publicKey));
    this.#byNodeId.delete(nodeId);
    this.#tombstones.delete(entry);
    this.#versions.delete(nodeId, RECORD_SLOT);
    const changed = this.#chains.update(entry, undefined).filter((each) =>
      this.#byKey.get(keyTagOf(each.record.publicKey)) === each
    );
    for (const each of changed) this.#noteVersion(each);
    return changed;
  }

  /** When there is one tombstone too many, the last one; all that is known of its chain goes with a removal. */
  #surplus(): Iterable<RecordEntry> {
    const last = this.#tombstones.size > MAX_TOMBSTONES ? lastOf(this.#tombstones) : undefined;
    if (last === undefined) return [];
    const isLastWord = isRemoval(last.record);
    return new Set([last, ...isLastWord ? this.#chains.chainOf(keyTagOf(last.record.publicKey)) : []]);
  }

  #noteVersion(entry: RecordEntry): void {
    const { signed, record } = entry;
    const counts = this.counts(record);
    if (counts) this.#tombstones.delete(entry);
    else this.#tombstones.add(entry);
    this.#versions.set(record.nodeId, {
      slot: RECORD_SLOT,
      version: record.version,
      mark: this.#reader.mark(signed.payload),
      isFinal: !counts,
      // What was replaced matters for as long as others may still take it for good.
      expiresAt: isRemoval(record) ? undefined : record.expiresAt,
      isPaused: true,
      signed,
    });
  }

  #dropStatement(nodeId: NodeId): void {
    if (this.#forgetStatement(nodeId)) this.#store.delete(STATEMENTS, nodeId);
  }

  /** @returns whether there was one */
  #forgetStatement(nodeId: NodeId): boolean {
    if (!this.#statements.delete(nodeId)) return false;
    this.#versions.delete(nodeId, STATEMENT_SLOT);
    return true;
  }

  #forgetDerived(): void {
    this.#index = undefined;
    this.#lastTombstone = undefined;
  }

  #keepStatement(entry: StatementEntry): void {
    const { signed, statement: { nodeId, version } } = entry;
    this.#statements.set(nodeId, entry);
    const mark = this.#reader.mark(signed.payload);
    this.#versions.set(nodeId, { slot: STATEMENT_SLOT, version, mark, isFinal: false, signed });
  }

  #lookUp(): RosterIndex {
    return this.#index ??= indexOf(this.records().filter(({ record }) => this.counts(record)));
  }
}

function storeKeyOf({ publicKey }: MemberRecord): string {
  return encodeHex(publicKey.bytes);
}

/** @returns the record that goes first when there are too many */
function lastOf(tombstones: Iterable<RecordEntry>): RecordEntry | undefined {
  let last: RecordEntry | undefined;
  for (const entry of tombstones) {
    if (last === undefined || compareTombstones(entry, last) < 0) last = entry;
  }
  return last;
}

/** @returns above 0 when `a` is kept for longer */
function compareTombstones(a: RecordEntry, b: RecordEntry): number {
  return Number(isRemoval(a.record)) - Number(isRemoval(b.record)) ||
    a.record.expiresAt - b.record.expiresAt || (a.record.nodeId < b.record.nodeId ? 1 : -1);
}
