/**
 * What every frame plane does by policies, whichever way frames travel: one suite over all.
 * @module
 */

import assert from "node:assert/strict";
import { internetChecksum, IpAddress, MacAddress, writeEthernetHeader } from "../../../net/mod.ts";
import { compilePolicy, readPolicyDocument } from "../../../policy/mod.ts";
import {
  frameOf,
  joinNetwork,
  type SuiteNetwork,
  type SuitePort,
  type SuiteWorld,
} from "./frame_plane_suite.ts";

const ROLES = ["web", "db", "other"];
const BLUE: SuiteNetwork = { network: 1, driver: "vxlan", identifier: 100, members: [0, 1, 2] };
/** The ports of `frameOf` are both its mark twice. */
const MARK = 5;
const PORT = 0x0505;
const ALLOWED = [
  { allow: { from: "role=web", to: "role=db", ports: `udp/${PORT}` } },
  { allow: { from: "role=web", to: "role=db", protocol: "ethertype:0x88b5" } },
];
const REST = [
  { deny: { from: "*", to: "role=db" } },
  { deny: { from: "role=db", to: "*" } },
  { allow: { from: "*", to: "*" } },
];
const ROSTER = {
  members: [],
  networks: [{
    name: "network-1",
    endpoints: ROLES.map((role, host) => ({
      name: `${role}-1`,
      labels: { role },
      addresses: [IpAddress.parse(`10.0.0.${host + 1}`) ?? assert.fail()],
      services: [],
      roles: [],
      member: `node-${host}`,
    })),
  }],
};

function program(...first: readonly object[]): Uint8Array {
  const document = readPolicyDocument({
    answer: "reject",
    policies: [
      { name: "first", network: "network-1", priority: 10, rules: [...first, ...ALLOWED] },
      { name: "rest", network: "network-1", rules: REST },
    ],
  });
  return compilePolicy(document, ROSTER, { revision: "0123456789abcdef" }).bytes;
}

/** A frame without IP, or of ARP. */
function otherFrame(from: number, to: number, etherType: number): Uint8Array {
  const bytes = new Uint8Array(60);
  const mac = (host: number) => MacAddress.parse(`02:00:00:00:00:0${host + 1}`) ?? assert.fail();
  const at = writeEthernetHeader(bytes, 0, { source: mac(from), destination: mac(to), etherType });
  if (etherType !== 0x0806) return bytes;
  // RFC 826: an answer, of one who has the address.
  bytes.set([0, 1, 8, 0, 6, 4, 0, 2], at);
  bytes.set(bytes.subarray(6, 12), at + 8);
  bytes.set([10, 0, 0, from + 1], at + 14);
  bytes.set(bytes.subarray(0, 6), at + 18);
  bytes.set([10, 0, 0, to + 1], at + 24);
  return bytes;
}

