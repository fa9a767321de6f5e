/**
 * What the messages of a log say. A record that is longer than a message is cut into parts.
 *
 * ```
 *   1 | JSON                                          a record
 *   2 | group 16 bytes | index u16 | parts u16 | …    a part of one
 *   (nothing)                                         whoever reads up to here has read what was before
 * ```
 *
 * | v | whoever does not know it |
 * | --- | --- |
 * | 1 | commits, and collections made and dropped: all releases know these |
 * | 2 | others as well, each by its kind: who does not know one of them stops, since others do what it says |
 *
 * @module
 */

import { concatBytes, encodeHex } from "../../base/mod.ts";
import type { CollectionSpec, Commit, ReadMark, Write } from "../engine.ts";
import type { MoveStep } from "../moves.ts";
import { isMoveStep } from "./move_steps.ts";
import { isQueueKind, isQueueOperation, type QueueOperation } from "./queue_operations.ts";
import { isTransactionStep, type TransactionStep } from "./transaction_operations.ts";

/** What is done to collections and queues. */
export type LogOperation =
  | QueueOperation
  | { readonly kind: "commit"; readonly commit: Commit }
  | { readonly kind: "create"; readonly spec: CollectionSpec }
  | { readonly kind: "drop"; readonly collection: string }
  | { readonly kind: "move"; readonly step: MoveStep }
  | { readonly kind: "transaction"; readonly step: TransactionStep };

/** Operations that stand in the log together, one after the other. Each fails or not by itself. */
export interface LogRecord {
  /** By which it was written. */
  readonly version: number;
  /** Who has appended it finds its own by this. */
  readonly group: string;
  readonly operations: readonly LogOperation[];
}

/** A part of a record. */
export interface RecordPart {
  readonly group: string;
  readonly index: number;
  readonly parts: number;
  readonly bytes: Uint8Array;
}

/** What a message holds. */
export type LogContent =
  | { readonly kind: "record"; readonly record: LogRecord }
  | { readonly kind: "part"; readonly part: RecordPart }
  | { readonly kind: "nothing" }
  /** Of a later version: who can't read it must not go on, since others do what it says. */
  | { readonly kind: "newer" }
  /** Not weft's; nobody does anything. */
  | { readonly kind: "unreadable" };

/** So many operations stand in one record at most. */
export const MAX_GROUP_OPERATIONS = 256;
/** The length of a group's id in bytes. */
export const GROUP_BYTES = 16;

/** The newest version of records, and of copies that have done what such ones say. */
export const RECORD_VERSION = 2;

/** What former releases read: all that is of these kinds alone is written as that. */
const FORMER_VERSION = 1;
const FORMER_KINDS: ReadonlySet<unknown> = new Set(["commit", "create", "drop"]);
const RECORD = 1;
const PART = 2;
const PART_HEADER = 1 + GROUP_BYTES + 4;
const MAX_PARTS = 0xffff;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const KINDS: ReadonlySet<unknown> = new Set(["put", "post", "patch", "delete"]);

/** What stands in a record: its kind, and all of it as JSON. */
export interface EncodedOperation {
  readonly kind: LogOperation["kind"];
  readonly json: string;
}

/**
 * @param group of `GROUP_BYTES`
 * @returns one message, or several when it is longer than one may be
 */
export function encodeRecord(
  group: Uint8Array,
  operations: readonly EncodedOperation[],
  maxBytes: number,
): Uint8Array[] {
  const version = operations.every(({ kind }) => FORMER_KINDS.has(kind)) ? FORMER_VERSION : RECORD_VERSION;
  const list = operations.map(({ json }) => json).join();
  const json = encoder.encode(`{"v":${version},"group":"${encodeHex(group)}","operations":[${list}]}`);
  if (json.length < maxBytes) return [concatBytes(Uint8Array.of(RECORD), json)];
  const room = maxBytes - PART_HEADER;
  const parts = Math.ceil(json.length / room);
  if (room < 1 || parts > MAX_PARTS) throw new RangeError(`Cannot cut ${json.length} bytes into messages`);
  return Array.from({ length: parts }, (_, index) => {
    const header = new Uint8Array(PART_HEADER);
    header[0] = PART;
    header.set(group, 1);
    const view = new DataView(header.buffer);
    view.setUint16(1 + GROUP_BYTES, index);
    view.setUint16(3 + GROUP_BYTES, parts);
    return concatBytes(header, json.subarray(index * room, (index + 1) * room));
  });
}

