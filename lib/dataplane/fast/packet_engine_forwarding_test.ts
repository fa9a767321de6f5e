/**
 * Tests of the engine of a hub, on system calls in memory: what comes from a plain device goes on as whole superpackets.
 * @module
 */

import assert from "node:assert/strict";
import { type BatchCipher, PrivateKey, selectAead, WasmBatchCipher } from "../../crypto/mod.ts";
import { Cidr, Endpoint, internetChecksum } from "../../net/mod.ts";
import { Device } from "../../wireguard/mod.ts";
import { unixMillis } from "../../base/mod.ts";
import { PlainBatchCipher } from "./plain_batch_cipher.ts";
import { longestPacketBytes, splitSuperpacket, VIRTIO_HEADER_BYTES } from "./superpacket.ts";
import { EngineHarness, HARNESS_PAGES, ipPacket, peerEndpoint } from "./testing/engine_harness.ts";
import { nativeCiphers } from "./testing/native_ciphers.ts";
import { makeSuperpacket } from "./testing/superpackets.ts";

const ciphers: readonly (readonly [string, () => BatchCipher])[] = [
  ["the WebAssembly cipher", () => new WasmBatchCipher(HARNESS_PAGES)],
  ...nativeCiphers,
  ["the plain cipher", () => new PlainBatchCipher(selectAead(), HARNESS_PAGES)],
];
const memberEndpoint = Endpoint.parse("192.0.2.3:51820") ?? assert.fail();

function cidr(text: string): Cidr {
  return Cidr.parse(text) ?? assert.fail(text);
}

/** The engine of a hub, whose harness's peer is its plain device, and a member with a session. */
function hubHarness(cipher: BatchCipher): { readonly harness: EngineHarness; readonly member: Device } {
  const harness = new EngineHarness({ cipher });
  const { device, peer, now, random } = harness;
  harness.greet();
  device.updatePeer(now, { publicKey: peer.publicKey, isForwarded: true });
  const overlay = [cidr("10.200.0.0/24"), cidr("fd01::/16")];
  peer.updatePeer(now, { publicKey: device.publicKey, addAllowedIps: overlay });
  const privateKey = PrivateKey.generate(random);
  const wall = () => unixMillis(1_700_000_000_000 + now);
  const member = new Device({ privateKey, random, wall, aead: selectAead(), mtuBytes: 1420 });
  device.setPeer(now, {
    publicKey: member.publicKey,
    endpoint: memberEndpoint,
    allowedIps: [cidr("10.200.0.3/32"), cidr("fd01:0205::/32")],
  });
  member.setPeer(now, { publicKey: device.publicKey, allowedIps: overlay });
  device.initiateHandshake(now, member.publicKey);
  carry(harness, member);
  assert.ok(member.peerStatus(device.publicKey)?.hasSession);
  return { harness, member };
}

/** Lets the engine run, and hands what it sends to the member. @returns the packets that the member got */
function carry(harness: EngineHarness, member: Device): Uint8Array[] {
  const arrived: Uint8Array[] = [];
  for (let rounds = 0; rounds < 10; rounds++) {
    harness.run();
    const sends = harness.calls.sends.splice(0);
    for (const datagram of sends.flatMap(({ datagrams }) => datagrams)) {
      const outcome = member.handleDatagram(harness.now, datagram, memberEndpoint);
      if (outcome.kind === "packet") arrived.push(outcome.packet.slice());
    }
    for (let out = member.pollTransmit(); out !== undefined; out = member.pollTransmit()) {
      harness.calls.receives.push({ bytes: out.datagram.slice(), source: memberEndpoint });
    }
    if (sends.length === 0 && harness.calls.receives.length === 0) break;
  }
  return arrived;
}

