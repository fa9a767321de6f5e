/**
 * What a roster consists of: the records and statements that it has taken in, in the store and in memory, and by what
 * they are found.
 * @module
 */

import { encodeHex, StateError, type StateStore } from "../../base/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { IpAddress } from "../../net/mod.ts";
import { isReservedName, type NodeId } from "../identity/mod.ts";
import {
  encodeSigned,
  type MemberRecord,
  type NodeStatement,
  type Signed,
  type SignedReader,
} from "../records/mod.ts";
import { RECORD_SLOT, STATEMENT_SLOT, type VersionIndex } from "../versions/mod.ts";

/** What was signed, and the record in it. */
export interface RecordEntry {
  readonly signed: Signed;
  readonly record: MemberRecord;
}

/** What was signed, and the statement in it. */
export interface StatementEntry {
  readonly signed: Signed;
  readonly statement: NodeStatement;
}

const RECORDS = "record";
const STATEMENTS = "statement";

/** Keeps one record for each public key and one statement for each node. It takes what it is given. */
export class RosterStore {
  readonly #store: StateStore;
  readonly #reader: SignedReader;
  readonly #versions: VersionIndex;
  // The same as the store holds.
  readonly #byKey = new Map<string, RecordEntry>();
  readonly #byNodeId = new Map<NodeId, RecordEntry>();
  readonly #statements = new Map<NodeId, StatementEntry>();
  // Derived from it at the first look-up.
  #index: RosterIndex | undefined;

  /** Holds nothing before `reload`. */
  constructor(store: StateStore, reader: SignedReader, versions: VersionIndex) {
    this.#store = store;
    this.#reader = reader;
    this.#versions = versions;
  }

  /** How many records there are. */
  get size(): number {
    return this.#byKey.size;
  }

  /** @returns all records, each with what was signed */
  records(): Iterable<RecordEntry> {
    return this.#byKey.values();
  }

  /** @returns all statements, each with what was signed */
  statements(): Iterable<StatementEntry> {
    return this.#statements.values();
  }

  /** @returns the record of a public key */
  byKey(publicKey: PublicKey): RecordEntry | undefined {
    return this.#byKey.get(encodeHex(publicKey.bytes));
  }

  /** @returns the record of a node */
  byNodeId(nodeId: NodeId): RecordEntry | undefined {
    return this.#byNodeId.get(nodeId);
  }

  /** @returns the record that has this name and is not revoked */
  byName(name: string): MemberRecord | undefined {
    return this.#lookUp().byName.get(name);
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
   * Reads everything from the store again.
   * @throws StateError when something in it is damaged
   */
  reload(): void {
    for (const nodeId of this.#byNodeId.keys()) this.#versions.delete(nodeId, RECORD_SLOT);
    for (const nodeId of this.#statements.keys()) this.#versions.delete(nodeId, STATEMENT_SLOT);
    this.#byKey.clear();
    this.#byNodeId.clear();
    this.#statements.clear();
    this.#index = undefined;
    for (const [signed, record] of this.#read(RECORDS, (payload) => this.#reader.record(payload))) {
      this.#keepRecord({ signed, record });
    }
    for (const [signed, statement] of this.#read(STATEMENTS, (payload) => this.#reader.statement(payload))) {
      this.#keepStatement({ signed, statement });
    }
  }

  /**
   * Keeps a record in place of what its key had. A statement goes with a revocation, and with the record of another
   * node under the same key.
   */
  putRecord(entry: RecordEntry): void {
    const { signed, record } = entry;
    const key = encodeHex(record.publicKey.bytes);
    const former = this.#byKey.get(key)?.record;
    const isOther = former !== undefined && former.nodeId !== record.nodeId;
    const without = record.revoked || isOther ? former?.nodeId : undefined;
    this.#store.transaction(() => {
      this.#store.put(RECORDS, key, encodeSigned(signed));
      if (without !== undefined) this.#store.delete(STATEMENTS, without);
    });
    if (without !== undefined) {
      this.#statements.delete(without);
      this.#versions.delete(without, STATEMENT_SLOT);
    }
    if (isOther) {
      this.#byNodeId.delete(former.nodeId);
      this.#versions.delete(former.nodeId, RECORD_SLOT);
    }
    this.#keepRecord(entry);
    this.#index = undefined;
  }

  /** Keeps a statement in place of what its node had. */
  putStatement(entry: StatementEntry): void {
    this.#store.put(STATEMENTS, entry.statement.nodeId, encodeSigned(entry.signed));
    this.#keepStatement(entry);
  }

  *#read<T>(collection: string, decode: (payload: Uint8Array) => T | undefined): Generator<[Signed, T]> {
    for (const [key, bytes] of this.#store.entries(collection)) {
      const signed = this.#reader.signed(bytes);
      const content = signed && decode(signed.payload);
      if (signed === undefined || content === undefined) {
        throw new StateError(`Cannot read the ${collection} ${key} from the state: it is damaged`);
      }
      yield [signed, content];
    }
  }

  #keepRecord(entry: RecordEntry): void {
    const { signed, record } = entry;
    const { nodeId, publicKey, version, revoked, expiresAt } = record;
    this.#byKey.set(encodeHex(publicKey.bytes), entry);
    this.#byNodeId.set(nodeId, entry);
    this.#versions.set(nodeId, {
      slot: RECORD_SLOT,
      version,
      mark: this.#reader.mark(signed.payload),
      isFinal: revoked,
      expiresAt: revoked ? undefined : expiresAt,
      signed,
    });
  }

  #keepStatement(entry: StatementEntry): void {
    const { signed, statement: { nodeId, version } } = entry;
    this.#statements.set(nodeId, entry);
    const mark = this.#reader.mark(signed.payload);
    this.#versions.set(nodeId, { slot: STATEMENT_SLOT, version, mark, isFinal: false, signed });
  }

  #lookUp(): RosterIndex {
    return this.#index ??= indexOf(this.#byKey.values());
  }
}

interface RosterIndex {
  readonly byName: ReadonlyMap<string, MemberRecord>;
  readonly byAddress: ReadonlyMap<string, MemberRecord>;
}

/**
 * Names and addresses of the records that are not revoked. Leaders who cannot see each other may give the same name
 * twice; then the lowest node id has it, on every member alike. A reserved name is nobody's: a record of the former
 * release that has one is found by its id and its addresses.
 */
function indexOf(entries: Iterable<RecordEntry>): RosterIndex {
  const byName = new Map<string, MemberRecord>();
  const byAddress = new Map<string, MemberRecord>();
  for (const { record } of entries) {
    if (record.revoked) continue;
    if (!isReservedName(record.name)) keepLowest(byName, record.name, record);
    for (const address of record.addresses) keepLowest(byAddress, address.toString(), record);
  }
  return { byName, byAddress };
}

function keepLowest(index: Map<string, MemberRecord>, key: string, record: MemberRecord): void {
  const holder = index.get(key);
  if (holder === undefined || record.nodeId < holder.nodeId) index.set(key, record);
}
