import assert from "node:assert/strict";
import fc from "fast-check";
import { millis, SeededRandom } from "../../base/mod.ts";
import { IpAddress, OuterHeader } from "../../net/mod.ts";
import { builtInDrivers } from "../../../drivers/mod.ts";
import { FrameEngine, HEADROOM_BYTES } from "./frame_engine.ts";
import type { PlaneNetwork } from "./frame_plane.ts";

const NOW = millis(1_000);
const OWN = "10.42.0.1";
const MEMBER = "10.42.0.2";
const STRANGER = "10.42.0.3";
const MAC = "02:00:00:00:00:02";

interface Harness {
  readonly engine: FrameEngine;
  readonly delivered: Uint8Array[];
  readonly sent: Uint8Array[];
}

function harness(driver: string, identifier: number): Harness {
  const delivered: Uint8Array[] = [];
  const sent: Uint8Array[] = [];
  const engine = new FrameEngine(builtInDrivers(), {
    deliver: (_port, bytes, at, lengthBytes) => void delivered.push(bytes.slice(at, at + lengthBytes)),
    sendMesh: (bytes, at, lengthBytes) => sent.push(bytes.slice(at, at + lengthBytes)) > 0,
    sendChannel: () => true,
    sendPlain: () => true,
  }, new SeededRandom(1));
  engine.setOwnAddresses([address(OWN)]);
  engine.setNetwork(networkOf(driver, identifier));
  engine.setPort({ port: 1, network: 1, name: "web", allowsForeign: false });
  const via = { kind: "member", publicKey: "", address: MEMBER } as const;
  engine.setRemote({ port: 2, network: 1, allowsForeign: false, via });
  engine.setBinding(NOW, { network: 1, port: 2, mac: MAC, addresses: ["10.0.0.2"] });
  engine.setBinding(NOW, { network: 1, port: 1, mac: "02:00:00:00:00:01", addresses: ["10.0.0.1"] });
  return { engine, delivered, sent };
}

function networkOf(driver: string, identifier: number): PlaneNetwork {
  const wire = { driver, identifier, options: {}, underlay: { kind: "mesh" } } as const;
  return { network: 1, name: "blue", mtuBytes: 1300, ...wire };
}

function address(text: string): IpAddress {
  return IpAddress.parse(text) ?? assert.fail(text);
}

/** A frame of the member to the local endpoint, as the member's own engine would send it. */
function packetOf(
  driver: string,
  identifier: number,
  addresses: { source: string; destination: string },
): Uint8Array {
  const made = builtInDrivers().get(driver)?.();
  assert.ok(made);
  const { transport } = made.capabilities;
  const encapsulation = made.encapsulation(identifier, {});
  const carries = transport.kind === "udp"
    ? { udpPort: transport.port }
    : { protocol: transport.kind === "ip" ? transport.protocol : 97 };
  const source = address(addresses.source);
  const destination = address(addresses.destination);
  const header = new OuterHeader({ source, destination, carries });
  const etherIp = transport.kind === "link" ? [0x30, 0] : [];
  const headerBytes = header.lengthBytes + etherIp.length + encapsulation.headerBytes;
  const packet = new Uint8Array(headerBytes + 60);
  packet.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x90, 0], headerBytes);
  encapsulation.encode(packet, headerBytes, 60, 0);
  packet.set(etherIp, header.lengthBytes);
  header.write(packet, 0, packet.length - header.lengthBytes, 0);
  return packet;
}

