import assert from "node:assert/strict";
import { MacAddress } from "../../net/mod.ts";
import { frame, mac, type Outcome, SwitchHarness } from "./testing/mod.ts";

function harness(stormLimit: number): SwitchHarness {
  const h = new SwitchHarness();
  h.network(1, { stormLimit });
  h.ports(1, "local", [1, 2]);
  h.ports(1, "remote", [11]);
  for (const port of [1, 2, 11]) h.bind(1, port, mac(port));
  return h;
}

const BROADCAST = frame(mac(1), MacAddress.BROADCAST);
const MULTICAST = frame(mac(1), mac("01:00:5e:01:02:03"));
const UNKNOWN = frame(mac(1), mac(99));

function flooded(outcomes: readonly Outcome[]): number {
  return outcomes.filter((outcome) => typeof outcome !== "string").length;
}

Deno.test("FrameSwitch floods so many frames a second, of each kind for itself, and counts the others", () => {
  const h = harness(10);
  for (
    const [kind, bytes] of [["broadcast", BROADCAST], ["multicast", MULTICAST], ["unknown", UNKNOWN]] as const
  ) {
    const outcomes = Array.from({ length: 15 }, () => h.send(1, bytes));
    assert.equal(flooded(outcomes), 10);
    assert.equal(outcomes.at(-1), `storm-${kind}`);
    assert.equal(h.frames.portCounts(1)?.drops[`storm-${kind}`], 5);
  }
  assert.deepEqual(h.send(1, frame(mac(1), mac(2))), [2]);
  h.advance(100);
  assert.equal(flooded(Array.from({ length: 5 }, () => h.send(1, BROADCAST))), 1);
});

Deno.test("FrameSwitch holds each port to its own limit, also hosts", () => {
  const h = harness(10);
  Array.from({ length: 15 }, () => h.send(1, BROADCAST));
  assert.equal(flooded(Array.from({ length: 15 }, () => h.send(2, frame(mac(2), MacAddress.BROADCAST)))), 10);
  assert.equal(
    flooded(Array.from({ length: 15 }, () => h.send(11, frame(mac(11), MacAddress.BROADCAST)))),
    10,
  );
});

Deno.test("FrameSwitch counts a superpacket as the frames that it is cut into", () => {
  const h = harness(10);
  const large = frame(mac(1), MacAddress.BROADCAST, { payload: new Uint8Array(4_000) });
  assert.equal(flooded(Array.from({ length: 4 }, () => h.send(1, large, 1_000))), 2);
  h.advance(10_000);
  // One that is worth more than a second passes alone.
  assert.equal(flooded(Array.from({ length: 2 }, () => h.send(1, large, 100))), 1);
});

Deno.test("FrameSwitch follows a change of the limit, and 0 is nothing", () => {
  const h = harness(10);
  h.network(1, { stormLimit: 2 });
  assert.equal(flooded(Array.from({ length: 5 }, () => h.send(1, BROADCAST))), 2);
  h.network(1, { stormLimit: 0 });
  h.advance(10_000);
  assert.equal(flooded(Array.from({ length: 5 }, () => h.send(1, BROADCAST))), 0);
});
