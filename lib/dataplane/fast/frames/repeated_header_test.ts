import assert from "node:assert/strict";
import { ipPacket } from "../testing/engine_harness.ts";
import {
  blueHarness,
  dropsOf,
  ethernet,
  LOCAL,
  LOCAL_FD,
  OUTER_BYTES,
  outerPacket,
  receive,
  REMOTE,
} from "../testing/blue_network.ts";

Deno.test("RepeatedHeader: the engine takes a packet like the one before as if it were the first, whichever bit differs", () => {
  const frames = [ethernet(REMOTE, LOCAL, ipPacket(2, 1, 200)), ethernet(REMOTE, LOCAL, ipPacket(2, 1, 300))];
  const [first, second] = frames.map((each) => outerPacket(each));
  assert.ok(first && second);
  // The peer itself does not send what has another length, or goes elsewhere.
  const fixed = [0, 2, 3, 16, 17, 18, 19];
  const outcomes = [true, false].map((isRepeated) => {
    const harness = blueHarness();
    harness.greet();
    const seen: string[] = [];
    for (let bit = 0; bit < OUTER_BYTES * 8; bit++) {
      if (fixed.includes(bit >> 3)) continue;
      const changed = second.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (isRepeated) receive(harness, [first]);
      else harness.engine.frames.setOwnAddresses(["10.200.0.1", "fd01:203::1"]);
      harness.calls.written.length = 0;
      harness.calls.writtenTo.clear();
      const before = { ...dropsOf(harness), ...harness.drops, ...harness.device.counters.snapshot() };
      receive(harness, [changed]);
      const after: Record<string, number> = {
        ...dropsOf(harness),
        ...harness.drops,
        ...harness.device.counters.snapshot(),
      };
      const drops = Object.keys(after).filter((reason) => after[reason] !== (before as typeof after)[reason]);
      const [toPort, toHost] = [harness.calls.writtenTo.get(LOCAL_FD) ?? [], harness.calls.written];
      seen.push(
        JSON.stringify([bit, drops, [...toPort, ...toHost].map((each) => each.toHex()), toPort.length]),
      );
    }
    return seen;
  });
  assert.deepEqual(outcomes[0], outcomes[1]);
  // To the port, to the host, of a stranger, unreadable.
  const kinds = outcomes[0]?.map((each) => JSON.parse(each)).map(([, drops, , toPort]) =>
    `${drops} ${toPort}`
  );
  assert.ok(new Set(kinds).size >= 4, JSON.stringify([...new Set(kinds)]));
});