for (const driver of builtInDrivers().names) {
  const identifier = (builtInDrivers().get(driver)?.().capabilities.identifier.min ?? 0) + 100;
  const fromMember = { source: MEMBER, destination: OWN };

  Deno.test(`FrameEngine takes a member's packet over ${driver}, and leaves others to the host as they were`, () => {
    const { engine, delivered } = harness(driver, identifier);
    assert.ok(engine.handleMeshPacket(NOW, packetOf(driver, identifier, fromMember)));
    assert.equal(delivered.length, 1);
    const others = [
      // Of a network that this host does not have.
      packetOf(driver, identifier + 1, fromMember),
      // For somebody behind this host.
      packetOf(driver, identifier, { source: MEMBER, destination: "10.42.9.9" }),
      // Ordinary traffic.
      Uint8Array.of(
        0x45,
        0,
        0,
        28,
        0,
        0,
        0,
        0,
        64,
        1,
        0,
        0,
        10,
        42,
        0,
        2,
        10,
        42,
        0,
        1,
        8,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
      ),
    ];
    for (const packet of others) {
      const before = packet.slice();
      assert.equal(engine.handleMeshPacket(NOW, packet), false);
      assert.deepEqual(packet, before);
    }
    assert.equal(delivered.length, 1);
  });

  Deno.test(`FrameEngine drops and counts what a stranger sends into a network over ${driver}`, () => {
    const { engine, delivered } = harness(driver, identifier);
    assert.ok(
      engine.handleMeshPacket(NOW, packetOf(driver, identifier, { source: STRANGER, destination: OWN })),
    );
    assert.equal(delivered.length, 0);
    assert.equal(engine.networkCounts(1)?.drops["not-a-member"], 1);
  });

  Deno.test(`FrameEngine takes no more of a cut packet over ${driver} than is there, at every byte`, () => {
    const { engine, delivered } = harness(driver, identifier);
    const whole = packetOf(driver, identifier, fromMember);
    for (let cut = 0; cut < whole.length; cut++) {
      engine.handleMeshPacket(NOW, whole.slice(0, cut));
      const channel = new Uint8Array(2 + Math.max(0, cut - 20)).map((_, i) => whole[18 + i] ?? 0);
      engine.handleChannelPacket(NOW, "nobody", channel);
    }
    assert.equal(delivered.length, 0);
  });

  Deno.test(`FrameEngine lets no flipped bit of a packet over ${driver} deliver to another network`, () => {
    const { engine, delivered } = harness(driver, identifier);
    const whole = packetOf(driver, identifier, fromMember);
    fc.assert(fc.property(fc.nat(whole.length * 8 - 1), (bit) => {
      const packet = whole.slice();
      packet[bit >> 3] = (packet[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      delivered.length = 0;
      engine.handleMeshPacket(NOW, packet);
      assert.ok(delivered.length <= 1);
      // What arrives is from the address that the sender's host has, whatever else was changed.
      for (const frame of delivered) assert.equal(frame.subarray(6, 12).toHex(), MAC.replaceAll(":", ""));
    }));
  });
}

Deno.test("FrameEngine refuses a second network with a driver's identifier, and an unknown driver", () => {
  const { engine } = harness("vxlan", 100);
  assert.throws(() => engine.setNetwork({ ...networkOf("vxlan", 100), network: 2 }), RangeError);
  assert.throws(() => engine.setNetwork({ ...networkOf("frobnicate", 100), network: 3 }), RangeError);
  assert.equal(engine.networkCounts(3), undefined);
});

Deno.test("FrameEngine carries a network on as it was when what it shall become is another one's", () => {
  const { engine, delivered } = harness("vxlan", 100);
  engine.setNetwork({ ...networkOf("vxlan", 101), network: 2 });
  assert.throws(() => engine.setNetwork(networkOf("vxlan", 101)), RangeError);
  assert.ok(engine.handleMeshPacket(NOW, packetOf("vxlan", 100, { source: MEMBER, destination: OWN })));
  assert.equal(delivered.length, 1);
  engine.setNetwork({ ...networkOf("vxlan", 100) });
  engine.removeNetwork(1);
  assert.equal(
    engine.handleMeshPacket(NOW, packetOf("vxlan", 100, { source: MEMBER, destination: OWN })),
    false,
  );
});

Deno.test("FrameEngine sends nothing to a member while it has no address of its family, and counts it", () => {
  const { engine, sent } = harness("vxlan", 100);
  sent.length = 0;
  const memory = new Uint8Array(HEADROOM_BYTES + 60);
  memory.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x90, 0], HEADROOM_BYTES);
  engine.handleFrame(NOW, 1, memory, HEADROOM_BYTES, 60);
  assert.equal(sent.length, 1);
  engine.setOwnAddresses([address("fd00::1")]);
  engine.handleFrame(NOW, 1, memory, HEADROOM_BYTES, 60);
  assert.equal(sent.length, 1);
  assert.equal(engine.networkCounts(1)?.drops["no-own-address"], 1);
});

Deno.test("FrameEngine takes another driver for a network while its ports and remotes stay", () => {
  const { engine, delivered } = harness("vxlan", 100);
  engine.setNetwork(networkOf("geneve", 100));
  const from = { source: MEMBER, destination: OWN };
  assert.equal(engine.handleMeshPacket(NOW, packetOf("vxlan", 100, from)), false);
  assert.ok(engine.handleMeshPacket(NOW, packetOf("geneve", 100, from)));
  assert.equal(delivered.length, 1);
});
