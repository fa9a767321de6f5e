/**
 * Tests of the bounded codec.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeMessage, encodeMessage, EnvelopeSchema, MemberRecordSchema, Role } from "./mod.ts";

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
