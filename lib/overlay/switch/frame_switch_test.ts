import assert from "node:assert/strict";
import { MacAddress } from "../../net/mod.ts";
import { arpRequest, frame, mac, SwitchHarness, tagged } from "./testing/mod.ts";

/** Network 1: endpoints 1 and 2 here, bridged ports 3 and 4, hosts 11 and 12 of which 12 has a bridge. */
function harness(): SwitchHarness {
  const h = new SwitchHarness();
  h.network(1);
  h.ports(1, "local", [1, 2]);
  h.ports(1, "local", [3, 4], true);
  h.ports(1, "remote", [11]);
  h.ports(1, "remote", [12], true);
  h.bind(1, 1, mac(1), "10.0.0.1", "fd00::1");
  h.bind(1, 2, mac(2), "10.0.0.2", "fd00::2");
  h.bind(1, 11, mac(0x11), "10.0.0.11", "fd00::11");
  h.fetch();
  return h;
}

Deno.test("FrameSwitch sends to bound addresses, and floods what is for everybody or unknown", () => {
  const h = harness();
  assert.deepEqual(h.send(1, frame(mac(1), mac(2))), [2]);
  assert.deepEqual(h.send(1, frame(mac(1), mac(0x11))), [11]);
  assert.deepEqual(h.send(1, frame(mac(1), MacAddress.BROADCAST)), [2, 3, 4, 11, 12]);
  assert.deepEqual(h.send(1, frame(mac(1), mac("01:00:5e:01:02:03"))), [2, 3, 4, 11, 12]);
  assert.deepEqual(h.send(1, frame(mac(1), mac(99))), [2, 3, 4, 11, 12]);
});

Deno.test("FrameSwitch floods from a host to local ports only", () => {
  const h = harness();
  assert.deepEqual(h.send(11, frame(mac(0x11), MacAddress.BROADCAST)), [1, 2, 3, 4]);
  assert.deepEqual(h.send(12, frame(mac(0x77), mac(0x11))), "split-horizon");
  assert.deepEqual(h.send(11, frame(mac(0x11), mac(0x77))), "split-horizon");
  assert.deepEqual(h.send(11, frame(mac(0x11), mac(0x11))), "same-port");
});

Deno.test("FrameSwitch learns behind bridges, follows moves at once, and forgets after 300 s", () => {
  const h = harness();
  assert.deepEqual(h.send(3, frame(mac(0x55), mac(1))), [1]);
  assert.deepEqual(h.send(1, frame(mac(1), mac(0x55))), [3]);
  assert.deepEqual(h.send(12, frame(mac(0x55), mac(1))), [1]);
  assert.deepEqual(h.send(1, frame(mac(1), mac(0x55))), [12]);
  h.advance(299_000);
  assert.deepEqual(h.send(1, frame(mac(1), mac(0x55))), [12]);
  h.advance(1_000);
  assert.deepEqual(h.send(1, frame(mac(1), mac(0x55))), [2, 3, 4, 11, 12]);
});

Deno.test("FrameSwitch refuses sources that are somebody else's, nobody's, or a group's", () => {
  const h = harness();
  assert.equal(h.send(1, frame(mac(2), mac(0x11))), "forged-mac");
  assert.equal(h.send(3, frame(mac(2), mac(0x11))), "forged-mac");
  assert.equal(h.send(11, frame(mac(2), mac(1))), "forged-mac");
  assert.equal(h.send(1, frame(mac(77), mac(2))), "foreign-mac");
  assert.equal(h.send(11, frame(mac(77), mac(2))), "foreign-mac");
  assert.equal(h.send(3, frame(MacAddress.BROADCAST, mac(2))), "bad-source");
  assert.equal(h.send(3, frame(mac("01:00:5e:00:00:01"), mac(2))), "bad-source");
  assert.equal(h.send(3, frame(mac("00:00:00:00:00:00"), mac(2))), "bad-source");
});

