/**
 * Tests of packets for paths that are narrower than the MTU, between simulated hosts.
 * @module
 */

import assert from "node:assert/strict";
import { Cidr, internetChecksum, ipPacketLength, putUint16, uint16At } from "../net/mod.ts";
import { checkPathMtu } from "./path_mtu.ts";
import { type Host, innerPacket, Simulation } from "./testing/simulation.ts";

const LIMIT = 1202;
const SEALED_OVERHEAD_BYTES = 32;

function pair(limit: number | undefined = LIMIT): { simulation: Simulation; a: Host; b: Host } {
  const simulation = new Simulation();
  const [a, b] = simulation.addPair();
  simulation.initiate(a, b);
  simulation.advance(200);
  assert.ok(a.device.setPathMtu(b.device.publicKey, limit));
  simulation.sent.length = 0;
  return { simulation, a, b };
}

function packet(from: Host, to: Host, family: 4 | 6, lengthBytes: number, mayBeCut = true): Uint8Array {
  const [source, destination] = family === 4 ? [from.address4, to.address4] : [from.address6, to.address6];
  const out = innerPacket(source, destination, 7, lengthBytes);
  out[family === 4 ? 9 : 6] = 17;
  if (!mayBeCut) out[6] = 0x40;
  return out;
}

function send(simulation: Simulation, from: Host, bytes: Uint8Array): string | undefined {
  const refused = from.device.handlePacket(simulation.now, bytes);
  simulation.advance(50);
  return refused;
}

Deno.test("Device tells this host that a packet is too long for its path, and lets what fits through unpadded", () => {
  for (const [family, told] of [[4, LIMIT], [6, 1280]] as const) {
    const { simulation, a, b } = pair();
    assert.equal(send(simulation, a, packet(a, b, family, LIMIT, family === 6)), undefined);
    assert.deepEqual(simulation.sentBy(a, 4).map(({ datagram }) => datagram.length), [
      LIMIT + SEALED_OVERHEAD_BYTES,
    ]);
    assert.equal(b.received.length, 1);
    const long = packet(a, b, family, 1281, family === 6);
    assert.equal(send(simulation, a, long), "packet-too-long");
    const answer = a.device.pollAnswer() ?? assert.fail();
    assert.equal(ipPacketLength(answer), answer.length);
    const start = family === 4 ? 20 : 40;
    assert.deepEqual([...answer.subarray(start, start + 2)], family === 4 ? [3, 4] : [2, 0]);
    assert.equal(uint16At(answer, start + 6), told);
    if (family === 4) assert.equal(internetChecksum(answer, start, answer.length - start), 0);
    assert.deepEqual(answer.subarray(start + 8, start + 48), long.subarray(0, 40));
    assert.equal(a.device.pollAnswer(), undefined);
    assert.equal(a.dropped("packet-too-long"), 1);
  }
});

Deno.test("Device cuts IPv4 that may be cut, and IPv6 that every link must carry", () => {
  for (const [family, lengthBytes] of [[4, 1420], [6, 1280]] as const) {
    const { simulation, a, b } = pair();
    assert.equal(send(simulation, a, packet(a, b, family, lengthBytes)), undefined);
    assert.equal(b.packets.length, 2);
    const headerBytes = family === 4 ? 20 : 48;
    const carried = b.packets.reduce((sum, each) => sum + each.length - headerBytes, 0);
    assert.equal(carried, lengthBytes - (family === 4 ? 20 : 40));
    assert.ok(
      simulation.sentBy(a, 4).every(({ datagram }) => datagram.length <= LIMIT + SEALED_OVERHEAD_BYTES),
    );
    assert.equal(a.device.pollAnswer(), undefined);
  }
});

Deno.test("Device lowers the segments that TCP names, both ways, also of what waits for a session", () => {
  const { simulation, a, b } = pair();
  const syn = (from: Host, to: Host) => {
    const out = packet(from, to, 4, 44);
    out[9] = 6;
    out.set([0x60, 0x02], 32);
    out.set([2, 4, 1460 >> 8, 1460 & 255], 40);
    return out;
  };
  assert.equal(send(simulation, a, syn(a, b)), undefined);
  assert.equal(send(simulation, b, syn(b, a)), undefined);
  assert.deepEqual([a, b].map(({ packets }) => uint16At(packets[0] ?? assert.fail(), 42)), [
    LIMIT - 40,
    LIMIT - 40,
  ]);
});

Deno.test("Device makes a bounded number of answers, whatever is sent", () => {
  const { simulation, a, b } = pair();
  let answers = 0;
  for (let i = 0; i < 1000; i++) {
    a.device.handlePacket(simulation.now, packet(a, b, 4, 1400, false));
    while (a.device.pollAnswer() !== undefined) answers++;
  }
  assert.equal(answers, 50);
  simulation.advance(100);
  for (let i = 0; i < 100; i++) a.device.handlePacket(simulation.now, packet(a, b, 4, 1400, false));
  while (a.device.pollAnswer() !== undefined) answers++;
  assert.equal(answers, 70);
});

Deno.test("Device takes no limit that its MTU keeps anyway, until that grows, and none when it is taken back", () => {
  const { simulation, a, b } = pair(1450);
  assert.equal(send(simulation, a, packet(a, b, 4, 1420, false)), undefined);
  a.device.setMtu(1500);
  assert.equal(send(simulation, a, packet(a, b, 4, 1451, false)), "packet-too-long");
  a.device.setPathMtu(b.device.publicKey, undefined);
  assert.equal(send(simulation, a, packet(a, b, 4, 1500, false)), undefined);
  assert.throws(() => checkPathMtu(575), RangeError);
  assert.throws(() => checkPathMtu(1300.5), RangeError);
  checkPathMtu(undefined);
});

Deno.test("Device that passes packets on tells the peer that has sent one that is too long for the next path", () => {
  const simulation = new Simulation();
  const [hub, device, member] = [simulation.addHost(), simulation.addHost(), simulation.addHost()];
  simulation.addPeer(device, hub);
  device.device.updatePeer(simulation.now, {
    publicKey: hub.device.publicKey,
    addAllowedIps: blocks(member),
  });
  simulation.addPeer(hub, device, { isForwarded: true }, false);
  simulation.addPeer(hub, member);
  simulation.addPeer(member, hub, { allowedIps: [...blocks(hub), ...blocks(device)] });
  simulation.initiate(device, hub);
  simulation.initiate(hub, member);
  simulation.advance(200);
  hub.device.setPathMtu(member.device.publicKey, LIMIT);
  const long = packet(device, member, 4, 1300, false);
  send(simulation, device, long);
  simulation.advance(200);
  assert.equal(member.packets.length, 0);
  assert.equal(hub.device.pollAnswer(), undefined);
  const [answer = assert.fail()] = device.packets;
  assert.deepEqual([...answer.subarray(20, 22), uint16At(answer, 26)], [3, 4, LIMIT]);
  const short = packet(device, member, 4, 1300);
  putUint16(short, 4, 5);
  send(simulation, device, short);
  simulation.advance(200);
  assert.equal(member.packets.length, 2, "and cuts what may be cut");
});

function blocks({ address4, address6 }: Host): Cidr[] {
  return [Cidr.host(address4), Cidr.host(address6)];
}
