/**
 * How a roster is kept: one value for each member's record, one for each node's statement.
 * @module
 */

import { encodeHex, StateError, type StateStore } from "../../base/mod.ts";
import type { PublicKey } from "../../crypto/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import type { EntryReader } from "./entry_reader.ts";
import { encodeSigned, type MemberRecord, type NodeStatement, type Signed } from "../records/mod.ts";

/** A record as it came, and what it says. */
export interface RecordEntry {
  readonly signed: Signed;
  readonly record: MemberRecord;
}

/** A statement as it came, and what it says. */
export interface StatementEntry {
  readonly signed: Signed;
  readonly statement: NodeStatement;
}

const RECORDS = "record";
const STATEMENTS = "statement";

/** Reads and writes the collections `record` and `statement`. Signatures were checked before they were written. */
export class RosterStore {
  readonly #store: StateStore;
  readonly #reader: EntryReader;

  constructor(store: StateStore, reader: EntryReader) {
    this.#store = store;
    this.#reader = reader;
  }

  /** @throws StateError when a record is damaged */
  records(): RecordEntry[] {
    return this.#store.entries(RECORDS).map(([key, bytes]) => {
      const signed = this.#reader.signed(bytes);
      const record = signed && this.#reader.record(signed.payload);
      if (signed === undefined || record === undefined) throw damaged("record", key);
      return { signed, record };
    });
  }

  /** @throws StateError when a statement is damaged */
  statements(): StatementEntry[] {
    return this.#store.entries(STATEMENTS).map(([key, bytes]) => {
      const signed = this.#reader.signed(bytes);
      const statement = signed && this.#reader.statement(signed.payload);
      if (signed === undefined || statement === undefined) throw damaged("statement", key);
      return { signed, statement };
    });
  }

  /** Keeps a record, and drops the statement of `without`, in one step. */
  putRecord({ signed, record }: RecordEntry, without: NodeId | undefined): void {
    this.#store.transaction(() => {
      this.#store.put(RECORDS, keyText(record.publicKey), encodeSigned(signed));
      if (without !== undefined) this.#store.delete(STATEMENTS, without);
    });
  }

  putStatement({ signed, statement }: StatementEntry): void {
    this.#store.put(STATEMENTS, statement.nodeId, encodeSigned(signed));
  }
}

/** @returns the key under which a member's record is kept */
export function keyText(publicKey: PublicKey): string {
  return encodeHex(publicKey.bytes);
}

function damaged(what: string, key: string): StateError {
  return new StateError(`Cannot read the ${what} ${key} from the state: it is damaged`);
}
