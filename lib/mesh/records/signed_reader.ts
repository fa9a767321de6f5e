/**
 * Reading what is signed, as a port: a simulation of thousands of nodes reads every payload once for all of them.
 * @module
 */

import { blake2s, type VerifyingKey } from "../../crypto/mod.ts";
import { decodeRecord, type MemberRecord } from "./member_record.ts";
import { decodeStatement, type NodeStatement } from "./node_statement.ts";
import { decodeSigned, encodeSigned, isSignedBy, type Signed } from "./signed.ts";
import { decodeEntry, type StateEntry } from "./state_entry.ts";

/** Reads payloads and checks signatures. Nothing throws. */
export interface SignedReader {
  /** @returns what a store holds, or undefined when it is malformed */
  signed(bytes: Uint8Array): Signed | undefined;
  /** @returns what a store is to hold; treat it as immutable */
  stored(signed: Signed): Uint8Array;
  /** @returns the record, its signature not checked, or undefined when it is malformed */
  record(payload: Uint8Array): MemberRecord | undefined;
  /** @returns the statement, its signature not checked, or undefined when it is malformed */
  statement(payload: Uint8Array): NodeStatement | undefined;
  /** @returns the entry, its signature not checked, or undefined when it is malformed */
  entry(payload: Uint8Array): StateEntry | undefined;
  /** @returns a number of 64 bits that tells this payload from any other */
  mark(payload: Uint8Array): bigint;
  /** Whether the holder of `key` signed this under `label`. */
  isSignedBy(label: string, signed: Signed, key: VerifyingKey): boolean;
}

/** Reads everything anew each time. */
export const PLAIN_READER: SignedReader = {
  signed: decodeSigned,
  stored: encodeSigned,
  record: decodeRecord,
  statement: decodeStatement,
  entry: decodeEntry,
  mark: (payload) => new DataView(blake2s(payload).buffer).getBigUint64(0),
  isSignedBy,
};
