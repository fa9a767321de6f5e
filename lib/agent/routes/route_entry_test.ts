import assert from "node:assert/strict";
import { unixMillis } from "../../base/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { decisionKey, decodeDecision, decodeOffer, encodeDecision, encodeOffer } from "./route_entry.ts";

const LAN = Cidr.parse("192.168.50.0/24") ?? assert.fail();
const NODE = "0123456789abcdef0123456789abcdef" as NodeId;
const DECISION = {
  masquerade: true,
  rejected: false,
  offerVersion: 1_790_000_000_000,
  decidedBy: NODE,
  decidedAt: unixMillis(1_790_000_000_001),
};

Deno.test("decodeDecision() reads what encodeDecision() wrote, and nothing of a body that was cut or changed", () => {
  const key = decisionKey(LAN, NODE);
  const body = encodeDecision(DECISION);
  assert.deepEqual(decodeDecision(key, body), { ...DECISION, prefix: LAN, nodeId: NODE });
  for (let length = 0; length < body.length; length++) {
    // What is left of it may be a message, but never one that names a leader and is whole.
    const read = decodeDecision(key, body.subarray(0, length));
    assert(read === undefined || read.decidedAt !== DECISION.decidedAt);
  }
  for (let at = 0; at < body.length; at++) {
    const flipped = body.slice();
    flipped[at] = (flipped[at] ?? 0) ^ 0x80;
    assert.notDeepEqual(decodeDecision(key, flipped), { ...DECISION, prefix: LAN, nodeId: NODE });
  }
});

Deno.test("decodeDecision() reads no key that is written another way", () => {
  const body = encodeDecision(DECISION);
  const keys = [
    "",
    "@",
    `${LAN}`,
    `${LAN}@`,
    `${LAN}@${NODE}0`,
    `192.168.50.9/24@${NODE}`,
    `192.168.050.0/24@${NODE}`,
  ];
  for (const key of keys) assert.equal(decodeDecision(key, body), undefined, key);
});

Deno.test("decodeOffer() reads what encodeOffer() wrote", () => {
  for (const offer of [{ masquerade: true, withdrawn: false }, { masquerade: false, withdrawn: true }]) {
    assert.deepEqual(decodeOffer(`${LAN}`, encodeOffer(offer)), { ...offer, prefix: LAN });
  }
  assert.equal(
    decodeOffer("192.168.50.1/24", encodeOffer({ masquerade: true, withdrawn: false })),
    undefined,
  );
  assert.equal(decodeOffer(`${LAN}`, Uint8Array.of(0xff)), undefined);
});
