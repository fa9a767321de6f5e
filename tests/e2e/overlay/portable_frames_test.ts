/**
 * Tests of overlay networks inside of the mesh by two portable packet planes and their TAPs, without agents.
 * @module
 */

import assert from "node:assert/strict";
import { Lab, labTest, measureThroughput, PACKET_PLANE, startFrameNodes, waitFor } from "../../lab/mod.ts";

const BLUE = { name: "blue0", driver: "vxlan", identifier: 1001, mtuBytes: 1370, block: "10.0.0" };
const RED = { ...BLUE, name: "red0", identifier: 1002, block: "10.0.1" };

labTest(
  "PortablePlane carries overlay networks: ping, the longest packets, and TCP each way",
  [...PACKET_PLANE, "iperf3"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const nodes = await startFrameNodes(lab, ["A", "B"], { choice: "portable", networks: [BLUE, RED] });
    const [a, b] = [nodes[0].namespace, nodes[1].namespace];
    for (const block of [BLUE.block, RED.block]) {
      const ping = ["ping", "-c", "1", "-W", "1", `${block}.2`];
      await waitFor(async () => (await a.run(ping)).code === 0, 10_000, { what: "the other end answers" });
      await a.expectRun(["ping", "-c", "3", "-i", "0.05", "-W", "1", "-M", "do", "-s", "1342", `${block}.2`]);
    }
    const tooLong = await a.run(["ping", "-c", "1", "-W", "1", "-M", "do", "-s", "1343", "10.0.0.2"]);
    assert.notEqual(tooLong.code, 0);
    for (const options of [[], ["-R"]]) {
      const server = { place: b, address: "10.0.0.2" };
      const { bitsPerSecond } = await measureThroughput(a, server, ["-t", "1", ...options]);
      assert.ok(bitsPerSecond > 1e7, `${bitsPerSecond} bit/s`);
    }
  },
);
