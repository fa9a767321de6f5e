/**
 * Tests of who is a peer for whose packets: plain devices at their hub alone, in whatever order records come.
 * @module
 */

import assert from "node:assert/strict";
import { MemoryStateStore, randomFraction, VirtualClock } from "../../base/mod.ts";
import { PrivateKey } from "../../crypto/mod.ts";
import { type MemberRecord, NO_UPDATE, type NodeId, nodeIdOf, Replica, signRecord } from "../../mesh/mod.ts";
import { START, TestNetwork } from "../../mesh/testing/test_network.ts";
import { Cidr, Endpoint, IpAddress } from "../../net/mod.ts";
import { Device } from "../../wireguard/mod.ts";
import { PeerSync } from "./peer_sync.ts";

const address = (text: string) => IpAddress.parse(text) ?? assert.fail(text);

/** A node's roster and its device, with the part between them. */
class Hub {
  readonly network: TestNetwork;
  readonly clock = new VirtualClock(START);
  readonly device: Device;
  readonly replica: Replica;
  readonly self: ReturnType<TestNetwork["node"]>;
  readonly sync: PeerSync;

  constructor(seed: number) {
    const network = this.network = new TestNetwork(seed);
    const self = this.self = network.node();
    const { id: networkId, verifyingKey } = network.identity;
    const store = new MemoryStateStore();
    const { clock } = this;
    this.replica = new Replica(store, { networkId, verifyingKey, clock });
    const { replica } = this;
    this.device = new Device({
      privateKey: self.privateKey,
      random: network.random,
      wall: () => this.clock.wall(),
    });
    const { device } = this;
    const now = () => clock.now();
    this.sync = new PeerSync({
      setPeer: (config) => void device.setPeer(now(), config),
      updatePeer: (update) => void device.updatePeer(now(), update),
      removePeer: (publicKey) => void device.removePeer(publicKey),
      setEndpoint: (publicKey, endpoint) => void device.setEndpoint(publicKey, endpoint),
      changeProxy: () => {},
      initiateHandshake: (publicKey) => device.initiateHandshake(now(), publicKey),
      peerStatus: (publicKey) => device.peerStatus(publicKey),
    }, {
      store,
      mesh: { replica, roster: replica.roster, identity: self },
      endpoints: { tunnelEndpoints: () => [] },
    });
  }

  sign(record: MemberRecord): void {
    const signed = signRecord(record, this.network.identity.signingKey);
    this.replica.merge({ ...NO_UPDATE, records: [signed] });
    this.replica.deliverEvents();
  }

  /** @returns the prefixes of each peer, by its key */
  prefixes(): Record<string, string[]> {
    return Object.fromEntries(
      this.device.peerStatuses().map(({ publicKey, allowedIps }) => [
        publicKey.toString(),
        allowedIps.map(String).sort(),
      ]),
    );
  }

  /** @returns what there should be, by looking at everything anew */
  expected(): Record<string, string[]> {
    const members = this.replica.roster.members().map(({ record }) => record);
    const isElsewhere = ({ hub }: MemberRecord) => hub !== undefined && hub !== this.self.id;
    const own = (
      { addresses, allowedIps }: MemberRecord,
    ) => [...addresses.map((each) => `${each}/32`), ...allowedIps.map(String)];
    const peers = members.filter((record) => record.nodeId !== this.self.id && !isElsewhere(record));
    return Object.fromEntries(peers.map((record) => {
      const behind = members.filter((each) => isElsewhere(each) && each.hub === record.nodeId).flatMap(own);
      return [record.publicKey.toString(), [...own(record), ...behind].sort()];
    }));
  }
}

