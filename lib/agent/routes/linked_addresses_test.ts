import assert from "node:assert/strict";
import { Endpoint } from "../../net/mod.ts";
import { LinkedAddresses } from "./linked_addresses.ts";

Deno.test("LinkedAddresses remembers where the last links went until there is another one", () => {
  let now = ["192.168.50.1:51820"];
  const addresses = new LinkedAddresses(() => now.map((text) => Endpoint.parse(text) ?? assert.fail(text)));
  assert.equal(`${addresses.get()}`, "192.168.50.1");
  now = [];
  assert.equal(`${addresses.get()}`, "192.168.50.1");
  now = ["192.0.2.1:443"];
  assert.equal(`${addresses.get()}`, "192.0.2.1");
});
