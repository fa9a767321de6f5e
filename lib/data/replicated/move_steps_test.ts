import assert from "node:assert/strict";
import type { MoveStep } from "../moves.ts";
import { decodeMessage, encodeRecord, GROUP_BYTES } from "./log_record.ts";

const DECIDE: MoveStep = { kind: "decide", collection: "items", id: "a", hold: 1 };

function messageOf(operation: unknown): Uint8Array {
  const operations = [{ kind: "move", json: JSON.stringify(operation) }] as const;
  return encodeRecord(new Uint8Array(GROUP_BYTES), operations, 1 << 20)[0] ?? assert.fail();
}

Deno.test("a step of a move is of a version that former releases refuse", () => {
  const text = new TextDecoder().decode(messageOf({ kind: "move", step: DECIDE }).subarray(1));
  assert.match(text, /^{"v":2,/);
  const former = new TextEncoder().encode(text.replace('"v":2', '"v":1'));
  assert.equal(decodeMessage(Uint8Array.of(1, ...former)).kind, "unreadable");
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
  const kindOf = (step: unknown) => decodeMessage(messageOf({ kind: "move", step })).kind;
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
