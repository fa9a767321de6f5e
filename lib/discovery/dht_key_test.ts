import assert from "node:assert/strict";
import { encodeHex } from "../base/mod.ts";
import { dhtKey } from "./dht_key.ts";

const NETWORK = "000102030405060708090a0b0c0d0e0f";

Deno.test("dhtKey() changes with the day and the network, and with nothing else", () => {
  const keys = [
    dhtKey(NETWORK, 20_778),
    dhtKey(NETWORK, 20_779),
    dhtKey(NETWORK.replace("0f", "10"), 20_778),
  ].map(encodeHex);
  assert.equal(new Set(keys).size, 3);
  assert(keys.every((key) => key.length === 40));
  assert.equal(encodeHex(dhtKey(NETWORK, 20_778)), keys[0]);
});

Deno.test("dhtKey() refuses what is no network's id and no day", () => {
  for (const id of ["", "00", `${NETWORK}00`, "x".repeat(32)]) {
    assert.throws(() => dhtKey(id, 1), RangeError);
  }
  assert.throws(() => dhtKey(NETWORK, 0.5), RangeError);
});
