/**
 * Tests of the bounds of superpackets.
 * @module
 */

import assert from "node:assert/strict";
import { MAX_SEND_BYTES, MAX_SEND_SEGMENTS, superpacketBounds } from "./gso_sender.ts";

Deno.test("superpacketBounds() fills one send and no more, and gives what the host takes at every MTU", () => {
  // From the least that an interface takes (RFC 791 §3.2) to the longest inner packet.
  for (let mtuBytes = 68; mtuBytes <= 65_000; mtuBytes += mtuBytes < 2000 ? 1 : 97) {
    const { ipv4, ipv6 } = superpacketBounds(mtuBytes);
    assert.ok(ipv4 >= 2048 && ipv4 <= 65_535 && ipv6 >= 2048 && ipv6 <= 65_535, `${mtuBytes}`);
    if (mtuBytes < 576) continue;
    const packets = (ipv4 - 52) / (mtuBytes - 52);
    assert.ok(
      packets <= MAX_SEND_SEGMENTS && packets * (mtuBytes + 32) <= Math.max(MAX_SEND_BYTES, mtuBytes + 32),
    );
    assert.ok(
      packets === MAX_SEND_SEGMENTS || (packets + 1) * (mtuBytes + 32) > MAX_SEND_BYTES,
      `${mtuBytes}`,
    );
  }
});