/** Reads a message; never throws. */
export function decodeMessage(bytes: Uint8Array): LogContent {
  if (bytes.length === 0) return { kind: "nothing" };
  if (bytes[0] === RECORD) return decodeRecord(bytes.subarray(1));
  if (bytes[0] !== PART || bytes.length <= PART_HEADER) return { kind: "unreadable" };
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [index, parts] = [view.getUint16(1 + GROUP_BYTES), view.getUint16(3 + GROUP_BYTES)];
  if (index >= parts) return { kind: "unreadable" };
  const group = encodeHex(bytes.subarray(1, 1 + GROUP_BYTES));
  return { kind: "part", part: { group, index, parts, bytes: bytes.subarray(PART_HEADER) } };
}

/** Reads the JSON of a record; never throws. */
export function decodeRecord(json: Uint8Array): LogContent {
  try {
    const { v, group, operations } = JSON.parse(decoder.decode(json));
    if (Number.isInteger(v) && v > RECORD_VERSION) return { kind: "newer" };
    const isFormer = v === FORMER_VERSION;
    if (v === RECORD_VERSION && Array.isArray(operations) && operations.some(isOfUnknownKind)) {
      return { kind: "newer" };
    }
    if (isFormer && Array.isArray(operations) && !operations.every((one) => FORMER_KINDS.has(one?.kind))) {
      return { kind: "unreadable" };
    }
    const isOne = (isFormer || v === RECORD_VERSION) && typeof group === "string" &&
      Array.isArray(operations) &&
      operations.every(isOperation);
    if (isOne && isGroup(operations)) return { kind: "record", record: { version: v, group, operations } };
  } catch {
    // No JSON.
  }
  return { kind: "unreadable" };
}

/** Whether it is done together with others; what changes collections stands alone. */
export function isGrouped(kind: LogOperation["kind"]): boolean {
  return kind !== "create" && kind !== "drop" && kind !== "move";
}

function isGroup(operations: readonly LogOperation[]): boolean {
  return operations.length === 1 ||
    (operations.length <= MAX_GROUP_OPERATIONS && operations.every(({ kind }) => isGrouped(kind)));
}

/** What is no operation at all is nobody's. */
function isOfUnknownKind(operation: LogOperation | null): boolean {
  const kind: unknown = operation?.kind;
  return typeof kind === "string" && !FORMER_KINDS.has(kind) && !isQueueKind(kind) && kind !== "move" &&
    kind !== "transaction";
}

/** Only as far as reading it needs; what it says is checked when it is done. */
function isOperation(value: LogOperation | null): value is LogOperation {
  if (typeof value !== "object" || value === null) return false;
  switch (value.kind) {
    case "commit":
      return isCommit(value.commit);
    case "create":
      return isObject(value.spec);
    case "drop":
      return typeof value.collection === "string";
    case "move":
      return isMoveStep(value.step);
    case "transaction":
      return isTransactionStep(value.step, isCommit);
    default:
      return isQueueKind(value.kind) && isQueueOperation(value, isCommit);
  }
}

function isCommit(commit: Commit): boolean {
  return isObject(commit) && (commit.id === undefined || typeof commit.id === "string") &&
    (commit.origin === undefined || typeof commit.origin === "string") &&
    Array.isArray(commit.reads) && commit.reads.every(isMark) &&
    Array.isArray(commit.writes) && commit.writes.every(isWrite);
}

function isMark(mark: ReadMark): boolean {
  return isObject(mark) && typeof mark.collection === "string" && Number.isSafeInteger(mark.revision);
}

function isWrite(write: Write): boolean {
  return isObject(write) && KINDS.has(write.kind) && typeof write.collection === "string";
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