/** Runs the suite. @param open makes hosts that trust each other's addresses */
export function testFramePolicy(name: string, open: (hosts: number) => Promise<SuiteWorld>): void {
  const test = (
    what: string,
    run: (world: SuiteWorld, ends: readonly SuitePort[]) => Promise<void>,
  ): void => {
    Deno.test(`${name} by policies: ${what}`, async () => {
      const world = await open(3);
      try {
        const ends = [0, 1, 2].map((host) => joinNetwork(world, host, BLUE) ?? assert.fail());
        await world.quiet();
        for (const { received } of ends) received.length = 0;
        await run(world, ends);
      } finally {
        await world.close();
      }
    });
  };
  const use = ({ hosts }: SuiteWorld, bytes: Uint8Array | undefined, which = [0, 1, 2]): void => {
    const policy = { enforced: bytes, trial: undefined, ownAddresses: [] };
    for (const host of which) hosts[host]?.guards?.use(policy);
  };
  const drops = ({ hosts }: SuiteWorld, host: number, reason: string): number =>
    hosts[host]?.plane.networkCounts(1)?.drops[reason] ?? 0;
  const hexOf = (frames: readonly Uint8Array[]) => frames.map((frame) => frame.toHex());

  test("what a rule allows arrives, and is answered; what none does, does not", async (world, ends) => {
    use(world, program());
    const asked = frameOf(0, 1, MARK);
    ends[0]?.send(asked.slice());
    await world.until(() => ends[1]?.received.length === 1, "the request");
    assert.deepEqual(hexOf(ends[1]?.received ?? []), [asked.toHex()]);
    const answer = frameOf(1, 0, MARK);
    ends[1]?.send(answer.slice());
    await world.until(() => ends[0]?.received.length === 1, "the answer");
    assert.deepEqual(hexOf(ends[0]?.received ?? []), [answer.toHex()]);
    // Others, what db begins itself, and all once the policy is gone.
    for (const { received } of ends) received.length = 0;
    ends[2]?.send(frameOf(2, 1, MARK));
    ends[1]?.send(frameOf(1, 2, MARK + 1));
    await world.quiet();
    assert.deepEqual([drops(world, 2, "policy"), drops(world, 1, "policy")], [1, 1]);
    // Each has an answer: ICMP, administratively prohibited (RFC 1812 §5.2.7.1), as from whom it was for.
    const told = ends.map(({ received }) =>
      received.map((frame) => [frame[5], frame[11], frame[23], frame[34], frame[35]])
    );
    assert.deepEqual(told, [[], [[2, 3, 1, 3, 13]], [[3, 2, 1, 3, 13]]]);
    use(world, undefined);
    ends[2]?.send(frameOf(2, 1, MARK));
    await world.until(() => ends[1]?.received.length === 2, "what nobody denies");
  });

  test("a sender that asks no policy is denied by the receiver", async (world, ends) => {
    use(world, program(), [1]);
    ends[2]?.send(frameOf(2, 1, MARK));
    ends[0]?.send(frameOf(0, 1, MARK));
    ends[0]?.send(otherFrame(0, 1, 0x88b6));
    await world.until(() => ends[1]?.received.length === 1, "what is allowed");
    await world.quiet();
    assert.deepEqual(hexOf(ends[1]?.received ?? []), [frameOf(0, 1, MARK).toHex()]);
    assert.equal(drops(world, 1, "policy"), 2);
    const { denials = [], counts } = world.hosts[1]?.guards?.pollReport(1_000_000 as never) ?? {};
    assert.deepEqual(
      denials.map((
        { direction, source, protocol, rule, network },
      ) => [direction, source, protocol, rule, network]),
      [
        ["in", "10.0.0.3", "udp", "rest#1", "network-1"],
        ["in", "02:00:00:00:00:01", "ethertype:0x88b6", "rest#1", "network-1"],
      ],
    );
    assert.equal(counts?.values().reduce((sum, { packets }) => sum + packets, 0), 3);
  });

  test("whoever sends from an address that nobody has stays who it is", async (world, ends) => {
    use(
      world,
      program({ deny: { from: "role=other", to: "role=db" } }, { allow: { from: "*", to: "role=db" } }),
    );
    const foreign = (from: number) => {
      const frame = frameOf(from, 1, MARK);
      frame.set([10, 9, 9, 9], 26);
      frame.set([0, 0], 24);
      const sum = internetChecksum(frame, 14, 20);
      frame.set([sum >> 8, sum & 0xff], 24);
      return frame;
    };
    ends[2]?.send(foreign(2));
    ends[0]?.send(foreign(0));
    await world.until(() => ends[1]?.received.length === 1, "what whoever may sends for another");
    await world.quiet();
    assert.deepEqual(hexOf(ends[1]?.received ?? []), [foreign(0).toHex()]);
    assert.equal(drops(world, 2, "policy"), 1);
  });

  test("frames without IP go by their EtherType, and ARP always", async (world, ends) => {
    use(world, program());
    for (const etherType of [0x88b6, 0x8847, 0x88b5]) ends[0]?.send(otherFrame(0, 1, etherType));
    ends[2]?.send(otherFrame(2, 1, 0x88b5));
    ends[2]?.send(otherFrame(2, 1, 0x0806));
    await world.until(() => ends[1]?.received.length === 2, "what may");
    await world.quiet();
    const types = ends[1]?.received.map((frame) => (frame[12] ?? 0) << 8 | (frame[13] ?? 0)).sort();
    assert.deepEqual(types, [0x0806, 0x88b5]);
    assert.deepEqual([drops(world, 0, "policy"), drops(world, 2, "policy")], [2, 1]);
    assert.deepEqual([ends[0]?.received, ends[2]?.received], [[], []]);
  });

  test(
    "a sender holds back what is too fast, a receiver drops it, and marks are the sender's",
    async (world, ends) => {
      const limited = program(
        { limit: { from: "role=web", to: "role=db", rate: "100/s", burst: "10" } },
        { qos: { from: "role=web", to: "role=db", dscp: "ef" } },
      );
      use(world, limited);
      const payloads = Array.from({ length: 30 }, (_, i) => 46 + i);
      for (const payload of payloads) ends[0]?.send(frameOf(0, 1, MARK, payload));
      await world.until(() => ends[1]?.received.length === 30, "all, after a while");
      for (const [i, frame] of ends[1]?.received.entries() ?? []) {
        assert.equal(frame.length, 14 + (payloads[i] ?? 0), "in order");
        assert.equal(frame[15], 46 << 2);
        assert.equal(internetChecksum(frame, 14, 20), 0);
      }
      // The same of a sender that knows no policy, all at once.
      use(world, undefined, [0]);
      use(world, limited, [1]);
      ends.forEach(({ received }) => received.length = 0);
      for (let i = 0; i < 60; i++) ends[0]?.send(frameOf(0, 1, MARK));
      await world.until(() => drops(world, 1, "rate-limit") > 0, "drops");
      await world.quiet();
      const arrived = ends[1]?.received.length ?? 0;
      assert.ok(arrived >= 20 && arrived < 40, `${arrived} arrived`);
      assert.equal(arrived + drops(world, 1, "rate-limit"), 60);
    },
  );
}
