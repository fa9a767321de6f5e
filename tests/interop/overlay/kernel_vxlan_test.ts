/**
 * Interoperability of plain networks with the vxlan device of the Linux kernel, over veth: the kernel's end on host A, and
 * on C where there is one, ours on B.
 * @module
 */

import assert from "node:assert/strict";
import { Lab, labTest, measureThroughput, type NetworkNamespace, PACKET_PLANE } from "../../lab/mod.ts";
import { counts, startPlainHost, untilReached, vxlanTo } from "./plain_hosts.ts";

const NEEDS = [...PACKET_PLANE, "iperf3", "bridge", "python3"];
const TAP = { name: "tap0", mac: "02:00:00:00:00:02", address: "10.9.0.2/24" };

labTest(
  "plain vxlan and the kernel's: unicast to a static remote, the MTU, TCP each way",
  NEEDS,
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const [a, b] = [lab.host("A"), lab.host("B")];
    await vxlanTo(a, { identifier: 42, address: "10.9.0.1/24", options: `remote ${b.address4}` });
    const host = await startPlainHost(lab, b, [vxlan(42, [a.address4], TAP)]);
    await untilReached(a.namespace, "10.9.0.2");
    for (const [from, to] of [[a, "10.9.0.2"], [b, "10.9.0.1"]] as const) {
      await ping(from.namespace, to, 1422);
      const tooLong = await from.namespace.run(["ping", "-c1", "-W1", "-M", "do", "-s", "1423", to]);
      assert.notEqual(tooLong.code, 0);
    }
    for (const options of [[], ["-R"]]) {
      const server = { place: b.namespace, address: "10.9.0.2" };
      const { bitsPerSecond } = await measureThroughput(a.namespace, server, ["-t", "2", ...options]);
      assert.ok(bitsPerSecond > 3e8, `${bitsPerSecond} bit/s ${options}`);
    }
    // Datagrams of one flow, some beyond the MTU: their fragments are frames like others.
    const udp = await measureThroughput(
      b.namespace,
      { place: a.namespace, address: "10.9.0.1" },
      ["-u", "-b", "20M", "-t", "1", "-l", "4000"],
    );
    assert.ok((udp.lostPercent ?? 100) < 5, `${udp.lostPercent} % lost`);
    const { drops } = await counts(host);
    assert.deepEqual(drops["not-a-member"] ?? 0, 0);
  },
);

labTest("plain vxlan over IPv6, at another port, and the kernel's", NEEDS, async () => {
  await using lab = await Lab.create(["A", "B"]);
  const [a, b] = [lab.host("A"), lab.host("B")];
  // Without checksums in the kernel's UDP over IPv6 (RFC 6935 §5), and with them in ours.
  const options = `remote ${b.address6} dstport 8472 udp6zerocsumrx`;
  await vxlanTo(a, { identifier: 7, address: "10.9.0.1/24", options, port: 8472 });
  await startPlainHost(lab, b, [{
    ...vxlan(7, [a.address6], TAP, 1430),
    underlay: { kind: "plain", port: 8472 },
  }]);
  await untilReached(a.namespace, "10.9.0.2");
  const server = { place: b.namespace, address: "10.9.0.2" };
  for (const options of [[], ["-R"]]) {
    const { bitsPerSecond } = await measureThroughput(a.namespace, server, ["-t", "1", ...options]);
    assert.ok(bitsPerSecond > 2e8, `${bitsPerSecond} bit/s ${options}`);
  }
});

labTest("plain vxlan floods to static remotes, as the kernel does, and learns from them", NEEDS, async () => {
  await using lab = await Lab.create(["A", "B", "C"]);
  const [a, b, c] = [lab.host("A"), lab.host("B"), lab.host("C")];
  for (const [host, address, others] of [[a, "10.9.0.1/24", [b, c]], [c, "10.9.0.3/24", [a, b]]] as const) {
    await vxlanTo(host, { identifier: 42, address, options: "learning" });
    for (const { address4 } of others) {
      const args = ["fdb", "append", "00:00:00:00:00:00", "dev", "vx0", "dst", address4];
      await host.namespace.expectRun(["bridge", ...args]);
    }
  }
  await startPlainHost(lab, b, [vxlan(42, [a.address4, c.address4], TAP)]);
  await untilReached(b.namespace, "10.9.0.1");
  await untilReached(b.namespace, "10.9.0.3");
  await untilReached(c.namespace, "10.9.0.2");
  // Broadcasts of one host come to both others once.
  const answers = await b.namespace.run(["ping", "-b", "-c", "1", "-W", "1", "10.9.0.255"]);
  assert.ok(answers !== undefined);
});

