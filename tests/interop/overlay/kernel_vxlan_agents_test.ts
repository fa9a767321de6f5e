import assert from "node:assert/strict";
import {
  Lab,
  labTest,
  measureThroughput,
  type MeshNode,
  PACKET_PLANE,
  startMesh,
  untilAllKnowAll,
} from "../../lab/mod.ts";
import { attach, createNetwork, untilAnswers } from "../../e2e/networks/overlay_mesh.ts";
import { Machine } from "./machine.ts";

const INNER = "10.0.0.200";

labTest(
  "weft and the kernel's vxlan: members and a host that is none, and a machine that moves",
  [...PACKET_PLANE, "iperf3", "bridge"],
  async () => {
    await using lab = await Lab.create(["A", "B", "X"]);
    const { nodes } = await startMesh(lab, ["A", "B"], { args: ["--dataplane", "fast"] });
    const [a, b] = nodes as [MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    const x = lab.host("X");
    const { mtuBytes } = await createNetwork(
      nodes,
      "blue",
      ...["--vni", "1001", "--cidr", "10.0.0.0/24", "--underlay", "plain", "--remote", x.address4],
    );
    await x.namespace.ip(
      `link add vx0 type vxlan id 1001 dstport 4789 local ${x.address4} dev eth0`,
      `link set vx0 mtu ${mtuBytes} up`,
      `addr add ${INNER}/24 dev vx0`,
    );
    for (const { host } of nodes) {
      const flooded = ["bridge", "fdb", "append", "00:00:00:00:00:00", "dev", "vx0", "dst", host.address4];
      await x.namespace.expectRun(flooded);
    }
    const web = await attach(lab, b, "blue", "web-1", "--ip", "10.0.0.76");
    await untilAnswers(web.namespace, INNER);
    const there = { place: x.namespace, address: INNER };
    assert((await measureThroughput(web.namespace, there, ["-t", "1"])).bitsPerSecond > 20e6);
    const machine = await Machine.start(lab, { name: "blue", cidr: "10.0.0.77/24", mtuBytes }, [a, b]);
    await untilAnswers(machine.namespace, INNER);
    await untilAnswers(machine.namespace, web.address);
    await machine.moveWhileSending(there);
    await untilAnswers(machine.namespace, web.address);
  },
);