Deno.test("FrameSwitch follows a binding to another port", () => {
  const h = harness();
  h.bind(1, 11, mac(2), "10.0.0.2");
  assert.deepEqual(h.send(1, frame(mac(1), mac(2))), [11]);
  assert.equal(h.send(2, frame(mac(2), mac(1))), "forged-mac");
  h.frames.removeBinding(1, mac(2));
  assert.deepEqual(h.send(1, frame(mac(1), mac(2))), [2, 3, 4, 11, 12]);
});

Deno.test("FrameSwitch answers ARP requests for what is bound elsewhere, and no others", () => {
  const h = harness();
  assert.equal(h.send(1, arpRequest(mac(1), "10.0.0.1", "10.0.0.11")), "answered");
  const [reply] = h.fetch();
  assert.equal(reply?.port, 1);
  assert.equal(
    reply?.frame.toHex(),
    "020000000001" + "020000000011" + "0806" + "0001080006040002" +
      "020000000011" + "0a00000b" + "020000000001" + "0a000001",
  );
  assert.deepEqual(h.send(1, arpRequest(mac(1), "10.0.0.1", "10.0.0.99")), [2, 3, 4, 11, 12]);
  assert.deepEqual(h.send(11, arpRequest(mac(0x11), "10.0.0.11", "10.0.0.1")), [1, 2, 3, 4]);
});

Deno.test("FrameSwitch refuses ARP that speaks for somebody else, also behind tags", () => {
  const h = harness();
  assert.equal(h.send(1, arpRequest(mac(1), "10.0.0.2", "10.0.0.99")), "forged-address");
  assert.equal(h.send(3, arpRequest(mac(0x55), "10.0.0.2", "10.0.0.2")), "forged-address");
  assert.equal(h.send(3, tagged(arpRequest(mac(0x55), "10.0.0.2", "10.0.0.2"), 7, 9)), "forged-address");
  // The frame is from who it says, but the sender inside is not; nobody's is as wrong where all have to be bound.
  for (const inside of [mac(2), mac(0x99)]) {
    const bytes = arpRequest(inside, "10.0.0.77", "10.0.0.99");
    bytes.set(mac(1).toBytes(), 6);
    assert.equal(h.send(1, bytes), "forged-address");
  }
  const group = arpRequest(mac(1), "10.0.0.1", "10.0.0.99");
  group.set(MacAddress.BROADCAST.toBytes(), 22);
  assert.equal(h.send(1, group), "bad-arp");
});

Deno.test("FrameSwitch drops what neighbours say to each other, and what is no frame", () => {
  const h = harness();
  assert.equal(h.send(3, frame(mac(0x55), mac("01:80:c2:00:00:00"))), "reserved");
  assert.equal(h.send(3, frame(mac(0x55), mac("01:80:c2:00:00:0e"))), "reserved");
  assert.deepEqual(h.send(3, frame(mac(0x55), mac("01:80:c2:00:00:10"))), [1, 2, 4, 11, 12]);
  assert.equal(h.send(1, frame(mac(1), mac(2)).subarray(0, 13)), "short-frame");
  assert.equal(h.send(1, tagged(frame(mac(1), mac(2)), 1, 2, 3, 4, 5)), "too-many-tags");
  assert.equal(h.send(99, frame(mac(1), mac(2))), "uncounted");
});

Deno.test("FrameSwitch keeps networks with the same addresses apart", () => {
  const h = harness();
  h.network(2);
  h.ports(2, "local", [101, 102]);
  h.bind(2, 101, mac(1), "10.0.0.1");
  h.bind(2, 102, mac(2), "10.0.0.2");
  assert.deepEqual(h.send(101, frame(mac(1), mac(2))), [102]);
  assert.deepEqual(h.send(1, frame(mac(1), mac(2))), [2]);
  assert.deepEqual(h.send(101, frame(mac(1), MacAddress.BROADCAST)), [102]);
  h.frames.removeNetwork(2);
  assert.equal(h.send(101, frame(mac(1), mac(2))), "uncounted");
  assert.deepEqual(h.send(1, frame(mac(1), mac(2))), [2]);
});

