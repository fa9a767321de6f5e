import assert from "node:assert/strict";
import { readEndpoints } from "./signed.ts";

Deno.test("readEndpoints() takes what can be reached, each address in one form", () => {
  assert.equal(readEndpoints(["192.0.2.1:1", "[2001:db8::1]:65535"], 2)?.length, 2);
  const refused = [
    "192.0.2.1:0",
    "0.0.0.0:1",
    "[::]:1",
    "224.0.0.1:1",
    "[ff02::1]:1",
    "[::ffff:10.200.0.1]:1",
    "[::ffff:0.0.0.0]:1",
    "[::ffff:224.0.0.1]:1",
    "weft.example:1",
  ];
  for (const text of refused) assert.equal(readEndpoints([text], 8), undefined, text);
  assert.equal(readEndpoints(["192.0.2.1:1", "192.0.2.2:1"], 1), undefined, "too many");
});
