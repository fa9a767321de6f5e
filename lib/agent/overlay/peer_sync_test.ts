import assert from "node:assert/strict";
import { Endpoint } from "../../net/mod.ts";
import { EndpointRotation } from "./peer_sync.ts";

const [a, b, c] = ["192.0.2.1:1", "192.0.2.2:2", "[2001:db8::3]:3"].map((text) => {
  const endpoint = Endpoint.parse(text);
  assert.ok(endpoint);
  return endpoint;
}) as [Endpoint, Endpoint, Endpoint];

Deno.test("EndpointRotation.next() goes round", () => {
  const rotation = new EndpointRotation();
  assert.equal(rotation.update([a, b, c]), a);
  assert.deepEqual([rotation.next(), rotation.next(), rotation.next()], [b, c, a]);
});

Deno.test("EndpointRotation.next() has nothing to offer beyond one endpoint", () => {
  const rotation = new EndpointRotation();
  assert.equal(rotation.next(), undefined);
  rotation.update([a]);
  assert.equal(rotation.next(), undefined);
  assert.equal(rotation.current, a);
});

Deno.test("EndpointRotation.update() keeps the endpoint in use when it is still there", () => {
  const rotation = new EndpointRotation();
  rotation.update([a, b]);
  rotation.next();
  assert.equal(rotation.update([c, b, a]), b);
  assert.equal(rotation.update([c, a]), c);
  assert.equal(rotation.update([]), undefined);
});
