import assert from "node:assert/strict";
import {
  cutWhatIsSent,
  Lab,
  labTest,
  measureThroughput,
  type MeshNode,
  OPEN_VSWITCH,
  OpenVSwitch,
  PACKET_PLANE,
  pingMany,
  startMesh,
  thoroughIf,
  untilAllKnowAll,
} from "../../lab/mod.ts";
import { attach, createNetwork, untilAnswers } from "../../e2e/networks/overlay_mesh.ts";
import { Machine } from "./machine.ts";

const NEEDS = [...PACKET_PLANE, ...OPEN_VSWITCH, "iperf3", "ethtool"];
/** Of Open vSwitch, inside. */
const INNER = "10.0.0.200";
/** What fits 1500 bytes behind any of the headers. */
const MTU_BYTES = 1400;

for (const [type, identifier] of [["vxlan", 1001], ["geneve", 1002], ["gre", 1003]] as const) {
  labTest(
    `weft and Open vSwitch carry ${type}: pings, TCP each way, and a machine that moves`,
    [...NEEDS, ...thoroughIf(type === "gre")],
    async () => {
      await using lab = await Lab.create(["A", "B", "X"]);
      const { nodes } = await startMesh(lab, ["A", "B"], { args: ["--dataplane", "fast"] });
      const [a, b] = nodes as [MeshNode, MeshNode];
      await untilAllKnowAll(nodes);
      const x = lab.host("X");
      for (const { host } of nodes) await cutWhatIsSent(host);
      const vswitch = lab.use(await OpenVSwitch.start(x));
      const tunnel = { type, key: identifier } as const;
      await vswitch.connect(
        nodes.map(({ host }, i) => ({ ...tunnel, name: `to${i}`, remote: host.address4 })),
        { cidr: `${INNER}/24`, mtuBytes: MTU_BYTES },
      );
      await createNetwork(
        nodes,
        "blue",
        ...["--type", type, "--vni", `${identifier}`, "--cidr", "10.0.0.0/24", "--mtu", `${MTU_BYTES}`],
        ...["--underlay", "plain", "--remote", x.address4],
      );
      const web = await attach(lab, a, "blue", "web-1");
      await untilAnswers(web.namespace, INNER);
      assert.equal(await pingMany({ ...a.host, namespace: web.namespace }, INNER, 20), 20);
      const full = ["ping", "-c", "3", "-i", "0.05", "-W", "1", "-M", "do", "-s", `${MTU_BYTES - 28}`, INNER];
      await web.namespace.expectRun(full);
      const there = { place: x.namespace, address: INNER };
      for (const direction of [[], ["-R"]]) {
        const { bitsPerSecond } = await measureThroughput(web.namespace, there, ["-t", "1", ...direction]);
        assert(bitsPerSecond > 20e6, `${bitsPerSecond} bit/s ${direction}`);
      }
      const network = { name: "blue", cidr: "10.0.0.77/24", mtuBytes: MTU_BYTES };
      const machine = await Machine.start(lab, network, [a, b]);
      await untilAnswers(machine.namespace, INNER);
      await machine.moveWhileSending(there);
      await untilAnswers(machine.namespace, web.address);
    },
  );
}
