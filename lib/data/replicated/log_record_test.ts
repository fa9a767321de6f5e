import assert from "node:assert/strict";
import {
  decodeMessage,
  type EncodedOperation,
  encodeRecord,
  GROUP_BYTES,
  type LogOperation,
} from "./log_record.ts";

const GROUP = new Uint8Array(GROUP_BYTES);
const encoder = new TextEncoder();

function encoded(...operations: readonly LogOperation[]): Uint8Array {
  const list = operations.map((one): EncodedOperation => ({ kind: one.kind, json: JSON.stringify(one) }));
  return encodeRecord(GROUP, list, 1 << 20)[0] ?? assert.fail();
}

function messageOf(record: unknown): Uint8Array {
  return Uint8Array.of(1, ...encoder.encode(JSON.stringify(record)));
}

const COMMIT: LogOperation = { kind: "commit", commit: { reads: [], writes: [] } };
const PUSH: LogOperation = { kind: "push", queue: "jobs", messages: [{ value: 1 }] };

Deno.test("a record is of version 1 while former releases know all of it, else of version 2", () => {
  const versionOf = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes.subarray(1))).v;
  assert.equal(versionOf(encoded(COMMIT, COMMIT)), 1);
  assert.equal(versionOf(encoded({ kind: "drop", collection: "a" })), 1);
  assert.equal(versionOf(encoded(COMMIT, PUSH)), 2);
  const decoded = decodeMessage(encoded(COMMIT, PUSH));
  assert.deepEqual(decoded.kind === "record" && decoded.record.operations, [COMMIT, PUSH]);
});

Deno.test("decodeMessage() stops at a kind or a version that is unknown, and passes over what is no record", () => {
  const group = "00".repeat(GROUP_BYTES);
  const kindOf = (record: object) => decodeMessage(messageOf({ group, ...record })).kind;
  const cases: readonly (readonly [string, object, string])[] = [
    ["a kind that comes later", { v: 2, operations: [COMMIT, { kind: "later" }] }, "newer"],
    ["a version that comes later", { v: 3, operations: [] }, "newer"],
    ["a kind that its version has not", { v: 1, operations: [PUSH] }, "unreadable"],
    ["no operation", { v: 2, operations: [null] }, "unreadable"],
    ["a queue without a name", { v: 2, operations: [{ ...PUSH, queue: 7 }] }, "unreadable"],
    ["messages that are none", { v: 2, operations: [{ ...PUSH, messages: [null] }] }, "unreadable"],
    ["a take without its request", { v: 2, operations: [{ kind: "take", queue: "a" }] }, "unreadable"],
    ["a settlement of no kind", {
      v: 2,
      operations: [{
        kind: "settle",
        queue: "a",
        holder: "w",
        settlements: [{ kind: "lost", lease: "1-1" }],
      }],
    }, "unreadable"],
    ["a commit without writes", {
      v: 2,
      operations: [{ kind: "finish", queue: "a", holder: "w", lease: "1-1", commit: { reads: [] } }],
    }, "unreadable"],
    ["a collection that is made beside others", {
      v: 2,
      operations: [PUSH, { kind: "drop", collection: "a" }],
    }, "unreadable"],
  ];
  for (const [name, record, expected] of cases) assert.equal(kindOf(record), expected, name);
});
