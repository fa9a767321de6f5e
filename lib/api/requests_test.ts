import assert from "node:assert/strict";
import fc from "fast-check";
import { InvalidRequestError } from "./errors.ts";
import { httpRequest, queriedFields, readRequest, requestOf } from "./requests.ts";
import type { Operation, OperationName } from "./operation.ts";
import { OPERATION_ENTRIES, OPERATIONS } from "./operations.ts";

const operation = (name: OperationName) => OPERATIONS[name] as Operation;
const read = (name: OperationName, given: unknown) => readRequest(operation(name), given);

Deno.test("readRequest() lets a token live for a day unless told otherwise", () => {
  assert.deepEqual(read("createToken", {}), { lifetimeMs: 86_400_000 });
  const grants = { offer: ["math"], publish: ["*:orders/>"], names: ["*.apps"] };
  const request = { uses: 1, lifetimeMs: 1000, labels: { role: "web" }, grants, withoutEndpoints: true };
  assert.deepEqual(read("createToken", request), request);
});

Deno.test("readRequest() keeps what is there and adds nothing", () => {
  const request = { name: "phone", publicKey: "k".repeat(44), allowedIps: ["192.0.2.0/24"] };
  assert.deepEqual(read("addDevice", request), request);
});

Deno.test("readRequest() tells no parameters from null, and keeps all others as they are", () => {
  assert.deepEqual(read("call", { path: "a/b" }), { path: "a/b" });
  for (const params of [null, 0, "", [1, { a: null }], { __proto__: null, constructor: 1 }]) {
    assert.deepEqual(read("call", { path: "a/b", params }), { path: "a/b", params });
  }
});

const refused: readonly (readonly [string, OperationName, unknown, RegExp])[] = [
  ["no object", "createToken", 7, /^the body /],
  ["an unknown key", "createToken", { use: 1 }, /unrecognized keys/],
  ["no uses", "createToken", { uses: 0 }, /^uses .*too small/],
  ["half a use", "createToken", { uses: 0.5 }, /^uses /],
  ["no life", "createToken", { lifetimeMs: 0 }, /^lifetimeMs /],
  ["no name", "addDevice", { publicKey: "x" }, /^name /],
  ["a label that is no text", "createToken", { labels: { a: 1 } }, /^labels\.a /],
  ["a grant that is no pattern", "createToken", { grants: { offer: ["a b"] } }, /^grants\.offer/],
  ["a kind of grant that is none", "createToken", { grants: { claimed: ["a"] } }, /unrecognized keys/],
  ["no path", "call", { path: "" }, /^path .*too small/],
  ["a mode that is none", "call", { path: "a", mode: "some" }, /^mode /],
  ["no time", "call", { path: "a", timeoutMs: 0 }, /^timeoutMs .*too small/],
  ["a broadcast mode that is none", "publish", { topic: "a", mode: "leader" }, /^mode /],
  ["a topic that is too long", "publish", { topic: "a".repeat(1025) }, /^topic .*too big/],
  ["a port that is none", "offer", { port: 65_536 }, /^port .*too big/],
  ["no node", "pauseService", { path: "a", node: "" }, /^node .*too small/],
  ["a peer that is no text", "ping", { peer: null }, /^peer /],
];
for (const [what, name, request, says] of refused) {
  Deno.test(`readRequest() refuses ${name} with ${what}`, () => {
    assert.throws(() => read(name, request), (error) => {
      assert(error instanceof InvalidRequestError);
      assert.match(error.message.replace("Cannot read the request: ", ""), says);
      return true;
    });
  });
}

Deno.test("readRequest() reads or refuses requests of any shape, and does not repeat what they hold", () => {
  fc.assert(fc.property(fc.jsonValue(), (given) => {
    for (const [, operation] of OPERATION_ENTRIES) {
      try {
        assert.equal(typeof readRequest(operation, given), "object");
      } catch (error) {
        assert(error instanceof InvalidRequestError);
      }
    }
  }));
  const presharedKey = "c2VjcmV0".repeat(20);
  assert.throws(() => read("addDevice", { name: "a", publicKey: "b", presharedKey }), (error) => {
    return error instanceof InvalidRequestError && !error.message.includes("c2VjcmV0");
  });
});

const asked: readonly (readonly [OperationName, readonly unknown[], string, unknown])[] = [
  ["status", [], "GET /status", undefined],
  ["rotateKey", [], "POST /rotate-key", undefined],
  ["createToken", [{ lifetimeMs: 1 }], "POST /tokens", { lifetimeMs: 1 }],
  ["revokeToken", ["a/b"], "DELETE /tokens/a%2Fb", undefined],
  ["removeName", [{ name: "db", type: "A" }], "DELETE /dns/db?type=A", undefined],
  ["resolveName", ["web-1", undefined], "POST /dns/query", { name: "web-1" }],
  ["subscribe", [{ pattern: "a/>", past: true }], "GET /subscribe?pattern=a%2F%3E&past=1", undefined],
  ["subscribe", [{ pattern: "a", past: false }], "GET /subscribe?pattern=a", undefined],
];
for (const [name, args, route, body] of asked) {
  Deno.test(`httpRequest() asks ${name} of ${JSON.stringify(args)} by ${route}`, () => {
    const request = httpRequest(operation(name), requestOf(operation(name), args) as Record<string, unknown>);
    assert.equal(`${request.method} ${request.path}`, route);
    assert.deepEqual(request.body, body);
  });
}

Deno.test("queriedFields() takes what the operation knows, and 1 is true", () => {
  const said = queriedFields(operation("subscribe"), { pattern: "a", past: "1", utm: "x" });
  assert.deepEqual(read("subscribe", said), { pattern: "a", past: true });
  assert.deepEqual(read("subscribe", { pattern: "a", past: "0" }), { pattern: "a", past: false });
  assert.deepEqual(queriedFields(operation("status"), { a: "1" }), {});
});
