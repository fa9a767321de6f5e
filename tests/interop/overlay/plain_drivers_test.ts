/**
 * Every driver on a plain underlay, between two hosts of ours, and interfaces that are bridged in.
 * @module
 */

import assert from "node:assert/strict";
import {
  type CapturedProcess,
  Lab,
  labTest,
  measureThroughput,
  NetworkNamespace,
  PACKET_PLANE,
  thoroughIf,
} from "../../lab/mod.ts";
import type { PlainHostNetwork } from "./plain_host.ts";
import { counts, startPlainHost, untilReached } from "./plain_hosts.ts";

const NEEDS = [...PACKET_PLANE, "iperf3"];

/** Each with what it takes of 1500 bytes over IPv4; a tag of a link takes nothing of IP's. */
const DRIVERS: readonly Omit<PlainHostNetwork, "underlay" | "remotes">[] = [
  { driver: "vxlan", identifier: 42, mtuBytes: 1450 },
  { driver: "geneve", identifier: 42, mtuBytes: 1450 },
  { driver: "gre", identifier: 42, mtuBytes: 1458 },
  { driver: "gre", identifier: 42, mtuBytes: 1450, options: { sequence: "true", checksum: "true" } },
  { driver: "gre", identifier: 42, mtuBytes: 1472, options: { payload: "ip" } },
  { driver: "nvgre", identifier: 5042, mtuBytes: 1458 },
  { driver: "mpls-udp", identifier: 42, mtuBytes: 1454 },
  { driver: "vlan", identifier: 42, mtuBytes: 1500 },
];

for (const definition of DRIVERS) {
  const { driver, options = {}, mtuBytes } = definition;
  const name = [driver, ...Object.entries(options).map((option) => option.join("="))].join(" ");
  const isVariant = definition !== DRIVERS.find((each) => each.driver === driver);
  const needs = [...NEEDS, ...thoroughIf(isVariant)];
  labTest(`plain ${name}: pings up to the MTU, TCP each way, UDP`, needs, async () => {
    await using lab = await Lab.create(["A", "B"]);
    const [a, b] = [lab.host("A"), lab.host("B")];
    const isLink = driver === "vlan";
    const hosts: CapturedProcess[] = [];
    for (const [host, other, end] of [[a, b, 1], [b, a, 2]] as const) {
      const tap = { name: "tap0", mac: `02:00:00:00:00:0${end}`, address: `10.9.0.${end}/24` };
      const underlay = isLink
        ? { kind: "plain", interfaceName: "eth0" } as const
        : { kind: "plain" } as const;
      hosts.push(
        await startPlainHost(lab, host, [{
          ...definition,
          underlay,
          remotes: [isLink ? "link" : other.address4],
          tap,
          peer: { mac: `02:00:00:00:00:0${3 - end}`, address: `10.9.0.${3 - end}` },
        }]),
      );
    }
    await untilReached(a.namespace, "10.9.0.2");
    // A host that starts may be sent to before it knows by whom.
    const readDrops = () => Promise.all(hosts.map(async (host) => (await counts(host)).drops));
    const before = await readDrops();
    await a.namespace.expectRun([
      ...["ping", "-q", "-c", "5", "-i", "0.02", "-W", "2", "-M", "do", "-s", `${mtuBytes - 28}`, "10.9.0.2"],
    ]);
    const server = { place: b.namespace, address: "10.9.0.2" };
    for (const direction of [[], ["-R"]]) {
      const { bitsPerSecond } = await measureThroughput(a.namespace, server, ["-t", "1", ...direction]);
      assert.ok(bitsPerSecond > 5e7, `${bitsPerSecond} bit/s ${direction}`);
    }
    const udp = await measureThroughput(a.namespace, server, ["-u", "-b", "20M", "-t", "1", "-l", "1200"]);
    assert.ok((udp.lostPercent ?? 100) < 5, `${udp.lostPercent} % lost`);
    for (const [i, drops] of (await readDrops()).entries()) {
      assert.equal(drops["not-a-member"] ?? 0, before[i]?.["not-a-member"] ?? 0);
      assert.equal(drops["malformed"] ?? 0, 0, JSON.stringify(drops));
    }
  });
}

labTest(
  "a bridged interface: two hosts behind it are reached, and TCP passes each way",
  NEEDS,
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const [a, b] = [lab.host("A"), lab.host("B")];
    // Behind eth1 of B is a bridge with two hosts that know nothing of the network.
    await using yard = await NetworkNamespace.create("yard");
    await yard.ip("link add br0 type bridge", "link set br0 up");
    await yard.ip(
      `link add up0 type veth peer name eth1 netns ${b.namespace.name}`,
      "link set up0 master br0 up",
    );
    await b.namespace.ip("link set eth1 up");
    const inside = [await guest(yard, 3), await guest(yard, 4)];
    await using _first = inside[0];
    await using _second = inside[1];
    const tap = { name: "tap0", mac: "02:00:00:00:00:01", address: "10.9.0.1/24" };
    // As long as those behind the interface take for granted: the underlay has more.
    await lab.setMtu(1600);
    const network = { driver: "vxlan", identifier: 42, mtuBytes: 1500, underlay: { kind: "plain" } } as const;
    await startPlainHost(lab, a, [{ ...network, remotes: [b.address4], tap }]);
    const host = await startPlainHost(lab, b, [{ ...network, remotes: [a.address4], attach: "eth1" }]);
    for (const end of [3, 4]) await untilReached(a.namespace, `10.9.0.${end}`);
    const [guest3] = inside;
    assert.ok(guest3 !== undefined);
    await untilReached(guest3, "10.9.0.4");
    for (const options of [[], ["-R"]]) {
      const server = { place: guest3, address: "10.9.0.3" };
      const { bitsPerSecond } = await measureThroughput(a.namespace, server, ["-t", "1", ...options]);
      assert.ok(bitsPerSecond > 2e8, `${bitsPerSecond} bit/s ${options}`);
    }
    const { drops } = await counts(host);
    assert.equal(drops["malformed"] ?? 0, 0, JSON.stringify(drops));
    // The interface goes, and the plane says so.
    await b.namespace.ip("link del eth1");
    await host.until(({ stdout }) => stdout.includes("port-gone"), 5_000, "it says that the port is gone");
  },
);

/** A host with one interface behind a bridge. */
async function guest(yard: NetworkNamespace, end: number): Promise<NetworkNamespace> {
  const namespace = await NetworkNamespace.create(`guest${end}`);
  await yard.ip(
    `link add port${end} type veth peer name eth0 netns ${namespace.name}`,
    `link set port${end} master br0 up`,
  );
  await namespace.ip(`addr add 10.9.0.${end}/24 dev eth0`, "link set eth0 up");
  return namespace;
}
