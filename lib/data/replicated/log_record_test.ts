import assert from "node:assert/strict";
import type { MoveStep } from "../moves.ts";
import { decodeMessage, encodeRecord, GROUP_BYTES, type LogOperation, VERSION } from "./log_record.ts";

const GROUP = new Uint8Array(GROUP_BYTES);
const DECIDE: MoveStep = { kind: "decide", collection: "items", id: "a", hold: 1 };

function messageOf(operation: unknown, version?: number): Uint8Array {
  const [message] = encodeRecord(GROUP, [JSON.stringify(operation)], 1 << 20, version);
  return message ?? assert.fail();
}

Deno.test("records of moves are of a version that former releases refuse, and all others are not", () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(1));
  const move = messageOf({ kind: "move", step: DECIDE } satisfies LogOperation, VERSION);
  assert.match(text(move), /^{"v":2,/);
  assert.match(text(messageOf({ kind: "drop", collection: "items" })), /^{"v":1,/);
  assert.equal(decodeMessage(move).kind, "record");
  assert.equal(decodeMessage(messageOf({ kind: "move", step: DECIDE })).kind, "unreadable");
  assert.equal(decodeMessage(messageOf({ kind: "drop", collection: "items" }, 3)).kind, "newer");
});

Deno.test("decodeMessage() reads no step of a move that lacks what it needs", () => {
  const fill: MoveStep = {
    ...{ kind: "fill", collection: "items", id: "a", part: 0, entries: [], changes: [] },
    commits: [{ id: "t", origin: "", revisions: [1] }],
  };
  const spec = { name: "items", key: "id", index: [] };
  const steps: readonly MoveStep[] = [
    ...[DECIDE, fill],
    { kind: "begin", collection: "items", id: "a", by: "n" },
    { kind: "hold", collection: "items", id: "a", hold: 1, forMs: 9 },
    { kind: "abort", collection: "items" },
    { kind: "clean", collection: "items", id: "a" },
    { kind: "receive", spec, id: "a", revision: 1 },
    { kind: "publish", spec, id: "a" },
    { kind: "discard", collection: "items", id: "a" },
  ];
  const kindOf = (step: unknown) => decodeMessage(messageOf({ kind: "move", step }, VERSION)).kind;
  for (const step of steps) {
    assert.equal(kindOf(step), "record", step.kind);
    for (const name of Object.keys(step)) {
      assert.equal(kindOf({ ...step, [name]: undefined }), "unreadable", `${step.kind} without ${name}`);
    }
  }
  assert.equal(kindOf({ ...fill, commits: [{ id: "t", origin: "" }] }), "unreadable");
  assert.equal(kindOf({ ...fill, entries: [null] }), "unreadable");
  assert.equal(kindOf(null), "unreadable");
});
