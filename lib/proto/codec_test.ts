/**
 * Tests of the bounded codec.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeMessage,
  encodeMessage,
  EnvelopeSchema,
  MemberRecordSchema,
  MeshMessageSchema,
  Role,
  ServiceAdvertSchema,
} from "./mod.ts";

Deno.test("encodeMessage() and decodeMessage() are inverse", () => {
  fc.assert(fc.property(fc.string(), fc.uint8Array(), (topic, body) => {
    const bytes = encodeMessage(EnvelopeSchema, { kind: { case: "payload", value: { topic, body } } });
    const decoded = decodeMessage(EnvelopeSchema, bytes);
    // Lone surrogates have no UTF-8 and come back replaced.
    if (!topic.isWellFormed()) return;
    assert.equal(decoded?.kind.case, "payload");
    assert.deepEqual(decoded.kind.value?.$typeName, "weft.channel.v1.Payload");
    if (decoded.kind.case === "payload") {
      assert.equal(decoded.kind.value.topic, topic);
      assert.deepEqual([...decoded.kind.value.body], [...body]);
    }
  }));
});

Deno.test("decodeMessage() gives undefined or a message for any bytes, and never throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
    const record = decodeMessage(MemberRecordSchema, bytes);
    assert.ok(record === undefined || record.$typeName === "weft.mesh.v1.MemberRecord");
  }));
});

Deno.test("decodeMessage() rejects truncated messages and those over the bound", () => {
  const bytes = encodeMessage(MemberRecordSchema, { name: "a name", roles: [Role.MEMBER], version: 7n });
  assert.equal(decodeMessage(MemberRecordSchema, bytes)?.version, 7n);
  assert.equal(decodeMessage(MemberRecordSchema, bytes.subarray(0, 4)), undefined);
  assert.equal(decodeMessage(MemberRecordSchema, bytes, bytes.length - 1), undefined);
});

/** @returns `count` times `item`, inside fields with these tags, the outermost first */
function repeated(tags: readonly number[], item: readonly number[], count: number): Uint8Array {
  let bytes = new Uint8Array(count * item.length);
  for (let i = 0; i < count; i++) bytes.set(item, i * item.length);
  for (const tag of tags.toReversed()) {
    const head = [tag];
    let length = bytes.length;
    for (; length > 127; length = Math.floor(length / 128)) head.push(length % 128 | 128);
    const outer = new Uint8Array(head.length + 1 + bytes.length);
    outer.set([...head, length]);
    outer.set(bytes, head.length + 1);
    bytes = outer;
  }
  return bytes;
}

const EMPTY_ITEMS = [
  { what: "signed records", schema: MeshMessageSchema, tags: [0x1a], item: [0x0a, 0] },
  { what: "origins of a vector", schema: MeshMessageSchema, tags: [0x2a], item: [0x1a, 0] },
  { what: "versions of an origin", schema: MeshMessageSchema, tags: [0x2a, 0x1a], item: [0x12, 0] },
  { what: "the same field again and again", schema: MeshMessageSchema, tags: [], item: [0x22, 0] },
  { what: "labels", schema: MemberRecordSchema, tags: [], item: [0x42, 0] },
  { what: "texts", schema: MemberRecordSchema, tags: [], item: [0x3a, 0] },
  { what: "numbers one by one", schema: MemberRecordSchema, tags: [], item: [0x48, 1] },
  { what: "numbers packed into one field", schema: MemberRecordSchema, tags: [0x4a], item: [1] },
  { what: "services", schema: ServiceAdvertSchema, tags: [], item: [0x12, 0] },
  { what: "actions of a service", schema: ServiceAdvertSchema, tags: [0x12], item: [0x2a, 0] },
] as const;

for (const { what, schema, tags, item } of EMPTY_ITEMS) {
  Deno.test(`decodeMessage() bounds how many items it makes: ${what}`, () => {
    assert.ok(decodeMessage(schema, repeated(tags, item, 4_000)) !== undefined);
    assert.equal(decodeMessage(schema, repeated(tags, item, 400_000)), undefined);
    assert.equal(decodeMessage(schema, repeated(tags, item, 101), 1_000, 100), undefined);
  });
}

Deno.test("decodeMessage() takes a message as long as there may be one, of what is not empty", () => {
  const records = Array.from(
    { length: 8_000 },
    () => ({ payload: new Uint8Array(60), signature: new Uint8Array(64) }),
  );
  const bytes = encodeMessage(MeshMessageSchema, { kind: { case: "rosterUpdate", value: { records } } });
  const kind = decodeMessage(MeshMessageSchema, bytes, bytes.length)?.kind;
  assert.equal(kind?.case === "rosterUpdate" && kind.value.records.length, 8_000);
});