for (const [name, makeCipher] of ciphers) {
  for (const version of [4, 6] as const) {
    Deno.test(`PacketEngine on ${name} passes a device's IPv${version} stream on to a member, whole`, () => {
      const { harness, member } = hubHarness(makeCipher());
      const { packet, header, payload } = makeSuperpacket({
        protocol: "tcp",
        version,
        payloadBytes: 20_000,
        gsoSize: 1340,
      });
      // From the device, for the member; the sum of the pseudo-header changes by one in each address, but for the order.
      if (version === 4) packet.set([10, 200, 0, 2, 10, 200, 0, 3], 12);
      else {
        packet.set([0xfd, 1, 2, 4], 8);
        packet.set([0xfd, 1, 2, 5], 24);
      }
      const packets = splitSuperpacket(packet.slice(), header) ?? assert.fail();
      // The window's narrowing is announced by the first alone, which is not joined with others then.
      for (const bytes of harness.sealed(packets)) {
        harness.calls.receives.push({ bytes, source: peerEndpoint });
      }
      const arrived = carry(harness, member);
      assert.equal(arrived.length, packets.length);
      const headBytes = (version === 4 ? 20 : 40) + 32;
      const joined = arrived.flatMap((each) => [...each.subarray(headBytes)]);
      assert.deepEqual(joined, [...payload]);
      for (const [i, each] of arrived.entries()) {
        const expected = packets[i]?.slice() ?? assert.fail();
        const hopLimitAt = version === 4 ? 8 : 7;
        expected[hopLimitAt] = 63;
        if (version === 4) {
          assert.equal(internetChecksum(each, 0, 20), 0);
          // Where fragments are forbidden, nobody reads the identification; the checksum follows it.
          expected.set(each.subarray(4, 6), 4);
          expected.set(each.subarray(10, 12), 10);
        }
        assert.deepEqual(each, expected);
      }
      assert.deepEqual(harness.calls.written, []);
    });
  }

  Deno.test(`PacketEngine on ${name} gives the host what is the host's, and drops what comes from elsewhere`, () => {
    const { harness, member } = hubHarness(makeCipher());
    for (const packet of [ipPacket(2, 1), ipPacket(3, 3), ipPacket(2, 3)]) {
      packet[8] = 64;
      for (const bytes of harness.sealed([packet])) {
        harness.calls.receives.push({ bytes, source: peerEndpoint });
      }
    }
    assert.deepEqual(carry(harness, member).map((packet) => [packet[15], packet[19]]), [[2, 3]]);
    assert.deepEqual(
      harness.calls.written.map((written) => [
        written[VIRTIO_HEADER_BYTES + 15],
        written[VIRTIO_HEADER_BYTES + 19],
      ]),
      [[2, 1]],
    );
    assert.equal(harness.device.counters.get("source-not-allowed"), 1);
  });

  Deno.test(`PacketEngine on ${name} passes on what came before its member was removed`, () => {
    const { harness, member } = hubHarness(makeCipher());
    for (const bytes of harness.sealed([ipPacket(2, 3), ipPacket(2, 3)])) {
      harness.calls.receives.push({ bytes, source: peerEndpoint });
    }
    // It is sent in the turn after that.
    harness.onCommand = () => harness.device.removePeer(member.publicKey);
    assert.deepEqual(carry(harness, member).map((packet) => packet.length), [100, 100]);
  });

  Deno.test(`PacketEngine on ${name} tells a device what does not fit`, () => {
    const { harness, member } = hubHarness(makeCipher());
    harness.device.setMtu(1280);
    harness.engine.setMtu(1280);
    for (const bytes of harness.sealed([ipPacket(2, 3, 1400)])) {
      harness.calls.receives.push({ bytes, source: peerEndpoint });
    }
    harness.settle();
    assert.deepEqual(harness.arrived.map((packet) => [...packet.subarray(20, 22)]), [[3, 4]]);
    assert.deepEqual(carry(harness, member), []);
    assert.equal(harness.device.counters.get("packet-too-long"), 1);
  });
}

Deno.test("longestPacketBytes() is a packet's own length, or that of a cut one", () => {
  const view = new DataView(new ArrayBuffer(100));
  assert.equal(longestPacketBytes(view, 20, 70), 70);
  view.setUint8(11, 1);
  view.setUint16(12, 40, true);
  view.setUint16(14, 20, true);
  assert.equal(longestPacketBytes(view, 20, 70), 60);
  assert.equal(longestPacketBytes(view, 20, 50), 50);
});

Deno.test("PacketEngine passes a device's stream on where the member's path takes it, else tells the device once for each superpacket", () => {
  for (const [limit, passes] of [[1380 + 12, true], [1380, false]] as const) {
    const { harness, member } = hubHarness(new WasmBatchCipher(HARNESS_PAGES));
    harness.device.setPathMtu(member.publicKey, limit);
    const { packet, header } = makeSuperpacket({
      protocol: "tcp",
      version: 4,
      payloadBytes: 13_400,
      gsoSize: 1340,
    });
    packet.set([0x40, 0], 6);
    packet[19] = 3;
    packet.set([10, 200, 0, 2], 12);
    packet.set([0, 0], 10);
    packet.set(
      Uint8Array.of(internetChecksum(packet, 0, 20) >> 8, internetChecksum(packet, 0, 20) & 255),
      10,
    );
    for (const bytes of harness.sealed(splitSuperpacket(packet, header) ?? assert.fail())) {
      harness.calls.receives.push({ bytes, source: peerEndpoint });
    }
    harness.run();
    const sends = harness.calls.sends.splice(0);
    assert.deepEqual(
      new Set(sends.map((send) => send.destination)),
      new Set([`${passes ? memberEndpoint : peerEndpoint}`]),
    );
    const datagrams = sends.flatMap((send) => send.datagrams);
    if (passes) {
      assert.deepEqual(datagrams.map((each) => each.length), new Array(10).fill(limit + 32));
      continue;
    }
    const told = datagrams.map((each) => harness.peer.handleDatagram(harness.now, each, peerEndpoint))
      .filter((outcome) => outcome.kind === "packet");
    // The narrowing of the window, and the end, are joined with no others.
    assert.equal(told.length, 3);
    const [{ packet: answer = assert.fail() } = assert.fail()] = told;
    assert.deepEqual([...answer.subarray(20, 22), answer[26], answer[27]], [3, 4, limit >> 8, limit & 255]);
    assert.equal(harness.calls.written.length, 0);
  }
});