labTest(
  "plain vxlan with a multicast group: everybody reaches everybody, and nobody was named",
  NEEDS,
  async () => {
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const [a, b, c, d] = ["A", "B", "C", "D"].map((name) => lab.host(name)) as [H, H, H, H];
    const group = "239.1.1.42";
    for (const [host, address] of [[a, "10.9.0.1/24"], [c, "10.9.0.3/24"]] as const) {
      await vxlanTo(host, { identifier: 42, address, options: `group ${group}` });
    }
    const underlay = { kind: "plain", group, interfaceName: "eth0" } as const;
    const second = { name: "tap0", mac: "02:00:00:00:00:04", address: "10.9.0.4/24" };
    await startPlainHost(lab, b, [{ ...vxlan(42, [group], TAP), underlay }]);
    await startPlainHost(lab, d, [{ ...vxlan(42, [group], second), underlay }]);
    for (const from of [a, b, c, d]) {
      for (const end of [1, 2, 3, 4]) await untilReached(from.namespace, `10.9.0.${end}`);
    }
    // What is known is sent to its host: hosts in the group see nothing of it.
    const before = await received(c);
    await ping(b.namespace, "10.9.0.4", 1000, 300);
    const seen = await received(c) - before;
    assert.ok(seen < 100, `${seen} packets`);
    const server = { place: d.namespace, address: "10.9.0.4" };
    const { bitsPerSecond } = await measureThroughput(b.namespace, server, ["-t", "1"]);
    assert.ok(bitsPerSecond > 2e8, `${bitsPerSecond} bit/s`);
  },
);

type H = ReturnType<Lab["host"]>;

labTest("a plain network drops and counts what strangers send, and goes on", NEEDS, async () => {
  await using lab = await Lab.create(["A", "B", "C"]);
  const [a, b, c] = [lab.host("A"), lab.host("B"), lab.host("C")];
  await vxlanTo(a, { identifier: 42, address: "10.9.0.1/24", options: `remote ${b.address4}` });
  const host = await startPlainHost(lab, b, [vxlan(42, [a.address4], TAP)]);
  await untilReached(a.namespace, "10.9.0.2");
  // From a stranger, well formed; from a known host: random bytes, short ones, another identifier, cut frames, and ones that
  // say that they are longer than they are.
  const program = `
import os, random, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
random.seed(7)
frame = bytes.fromhex("020000000002020000000009080045000100000100004011000000000000") + bytes(2000)
header = lambda vni, flags=8: bytes([flags,0,0,0]) + vni.to_bytes(3,"big") + b"\\0"
to = (sys.argv[1], 4789)
for i in range(2000):
    kind = i % 6
    if kind == 0: data = os.urandom(random.randrange(0, 1400))
    elif kind == 1: data = header(42)[:random.randrange(0, 8)]
    elif kind == 2: data = header(43) + frame[:100]
    elif kind == 3: data = header(42) + frame[:random.randrange(0, 60)]
    elif kind == 4: data = header(42, 0) + frame[:100]
    else: data = header(42) + frame[:2000]
    s.sendto(data, to)
`;
  for (const from of [c, a]) await from.namespace.expectRun(["python3", "-c", program, b.address4]);
  await ping(a.namespace, "10.9.0.2", 1000, 5);
  const { drops } = await counts(host);
  assert.ok((drops["not-a-member"] ?? 0) > 500, JSON.stringify(drops));
  assert.ok((drops["header-truncated"] ?? 0) > 300, JSON.stringify(drops));
  assert.ok((drops["header-no-identifier"] ?? 0) > 300, JSON.stringify(drops));
  assert.ok((drops["header-wrong-network"] ?? 0) > 300, JSON.stringify(drops));
});

labTest("two plain networks share a port, and see nothing of each other", NEEDS, async () => {
  await using lab = await Lab.create(["A", "B"]);
  const [a, b] = [lab.host("A"), lab.host("B")];
  await vxlanTo(a, { identifier: 42, address: "10.9.0.1/24", options: `remote ${b.address4}` });
  const other = { ...TAP, name: "tap1", address: "10.8.0.2/24" };
  await startPlainHost(lab, b, [vxlan(42, [a.address4], TAP), vxlan(43, [a.address4], other)]);
  await untilReached(a.namespace, "10.9.0.2");
  const sees = async (tap: string) => {
    const [link] = await b.namespace.ipJson<{ stats64: { rx: { packets: number } } }>(
      `-s link show dev ${tap}`,
    );
    return link?.stats64.rx.packets ?? assert.fail();
  };
  const before = await sees("tap0");
  assert.equal(await sees("tap1"), 0);
  await ping(a.namespace, "10.9.0.2", 1000, 100);
  assert.ok(await sees("tap0") >= before + 100);
  assert.equal(await sees("tap1"), 0);
});

labTest("a plain network says that its port is taken, and others go on", NEEDS, async () => {
  await using lab = await Lab.create(["A", "B"]);
  const [a, b] = [lab.host("A"), lab.host("B")];
  await vxlanTo(b, { identifier: 9, address: "10.8.0.1/24", options: `remote ${a.address4}` });
  const host = await startPlainHost(lab, b, [vxlan(42, [a.address4], TAP)]);
  await host.until(
    ({ stdout }) => /underlay-failed.*UDP port 4789: something else has it/.test(stdout),
    5_000,
    "it says so",
  );
});

function vxlan(identifier: number, remotes: readonly string[], tap: typeof TAP, mtuBytes = 1450) {
  return { driver: "vxlan", identifier, mtuBytes, underlay: { kind: "plain" }, remotes, tap } as const;
}

async function ping(from: NetworkNamespace, to: string, size: number, count = 3): Promise<void> {
  const output = await from.expectRun([
    ...["ping", "-q", "-c", `${count}`, "-i", "0.005", "-W", "2", "-M", "do", "-s", `${size}`, to],
  ]);
  assert.match(output, / 0% packet loss/);
}

async function received({ namespace }: H): Promise<number> {
  const [link] = await namespace.ipJson<{ stats64: { rx: { packets: number } } }>("-s link show dev eth0");
  return link?.stats64.rx.packets ?? assert.fail();
}
