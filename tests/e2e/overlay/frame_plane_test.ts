/**
 * Tests of overlay networks inside of the mesh by two packet planes and their TAPs, without agents.
 * @module
 */

import assert from "node:assert/strict";
import { Lab, labTest, measureThroughput, PACKET_PLANE, startFrameNodes, waitFor } from "../../lab/mod.ts";

const BLUE = { name: "blue0", driver: "vxlan", identifier: 1001, mtuBytes: 1370, block: "10.0.0" };
const RED = { ...BLUE, name: "red0", identifier: 1002, block: "10.0.1" };

labTest(
  "FastPlane carries overlay networks: ping, the longest packets, TCP each way and UDP without loss of order",
  [...PACKET_PLANE, "iperf3"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const nodes = await startFrameNodes(lab, ["A", "B"], { choice: "fast", networks: [BLUE, RED] });
    const [a, b] = [nodes[0].namespace, nodes[1].namespace];
    for (const block of [BLUE.block, RED.block]) {
      const ping = ["ping", "-c", "1", "-W", "1", `${block}.2`];
      await waitFor(async () => (await a.run(ping)).code === 0, 10_000, { what: "the other end answers" });
      for (const size of [1, 1342]) {
        await a.expectRun([
          "ping",
          "-c",
          "3",
          "-i",
          "0.05",
          "-W",
          "1",
          "-M",
          "do",
          "-s",
          `${size}`,
          `${block}.2`,
        ]);
      }
    }
    const tooLong = await a.run(["ping", "-c", "1", "-W", "1", "-M", "do", "-s", "1343", "10.0.0.2"]);
    assert.notEqual(tooLong.code, 0);
    for (const options of [[], ["-R"]]) {
      const server = { place: b, address: "10.0.0.2" };
      const { bitsPerSecond } = await measureThroughput(a, server, ["-t", "2", ...options]);
      assert.ok(bitsPerSecond > 2e8, `${bitsPerSecond} bit/s`);
    }
    const udp = await measureThroughput(a, { place: b, address: "10.0.0.2" }, [
      ...["-u", "-b", "50M", "-t", "1", "-l", "1300"],
    ]);
    assert.ok((udp.lostPercent ?? 100) < 5, `${udp.lostPercent} % lost`);
  },
);

labTest(
  "FastPlane tells of a TAP that is deleted, and carries the other networks on",
  PACKET_PLANE,
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const [a, b] = await startFrameNodes(lab, ["A", "B"], { choice: "fast", networks: [BLUE, RED] });
    const answers = async (block: string) =>
      (await a.namespace.run(["ping", "-c", "1", "-W", "1", `${block}.2`])).code === 0;
    for (const { block } of [BLUE, RED]) {
      await waitFor(() => answers(block), 10_000, { what: "the other end answers" });
    }
    await b.namespace.ip("link del blue0");
    const isTold = ({ stdout }: typeof b.process) =>
      stdout.includes('{"event":{"kind":"port-gone","port":11}}');
    await b.process.until(isTold, 5_000, "it tells of the port");
    assert.equal(await answers(BLUE.block), false);
    assert.equal(await answers(RED.block), true);
    assert.equal(b.process.stdout.match(/port-gone/g)?.length, 1);
  },
);
