import assert from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../base/mod.ts";
import { NodeIdentity, nodeIdOf, parseNodeId } from "./identity.ts";
import { areLabels, isNodeName, numberedName, toNodeName } from "./node_name.ts";

Deno.test("NodeIdentity derives the same keys from the same seed, and no two alike", () => {
  const one = NodeIdentity.generate(new SeededRandom(1));
  const again = NodeIdentity.fromSeed(one.exposeSeed());
  assert.equal(again.id, one.id);
  assert.equal(again.publicKey.toString(), one.publicKey.toString());
  assert.ok(again.signingKey.verifyingKey.equals(one.signingKey.verifyingKey));
  assert.notDeepEqual(one.publicKey.bytes, one.signingKey.verifyingKey.bytes);
  assert.notEqual(NodeIdentity.generate(new SeededRandom(2)).id, one.id);
  assert.notEqual(nodeIdOf(one.publicKey), one.id);
  assert.equal(parseNodeId(one.id), one.id);
  assert.equal(parseNodeId(one.id.toUpperCase() + "0"), undefined);
  assert.throws(() => NodeIdentity.fromSeed(new Uint8Array(31)), RangeError);
});

Deno.test("NodeIdentity hides its seed", () => {
  const identity = NodeIdentity.generate(new SeededRandom(3));
  const shown = JSON.stringify(identity) + Deno.inspect(identity, { depth: 9 });
  assert.ok(!shown.includes(identity.exposeSeed().toHex()));
  assert.ok(!shown.includes(identity.privateKey.exposeBytes().toBase64()));
});

Deno.test("toNodeName() makes a node name of anything", () => {
  assert.equal(toNodeName("Web_1.example.org"), "web-1");
  assert.equal(toNodeName("-"), "node");
  assert.equal(toNodeName("Ünï"), "n");
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => isNodeName(toNodeName(text))));
  fc.assert(fc.property(fc.string(), fc.integer({ min: 2, max: 70_000 }), (text, number) => {
    assert.ok(isNodeName(numberedName(toNodeName(text), number)));
  }));
});

Deno.test("areLabels() takes what a selector can name", () => {
  assert.ok(areLabels({ role: "web", "example.org/tier": "" }));
  assert.ok(!areLabels({ "": "x" }));
  assert.ok(!areLabels({ a: "b c" }));
  assert.ok(!areLabels(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, ""]))));
});
