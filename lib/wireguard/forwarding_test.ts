import assert from "node:assert/strict";
import { Cidr } from "../net/mod.ts";
import { type Host, innerPacket, parseCidr, Simulation } from "./testing/simulation.ts";

const OVERLAY = [parseCidr("10.200.0.0/24"), parseCidr("fd00::/64")];

/** A device whose only peer is the hub, and two members that know the hub and each other. */
function hubNetwork(options: { readonly hubMtuBytes?: number } = {}): {
  readonly simulation: Simulation;
  readonly hub: Host;
  readonly device: Host;
  readonly a: Host;
  readonly b: Host;
} {
  const simulation = new Simulation();
  const hub = simulation.addHost(options.hubMtuBytes ? { mtuBytes: options.hubMtuBytes } : {});
  const [device, a, b] = [simulation.addHost(), simulation.addHost(), simulation.addHost()];
  const own = ({ address4, address6 }: Host) => [Cidr.host(address4), Cidr.host(address6)];
  simulation.addPeer(device, hub, { allowedIps: OVERLAY });
  simulation.addPeer(hub, device, { isForwarded: true }, false);
  for (const member of [a, b]) {
    simulation.addPeer(hub, member);
    simulation.addPeer(member, hub, { allowedIps: [...own(hub), ...own(device)] });
  }
  simulation.addPeer(a, b);
  simulation.addPeer(b, a);
  simulation.initiate(device, hub);
  simulation.advance(200);
  return { simulation, hub, device, a, b };
}

Deno.test("Device passes packets on between a plain device and members, both ways and in both families", () => {
  const { simulation, hub, device, a, b } = hubNetwork();
  for (const family of [4, 6]) {
    const there = [simulation.send(device, a, { family }), simulation.send(device, b, { family })];
    simulation.advance(500);
    const back = [simulation.send(a, device, { family }), simulation.send(b, device, { family })];
    simulation.advance(500);
    assert.deepEqual([a.received.splice(0), b.received.splice(0)], there.map((id) => [id]));
    assert.deepEqual(device.received.splice(0), back);
  }
  // One hop further, for whoever counts them.
  const hopLimits = a.packets.map((packet) => (packet[0] ?? 0) >> 4 === 4 ? packet[8] : packet[7]);
  assert.deepEqual(hopLimits, [63, 63]);
  assert.deepEqual(hub.received, []);
  const own = simulation.send(device, hub);
  simulation.advance(200);
  assert.deepEqual(hub.received, [own]);
});

Deno.test("Device passes nothing on between members, nor what a device may not send", () => {
  const { simulation, hub, device, a, b } = hubNetwork();
  // A member that sends what is for another one to the hub: that is the host's business, as ever.
  a.device.setPeer(simulation.now, {
    publicKey: hub.device.publicKey,
    endpoint: hub.endpoint,
    allowedIps: OVERLAY,
  });
  a.device.removePeer(b.device.publicKey);
  const astray = simulation.send(a, b);
  simulation.advance(500);
  assert.deepEqual([b.received, hub.received], [[], [astray]]);
  device.device.handlePacket(simulation.now, innerPacket(a.address4, b.address4, 99));
  simulation.advance(500);
  assert.deepEqual(b.received, []);
  assert.equal(hub.dropped("source-not-allowed"), 1);
});

Deno.test("Device passes on nothing more for a peer that is none any more, or is no device any more", () => {
  const { simulation, hub, device, a } = hubNetwork();
  simulation.send(device, a);
  simulation.advance(500);
  assert.equal(a.received.length, 1);
  simulation.addPeer(hub, device, {}, false);
  assert.ok(!hub.device.forwarding.isOn);
  simulation.send(device, a);
  simulation.advance(500);
  assert.deepEqual([a.received.length, hub.received.length], [1, 1]);
  simulation.addPeer(hub, device, { isForwarded: true }, false);
  assert.ok(hub.device.forwarding.isOn);
  hub.device.removePeer(device.device.publicKey);
  assert.ok(!hub.device.forwarding.isOn);
});

Deno.test("Device passes nothing on to who can't be sent to, and tells the host nothing of it", () => {
  const { simulation, hub, device } = hubNetwork();
  const silent = simulation.addHost();
  simulation.addPeer(hub, silent, {}, false);
  simulation.send(device, silent);
  simulation.advance(500);
  assert.deepEqual([hub.received, hub.dropped("no-endpoint")], [[], 1]);
  // ICMP: the host is unreachable. A program of the device fails at once.
  const answer = device.packets.pop() ?? assert.fail("no answer");
  assert.deepEqual([...answer.subarray(12, 16)], [...silent.address4.bytes]);
  assert.deepEqual([...answer.subarray(20, 22)], [3, 1]);
});

Deno.test("Device tells who sends what does not fit, and stops what has come too far", () => {
  const { simulation, hub, device, a } = hubNetwork({ hubMtuBytes: 1280 });
  for (const family of [4, 6]) {
    simulation.send(device, a, { family, lengthBytes: 1400 });
    simulation.advance(500);
    const answer = device.packets.pop() ?? assert.fail("no answer");
    assert.deepEqual(
      [...answer.subarray(family === 4 ? 20 : 40)].slice(0, 2),
      family === 4 ? [3, 4] : [2, 0],
    );
  }
  assert.deepEqual([a.received, hub.dropped("packet-too-long")], [[], 2]);
  const last = innerPacket(device.address4, a.address4, 7);
  last[8] = 1;
  device.device.handlePacket(simulation.now, last);
  simulation.advance(500);
  assert.deepEqual([a.received, hub.dropped("hop-limit-exceeded")], [[], 1]);
});
