import assert from "node:assert/strict";
import {
  cutWhatIsSent,
  type Host,
  Lab,
  labTest,
  measureThroughput,
  NAMESPACES,
  OPEN_VSWITCH,
  OpenVSwitch,
  pingMany,
  pingOnce,
  waitFor,
} from "../mod.ts";

const [INNER_A, INNER_B] = ["10.98.0.1", "10.98.0.2"];
const NEEDS = [...NAMESPACES, ...OPEN_VSWITCH, "ping", "iperf3", "ethtool"];

labTest("Open vSwitch: two of them reach each other over vxlan, geneve and gre", NEEDS, async () => {
  await using lab = await Lab.create(["A", "B"]);
  const [a, b] = [lab.host("A"), lab.host("B")];
  const [left, right] = [lab.use(await OpenVSwitch.start(a)), lab.use(await OpenVSwitch.start(b))];
  for (const type of ["vxlan", "geneve", "gre"] as const) {
    const tunnel = { name: "tunnel", type, key: 1001 };
    await left.connect([{ ...tunnel, remote: b.address4 }], { cidr: `${INNER_A}/24`, mtuBytes: 1400 });
    await right.connect([{ ...tunnel, remote: a.address4 }], { cidr: `${INNER_B}/24`, mtuBytes: 1400 });
    await assertTraffic(a, b);
    await left.disconnect();
    await right.disconnect();
  }
});

labTest("Open vSwitch: it reaches the kernel's vxlan device", NEEDS, async () => {
  await using lab = await Lab.create(["A", "B"]);
  const [a, b] = [lab.host("A"), lab.host("B")];
  const vswitch = lab.use(await OpenVSwitch.start(a));
  await vswitch.connect([{ name: "tunnel", type: "vxlan", key: 1001, remote: b.address4 }], {
    cidr: `${INNER_A}/24`,
    mtuBytes: 1400,
  });
  await cutWhatIsSent(b);
  await b.namespace.ip(
    `link add vxlan0 type vxlan id 1001 dstport 4789 local ${b.address4} remote ${a.address4}`,
    "link set vxlan0 mtu 1400 up",
    `addr add ${INNER_B}/24 dev vxlan0`,
  );
  await assertTraffic(a, b);
});

async function assertTraffic(a: Host, b: Host): Promise<void> {
  await waitFor(() => pingOnce(a, INNER_B, 1), 10_000, { what: "it answers" });
  assert.equal(await pingMany(a, INNER_B, 20), 20);
  const there = { place: b.namespace, address: INNER_B };
  const { bitsPerSecond } = await measureThroughput(a.namespace, there, ["-t", "1"]);
  assert(bitsPerSecond > 10e6, `${bitsPerSecond} bit/s`);
}
