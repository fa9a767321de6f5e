import assert from "node:assert/strict";
import type { Member } from "../mesh/mod.ts";
import { TestNetwork } from "../mesh/testing/test_network.ts";
import { hasPacketPlane } from "./plain_devices.ts";

Deno.test("hasPacketPlane() goes by what a member says of its interface, not by where it is reached", () => {
  const network = new TestNetwork(91);
  const record = network.record(network.node());
  const { verifyingKey: _, ...device } = record;
  const member = (isRootless: boolean): Member => {
    const statement = { nodeId: record.nodeId, endpoints: [], channelEndpoints: [], labels: {} };
    return { record, statement: { ...statement, isRootless, version: 1, issuedAt: record.issuedAt } };
  };
  const judged = [{ record }, member(false), member(true), { record: device }].map(hasPacketPlane);
  assert.deepEqual(judged, [true, true, false, false]);
});