Deno.test("FrameSwitch counts frames and bytes of ports and networks", () => {
  const h = new SwitchHarness();
  h.network(1);
  h.ports(1, "local", [1, 2]);
  h.ports(1, "remote", [11, 12, 13, 14]);
  h.bind(1, 1, mac(1));
  h.bind(1, 2, mac(2));
  h.send(1, frame(mac(1), mac(2)));
  h.send(1, frame(mac(1), MacAddress.BROADCAST));
  h.send(1, frame(mac(3), mac(2)));
  const one = { framesIn: 3, framesOut: 0, bytesIn: 180, bytesOut: 0, drops: { "foreign-mac": 1 } };
  assert.deepEqual(h.frames.portCounts(1), one);
  assert.deepEqual(h.frames.portCounts(2), {
    framesIn: 0,
    framesOut: 2,
    bytesIn: 0,
    bytesOut: 120,
    drops: {},
  });
  assert.deepEqual(h.frames.networkCounts(1), { ...one, framesOut: 6, bytesOut: 360 });
});

Deno.test("FrameSwitch says nothing to a port whose number has become another network's", () => {
  const h = new SwitchHarness();
  h.network(1);
  h.network(2);
  h.ports(1, "local", [1, 2, 3]);
  h.bind(1, 1, mac(1), "10.0.0.1");
  h.bind(1, 2, mac(2), "10.0.0.2");
  assert.equal(h.send(2, arpRequest(mac(2), "10.0.0.2", "10.0.0.1")), "answered");
  h.frames.removePort(2);
  h.ports(2, "local", [2]);
  assert.deepEqual(new Set(h.fetch().map(({ port }) => port)), new Set([1, 3]));
  // Nor does it get there what is bound to it in the former network.
  assert.equal(h.send(1, frame(mac(1), mac(2))), "no-port");
  assert.equal(h.send(2, frame(mac(2), mac(1))), "foreign-mac");
});

Deno.test("FrameSwitch gives an address that is bound twice to the later, and keeps it when the former goes", () => {
  const h = new SwitchHarness();
  h.network(1);
  h.ports(1, "local", [1, 2, 3]);
  h.bind(1, 1, mac(1), "10.0.0.9");
  h.bind(1, 2, mac(2), "10.0.0.9");
  h.bind(1, 3, mac(3), "10.0.0.3");
  h.frames.removeBinding(1, mac(1));
  assert.equal(h.send(3, arpRequest(mac(3), "10.0.0.9", "10.0.0.1")), "forged-address");
  h.frames.removeBinding(1, mac(2));
  assert.deepEqual(h.send(3, arpRequest(mac(3), "10.0.0.9", "10.0.0.1")), [1, 2]);
});

Deno.test("FrameSwitch forgets many addresses a part at a time, and uses none of them meanwhile", () => {
  const h = new SwitchHarness();
  h.network(1);
  h.ports(1, "local", [1]);
  h.ports(1, "local", [2, 3], true);
  h.bind(1, 1, mac(1));
  for (let i = 0; i < 5_000; i++) h.send(2, frame(mac(0x10000 + i), mac(1)));
  assert.equal(h.frames.sizes.learned, 5_000);
  h.advance(300_000);
  assert.equal(h.frames.sizes.learned, 5_000 - 2_048);
  assert.deepEqual(h.send(1, frame(mac(1), mac(0x10000 + 4_999))), [2, 3]);
  for (const left of [5_000 - 2 * 2_048, 0]) {
    assert.equal(h.frames.pollTimeout(), h.now + 10);
    h.advance(10);
    assert.equal(h.frames.sizes.learned, left);
  }
});
