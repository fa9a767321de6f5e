import assert from "node:assert/strict";
import fc from "fast-check";
import { unixMillis } from "../../base/mod.ts";
import { isSignedBy } from "./signed.ts";
import {
  decodeEntry,
  ENTRY_LABEL,
  MAX_ENTRY_LIFETIME_MS,
  signEntry,
  type StateEntry,
} from "./state_entry.ts";
import { START, TestNetwork } from "../testing/test_network.ts";

const network = new TestNetwork(1);
const node = network.node();

function entry(fields: Partial<StateEntry> = {}): StateEntry {
  return {
    networkId: network.identity.id,
    origin: node.id,
    kind: "name",
    key: "web.weft.internal",
    version: 3,
    issuedAt: START,
    expiresAt: unixMillis(START + 1000),
    isDeleted: false,
    body: Uint8Array.of(1, 2, 3),
    ...fields,
  };
}

Deno.test("decodeEntry() gives back what signEntry() was given, signed under its own key alone", () => {
  const signed = signEntry(entry(), node.signingKey);
  assert.deepEqual(decodeEntry(signed.payload), entry());
  assert.ok(isSignedBy(ENTRY_LABEL, signed, node.signingKey.verifyingKey));
  assert.ok(!isSignedBy(ENTRY_LABEL, signed, network.identity.verifyingKey));
});

Deno.test("signEntry() refuses what nobody would accept", () => {
  const wrong: readonly Partial<StateEntry>[] = [
    { kind: "" },
    { kind: "Name" },
    { kind: "x".repeat(33) },
    { key: "two words" },
    { key: "x".repeat(256) },
    { version: 0 },
    { expiresAt: START },
    { expiresAt: unixMillis(START + MAX_ENTRY_LIFETIME_MS + 1) },
    { body: new Uint8Array(3073) },
    { isDeleted: true },
  ];
  for (const fields of wrong) {
    assert.throws(() => signEntry(entry(fields), node.signingKey), RangeError, JSON.stringify(fields));
  }
  assert.ok(signEntry(entry({ isDeleted: true, body: new Uint8Array(0), key: "" }), node.signingKey));
});

Deno.test("decodeEntry() takes no truncated entry for a whole one, and never throws", () => {
  const { payload } = signEntry(entry(), node.signingKey);
  for (let length = 0; length < payload.length; length++) {
    assert.notDeepEqual(decodeEntry(payload.subarray(0, length)), entry(), `${length} bytes`);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void decodeEntry(bytes)));
});
