import assert from "node:assert/strict";
import { Lab, labTest, measureThroughput, PACKET_PLANE, pingMany } from "../lab/mod.ts";
import { carryTcp, startWgPair } from "./wg_fast_pair.ts";

labTest(
  "the fast path carries TCP and UDP where the network cuts and joins no batches",
  [...PACKET_PLANE, "wg", "iperf3", "ethtool"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const { a, b } = await startWgPair(lab);
    for (const { host } of [a, b]) {
      await host.namespace.expectRun(["ethtool", "-K", "eth0", "tx-udp-segmentation", "off"]);
    }
    for (const [from, to] of [[a, b], [b, a]] as const) {
      assert.equal(await pingMany(from.host, to.address4, 20), 20);
      const tcp = await carryTcp(from, to, ["-n", "60M"]);
      assert.ok(tcp.bytes > 40e6, `${tcp.bytes}`);
      const server = { place: to.host.namespace, address: to.address6 };
      const udp = await measureThroughput(from.host.namespace, server, [
        "-u",
        "-b",
        "80M",
        "-l",
        "1300",
        "-n",
        "8M",
      ]);
      assert.ok((udp.lostPercent ?? 100) < 10, `${udp.lostPercent} % of the datagrams were lost`);
      // deno-lint-ignore no-console -- a measurement for the log
      console.log(`without GSO: ${(tcp.bitsPerSecond / 1e6).toFixed(0)} Mbit/s of TCP`);
    }
  },
);
