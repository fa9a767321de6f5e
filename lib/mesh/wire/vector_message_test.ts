import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeMessage, MeshMessageSchema } from "../../proto/mod.ts";
import type { Origin } from "../records/mod.ts";
import { vectorToWire } from "../versions/mod.ts";
import { decodeMeshMessage } from "./mesh_message.ts";
import { encodeVectorMessage } from "./vector_message.ts";

const id = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => bytes.toHex() as Origin);
const slot = fc.record({
  slot: fc.oneof(fc.constantFrom("record", "statement", ""), fc.string({ unit: "binary", maxLength: 80 })),
  version: fc.oneof(fc.nat(300), fc.maxSafeNat()),
  mark: fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  isFinal: fc.boolean(),
});
const vector = fc.record({
  range: fc.option(fc.record({ first: id, last: id }), { nil: undefined }),
  origins: fc.array(fc.record({ origin: id, slots: fc.array(slot, { maxLength: 4 }) }), { maxLength: 40 }),
}).map(({ range, origins }) => ({ ...range && { range }, origins }));

Deno.test("encodeVectorMessage() makes what the generated code makes", () => {
  fc.assert(fc.property(vector, (vector) => {
    const bytes = encodeVectorMessage(vector);
    const value = vectorToWire(vector);
    assert.deepEqual(bytes, encodeMessage(MeshMessageSchema, { kind: { case: "vector", value } }));
    const isRead = vector.origins.every(({ slots }) => slots.every(({ version }) => version > 0));
    const decoded = decodeMeshMessage(bytes);
    if (!isRead) return assert.equal(decoded, undefined);
    assert.ok(decoded?.kind === "vector");
    assert.deepEqual(encodeVectorMessage(decoded.vector), bytes);
  }));
});
