/**
 * Tests of the engine under a policy, on system calls in memory.
 * @module
 */

import assert from "node:assert/strict";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import { compilePolicy, readPolicyDocument } from "../../policy/mod.ts";
import { packetOf } from "../../policy/testing/packets.ts";
import { VIRTIO_HEADER_BYTES } from "./superpacket.ts";
import { EngineHarness, frame, peerEndpoint } from "./testing/engine_harness.ts";

const [HERE, PEER, THIRD] = ["10.200.0.1", "10.200.0.2", "10.200.0.3"];
const SYN = 2;

function member(name: string, address: string) {
  return {
    id: name,
    name,
    labels: {},
    addresses: [IpAddress.parse(address) ?? assert.fail()],
    services: [],
    roles: ["member"],
    blocks: [],
  };
}

function programOf(rules: unknown, answer = "drop"): Uint8Array {
  const roster = {
    members: [member("here", HERE), member("peer", PEER), member("third", THIRD)],
    networks: [],
  };
  return compilePolicy(readPolicyDocument({ rules, answer }), roster, { revision: "0".repeat(16) }).bytes;
}

/** An engine with a session, and a policy of these rules. */
function harnessOf(rules: unknown, answer?: string): EngineHarness {
  const harness = new EngineHarness();
  harness.greet();
  harness.calls.written.splice(0);
  harness.guards.use({ enforced: programOf(rules, answer), trial: undefined, ownAddresses: [HERE] });
  harness.guards.attach(harness.device);
  return harness;
}

/** Sends packets of the host. @returns how many arrived at the peer */
function send(harness: EngineHarness, ...packets: readonly Uint8Array[]): number {
  harness.arrived.splice(0);
  harness.calls.frames.push(...packets.map((packet) => frame(packet)));
  harness.settle();
  return harness.arrived.length;
}

/** Receives packets of the peer. @returns what the host got */
function receive(harness: EngineHarness, ...packets: readonly Uint8Array[]): readonly Uint8Array[] {
  for (const bytes of harness.sealed(packets)) {
    harness.calls.receives.push({ bytes, source: peerEndpoint });
  }
  harness.settle();
  return harness.calls.written.splice(0).map((bytes) => bytes.subarray(VIRTIO_HEADER_BYTES));
}

const there = (port: number, flags = SYN) => packetOf({ from: HERE, to: PEER, ports: [40_000, port], flags });
const back = (port: number, flags = 16) => packetOf({ from: PEER, to: HERE, ports: [port, 40_000], flags });
const begun = (port: number) => packetOf({ from: PEER, to: HERE, ports: [50_000, port], flags: SYN });

Deno.test("PacketEngine sends and takes what the policy allows, and replies", () => {
  const harness = harnessOf([
    { allow: { from: "name=here", to: "name=peer", ports: "tcp/80" } },
    { allow: { from: "name=peer", to: "name=here", ports: "tcp/22" } },
  ]);
  assert.equal(send(harness, there(80), there(81)), 1);
  assert.equal(receive(harness, back(80), back(81), begun(22), begun(23)).length, 2);
  assert.equal(harness.drops["policy-denied"], 3);
  const report = harness.guards.pollReport(harness.now) ?? assert.fail();
  assert.deepEqual(
    report.denials.map(({ direction, destinationPort, rule }) => [direction, destinationPort, rule]),
    [
      ["out", 81, "default"],
      ["in", 40_000, "default"],
      ["in", 23, "default"],
    ],
  );
  assert.equal(report.flows, 2);
  assert.equal(harness.guards.pollReport(harness.now), undefined, "once a second");
});

Deno.test("PacketEngine answers what is rejected, to the host and to the peer", () => {
  const harness = harnessOf([
    { deny: { from: "name=here", to: "name=peer", ports: "tcp/81", answer: "reject" } },
    { deny: { from: "name=peer", to: "name=here", ports: "tcp/23", answer: "reject" } },
  ]);
  assert.equal(send(harness, there(81)), 0);
  const [reset] = harness.calls.written.splice(0).map((bytes) => bytes.subarray(VIRTIO_HEADER_BYTES));
  assert.deepEqual([reset?.[15], reset?.[19], reset?.[33]], [2, 1, 0x14], "a reset, as if from the peer");
  harness.arrived.splice(0);
  assert.deepEqual(receive(harness, begun(23)), []);
  assert.deepEqual(harness.arrived.map((packet) => [packet[15], packet[19], packet[33]]), [[1, 2, 0x14]]);
});

Deno.test("PacketEngine carries everything again once the policy is taken back", () => {
  const harness = harnessOf([{ deny: { from: "*", to: "*" } }]);
  assert.equal(send(harness, there(80)), 0);
  harness.guards.use({ enforced: undefined, trial: undefined, ownAddresses: [HERE] });
  harness.guards.attach(harness.device);
  assert.equal(send(harness, there(80)), 1);
  assert.equal(receive(harness, begun(23)).length, 1);
});

