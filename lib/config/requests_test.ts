import assert from "node:assert/strict";
import fc from "fast-check";
import {
  readCallRequest,
  readDeviceRequest,
  readOfferRequest,
  readPingRequest,
  readPublishRequest,
  readServiceChange,
  readTokenRequest,
} from "./requests.ts";

Deno.test("readTokenRequest() lets a token live for a day unless told otherwise", () => {
  assert.deepEqual(readTokenRequest({}), { value: { lifetimeMs: 86_400_000 } });
  const request = { uses: 1, lifetimeMs: 1000, labels: { role: "web" }, withoutEndpoints: true };
  assert.deepEqual(readTokenRequest(request), { value: request });
});

Deno.test("readDeviceRequest() keeps what is there and adds nothing", () => {
  const request = { name: "phone", publicKey: "k".repeat(44), allowedIps: ["192.0.2.0/24"] };
  assert.deepEqual(readDeviceRequest(request), { value: request });
});

Deno.test("readCallRequest() tells no parameters from null, and keeps all others as they are", () => {
  assert.deepEqual(readCallRequest({ path: "a/b" }), { value: { path: "a/b" } });
  for (const params of [null, 0, "", [1, { a: null }], { __proto__: null, constructor: 1 }]) {
    assert.deepEqual(readCallRequest({ path: "a/b", params }), { value: { path: "a/b", params } });
  }
});

const refused: readonly (readonly [string, () => object, RegExp])[] = [
  ["no object", () => readTokenRequest(7), /^the body /],
  ["an unknown key", () => readTokenRequest({ use: 1 }), /unrecognized keys/],
  ["no uses", () => readTokenRequest({ uses: 0 }), /^uses .*too small/],
  ["half a use", () => readTokenRequest({ uses: 0.5 }), /^uses /],
  ["no life", () => readTokenRequest({ lifetimeMs: 0 }), /^lifetimeMs /],
  ["no name", () => readDeviceRequest({ publicKey: "x" }), /^name /],
  ["a label that is no text", () => readTokenRequest({ labels: { a: 1 } }), /^labels\.a /],
  ["no path", () => readCallRequest({ path: "" }), /^path .*too small/],
  ["a mode that is none", () => readCallRequest({ path: "a", mode: "some" }), /^mode /],
  ["no time", () => readCallRequest({ path: "a", timeoutMs: 0 }), /^timeoutMs .*too small/],
  ["a broadcast mode that is none", () => readPublishRequest({ topic: "a", mode: "leader" }), /^mode /],
  ["a topic that is too long", () => readPublishRequest({ topic: "a".repeat(1025) }), /^topic .*too big/],
  ["a port that is none", () => readOfferRequest({ port: 65_536 }), /^port .*too big/],
  ["no node", () => readServiceChange({ path: "a", node: "" }), /^node .*too small/],
  ["a peer that is no text", () => readPingRequest({ peer: null }), /^peer /],
];
for (const [name, read, says] of refused) {
  Deno.test(`requests with ${name} are refused`, () => {
    const result = read();
    assert("problem" in result && typeof result.problem === "string");
    assert.match(result.problem, says);
  });
}

Deno.test("requests of any shape are read or refused, and what they hold is not repeated", () => {
  fc.assert(fc.property(fc.jsonValue(), (body) => {
    const readers = [readTokenRequest, readDeviceRequest, readPingRequest, readCallRequest];
    for (const read of [...readers, readPublishRequest, readOfferRequest, readServiceChange]) {
      assert.equal(Object.keys(read(body)).length, 1);
    }
  }));
  const secret = "c2VjcmV0".repeat(20);
  const result = readDeviceRequest({ name: "a", publicKey: "b", presharedKey: secret });
  assert("problem" in result && !result.problem.includes("c2VjcmV0"));
});
