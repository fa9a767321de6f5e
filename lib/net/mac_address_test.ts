import assert from "node:assert/strict";
import { MacAddress } from "./mac_address.ts";

Deno.test("MacAddress.parse() takes colons or hyphens, and prints lower case with colons", () => {
  assert.equal(String(MacAddress.parse("02:42:AC:11:00:02")), "02:42:ac:11:00:02");
  assert.equal(String(MacAddress.parse("ff-ff-ff-ff-ff-ff")), "ff:ff:ff:ff:ff:ff");
});

Deno.test("MacAddress.parse() refuses what is no address", () => {
  for (
    const text of [
      "",
      "02:42:ac:11:00",
      "02:42:ac:11:00:02:03",
      "02:42-ac:11:00:02",
      "0242ac110002",
      "g2:42:ac:11:00:02",
    ]
  ) {
    assert.equal(MacAddress.parse(text), undefined, text);
  }
});

Deno.test("MacAddress knows groups and local addresses, and survives bytes", () => {
  const mac = MacAddress.parse("02:42:ac:11:00:02") ?? assert.fail();
  assert.ok(mac.isLocal && !mac.isGroup);
  assert.ok(MacAddress.BROADCAST.isGroup);
  assert.ok(MacAddress.fromBytes(mac.toBytes()).equals(mac));
  assert.equal(JSON.stringify(mac), '"02:42:ac:11:00:02"');
});