Deno.test("PeerSync has a device at its hub, and its addresses at its hub elsewhere, whatever comes in which order", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const hub = new Hub(seed);
    const { network, self } = hub;
    const draw = (below: number) => Math.floor(randomFraction(network.random) * below);
    const members = [self, network.node(), network.node()];
    const stranger = network.node().id;
    const hubs: (NodeId | undefined)[] = [...members.map(({ id }) => id), stranger, undefined];
    const devices = [1, 2, 3].map(() => PrivateKey.generate(network.random).publicKey);
    let isStarted = draw(2) === 0;
    if (isStarted) hub.sync.start();
    for (let version = 1; version <= 30; version++) {
      const of = draw(members.length + devices.length);
      const member = members[of];
      const publicKey = member?.publicKey ?? devices[of - members.length] ?? assert.fail();
      const revoked = member !== self && draw(12) === 0;
      const chosen = hubs[draw(hubs.length)];
      const { verifyingKey: _, ...fields } = network.record(member ?? self, {
        name: `n-${of}`,
        addresses: [address(`10.200.${of}.${draw(3)}`)],
        version,
        revoked,
      });
      hub.sign(
        member !== undefined ? { ...fields, verifyingKey: member.signingKey.verifyingKey } : {
          ...fields,
          publicKey,
          nodeId: nodeIdOf(publicKey),
          roles: ["wireguard"],
          ...chosen && { hub: chosen },
        },
      );
      if (version === 15) {
        hub.sync.close();
        hub.sync.start();
        isStarted = true;
      }
      if (isStarted) assert.deepEqual(hub.prefixes(), hub.expected(), `seed ${seed}, version ${version}`);
    }
  }
});

Deno.test("PeerSync lets packets be passed on for the devices of this node, and for nobody else", () => {
  const hub = new Hub(7);
  const { network, self } = hub;
  hub.sync.start();
  const other = network.node();
  hub.sign(network.record(self));
  hub.sign(network.record(other, { name: "b", addresses: [address("10.200.0.3")] }));
  assert.ok(!hub.device.forwarding.isOn);
  const publicKey = PrivateKey.generate(network.random).publicKey;
  const { verifyingKey: _, ...fields } = network.record(self, {
    publicKey,
    nodeId: nodeIdOf(publicKey),
    name: "phone",
    addresses: [address("10.200.0.9")],
    roles: ["wireguard"],
  });
  const isOn = [self.id, other.id, self.id, undefined].map((id, i) => {
    hub.sign({ ...fields, version: i + 1, ...id && { hub: id } });
    return hub.device.forwarding.isOn;
  });
  assert.deepEqual(isOn, [true, false, true, false]);
});

Deno.test("PeerSync.tryAt() leaves a device with its hub, whoever announces it", () => {
  const hub = new Hub(8);
  const { network, self } = hub;
  hub.sync.start();
  const other = network.node();
  hub.sign(network.record(self));
  hub.sign(network.record(other, { name: "b", addresses: [address("10.200.0.3")] }));
  const publicKey = PrivateKey.generate(network.random).publicKey;
  const { verifyingKey: _, ...fields } = network.record(self, {
    publicKey,
    nodeId: nodeIdOf(publicKey),
    name: "phone",
    addresses: [address("10.200.0.9")],
    roles: ["wireguard"],
  });
  hub.sign({ ...fields, hub: other.id });
  const before = hub.prefixes();
  assert.deepEqual(before[`${other.publicKey}`], ["10.200.0.3/32", "10.200.0.9/32"]);
  hub.sync.tryAt(nodeIdOf(publicKey), Endpoint.parse("192.0.2.1:51820") ?? assert.fail());
  assert.deepEqual(hub.prefixes(), before);
});

Deno.test("PeerSync has a network be that member's who carries it, also of one that comes or changes later", () => {
  const hub = new Hub(9);
  const { network, self } = hub;
  const [b, c] = [network.node(), network.node()];
  const lan = Cidr.parse("192.168.50.0/24") ?? assert.fail();
  const carriersOf = () =>
    Object.entries(hub.prefixes()).filter(([, prefixes]) => prefixes.includes(`${lan}`)).map(([key]) => key);
  hub.sync.start();
  hub.sign(network.record(self));
  hub.sync.setCarried(new Map([[b.id, [lan]]]));
  assert.deepEqual(carriersOf(), [], "it is nobody yet");
  hub.sign(network.record(b, { name: "b", addresses: [address("10.200.0.3")] }));
  hub.sign(network.record(c, { name: "c", addresses: [address("10.200.0.4")] }));
  assert.deepEqual(carriersOf(), [`${b.publicKey}`]);
  hub.sync.setCarried(new Map([[c.id, [lan]]]));
  assert.deepEqual(carriersOf(), [`${c.publicKey}`]);
  hub.sign(network.record(c, { name: "c-2", addresses: [address("10.200.0.4")], version: 9 }));
  hub.sync.close();
  hub.sync.start();
  assert.deepEqual(carriersOf(), [`${c.publicKey}`]);
  hub.sync.setCarried(new Map());
  assert.deepEqual(carriersOf(), []);
});