Deno.test("PacketEngine seals what is redirected for the member by which it goes, and takes its replies of that one", () => {
  const harness = harnessOf([{
    redirect: { from: "name=here", to: "name=third", ports: "tcp/80", via: "name=peer" },
  }]);
  const text = { from: HERE, to: THIRD, ports: [40_000, 80] as const, flags: SYN };
  const takenByPeer = () => send(harness, packetOf(text));
  // The peer, which has nothing behind it by its own allowed addresses, gets what is for the third.
  harness.peer.updatePeer(harness.now, { publicKey: harness.device.publicKey });
  assert.equal(takenByPeer(), 1);
  const reply = packetOf({ from: THIRD, to: HERE, ports: [80, 40_000], flags: 0x12 });
  assert.equal(receive(harness, reply).length, 1, "with an address that is not the peer's");
  const other = packetOf({ from: THIRD, to: HERE, ports: [81, 40_000], flags: SYN });
  assert.equal(receive(harness, other).length, 0, "of another flow it takes nothing");
  assert.equal(harness.device.counters.get("source-not-allowed"), 1);
});

Deno.test("PacketEngine takes nothing straight that was to go by another member", () => {
  const rules = [{ redirect: { from: "name=peer", to: "name=here", ports: "tcp/80", via: "name=third" } }, {
    allow: { from: "name=peer", to: "name=here", ports: "tcp/81" },
  }];
  const harness = harnessOf(rules);
  assert.equal(receive(harness, begun(80)).length, 0);
  assert.equal(receive(harness, begun(81)).length, 1);
  assert.equal(harness.device.counters.get("source-not-allowed"), 1);
});

Deno.test("PacketEngine passes a plain device's DNS queries to this host and the replies, and nothing else of the two", () => {
  for (const rules of [[{ deny: { from: "*", to: "*" } }], [{ allow: { from: "name=third", to: "*" } }]]) {
    for (const [protocol, flags] of [[17, 0], [6, SYN]] as const) {
      const harness = harnessOf(rules);
      const query = { protocol, from: PEER, to: HERE, ports: [50_000, 53] as const, flags };
      const reply = { protocol, from: HERE, to: PEER, ports: [53, 50_000] as const, flags: flags && 0x12 };
      assert.equal(
        receive(harness, packetOf(query)).length,
        0,
        "of any other peer they are a matter of policy",
      );
      harness.device.updatePeer(harness.now, { publicKey: harness.peer.publicKey, isForwarded: true });
      assert.equal(send(harness, packetOf(reply)), 0, "nobody has asked");
      assert.equal(receive(harness, packetOf(query)).length, 1);
      assert.equal(send(harness, packetOf(reply)), 1);
      assert.equal(receive(harness, packetOf({ ...query, ports: [50_000, 54] })).length, 0);
      assert.equal(send(harness, packetOf({ ...reply, ports: [54, 50_000] })), 0);
    }
  }
});

Deno.test("PacketEngine asks of a connection to a host without a packet plane once, and not of the listener's replies", () => {
  const harness = harnessOf([{ allow: { from: "name=here", to: "name=third", ports: "tcp/80" } }]);
  const { proxy, calls } = harness;
  const [own, host] = [HERE, THIRD].map((text) => IpAddress.parse(text) ?? assert.fail(text));
  assert.ok(own && host);
  proxy.change({ listeners: [new Endpoint(own, 45_680)], add: [host] });
  const to = (port: number) => packetOf({ from: HERE, to: THIRD, ports: [40_000, port], flags: SYN });
  assert.equal(send(harness, to(81)), 0);
  assert.equal(proxy.pollQuestion(), undefined, "a port that no rule allows is not asked for");
  send(harness, to(80));
  const question = proxy.pollQuestion();
  assert.ok(question?.kind === "connect");
  proxy.answer(harness.now, question.id, "accept");
  harness.settle();
  calls.written.splice(0);
  const reply = { from: HERE, to: THIRD, ports: [45_680, question.translatedPort] as const, flags: 0x12 };
  send(harness, packetOf(reply));
  const [written] = calls.written.splice(0).map((bytes) => bytes.subarray(VIRTIO_HEADER_BYTES));
  assert.deepEqual([written?.[15], written?.[19], written?.[33]], [3, 1, 0x12], "the program has its answer");
  assert.equal(harness.drops["policy-denied"], 1);
  // Of any other port of this host it is a matter of policy.
  send(harness, packetOf({ ...reply, ports: [45_681, question.translatedPort] }));
  assert.equal(harness.drops["policy-denied"], 2);
});
