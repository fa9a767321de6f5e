/**
 * Tests of packet planes on a path that takes only shorter packets than its hosts believe, and says nothing about it.
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  CapturedProcess,
  Lab,
  labTest,
  measureThroughput,
  type NetworkNamespace,
  PACKET_PLANE,
  startFrameNodes,
  thoroughIf,
  waitFor,
} from "../../lab/mod.ts";
import type { PathNodeSetup } from "../../lab/nodes/path_node.ts";

/** How long packets may be outside. */
const PATH_BYTES = 1300;
/** Less the headers of IPv4, UDP and WireGuard, and its tag. */
const INNER_BYTES = PATH_BYTES - 20 - 8 - 32;

async function startNode(
  lab: Lab,
  name: string,
  setup: Pick<PathNodeSetup, "end" | "endpoint" | "choice">,
): Promise<CapturedProcess> {
  const program = fileURLToPath(new URL("../../lab/nodes/path_node.ts", import.meta.url));
  const argument = JSON.stringify({ ...setup, pathMtuBytes: INNER_BYTES, probeBytes: [1400, 1200] });
  const command = [Deno.execPath(), "run", "--quiet", "--no-check", "-A", program, argument];
  const process = lab.use(
    new CapturedProcess(lab.host(name).namespace.command(command), { label: `${name}: path_node` }),
  );
  await process.until(({ stdout }) => stdout.includes("ready"), 20_000, "it is ready");
  return process;
}

function ping(
  from: NetworkNamespace,
  ...options: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return from.run(["ping", "-c", "3", "-i", "0.1", "-W", "3", ...options]);
}

for (const choice of ["fast", "portable"] as const) {
  labTest(
    `a ${choice} plane that knows the path's MTU carries what fits, and says or cuts what does not, in a black hole`,
    [...PACKET_PLANE, "iperf3", "ethtool", ...thoroughIf(choice === "portable")],
    async () => {
      await using lab = await Lab.create(["A", "B"]);
      const [a, b] = ["A", "B"].map((name) => lab.host(name).namespace) as [
        NetworkNamespace,
        NetworkNamespace,
      ];
      // A batch would pass as a whole where its datagrams do not.
      for (const each of [a, b]) {
        await each.expectRun(["ethtool", "-K", "eth0", "tx-udp-segmentation", "off"]);
      }
      await lab.narrow(PATH_BYTES);
      const nodeA = await startNode(lab, "A", {
        end: 1,
        endpoint: `${lab.host("B").address4}:51820`,
        choice,
      });
      const nodeB = await startNode(lab, "B", {
        end: 2,
        endpoint: `${lab.host("A").address4}:51820`,
        choice,
      });
      const [to4, to6] = ["10.201.0.2", "fd00:201::2"];
      await waitFor(async () => (await ping(a, to4)).code === 0, 20_000, { what: "the other end answers" });

      const fitting = await ping(a, "-M", "do", "-s", `${INNER_BYTES - 28}`, to4);
      assert.match(fitting.stdout, /3 received/);
      const tooLong = await ping(a, "-M", "do", "-s", `${INNER_BYTES - 27}`, to4);
      assert.match(tooLong.stdout + tooLong.stderr, new RegExp(`message too long, mtu[=:] ?${INNER_BYTES}`));
      // Whoever does not ask for that is cut, by the kernel as soon as it knows.
      assert.match((await ping(b, "-M", "dont", "-s", "1392", "10.201.0.1")).stdout, /3 received/);
      // IPv6 is told of 1,280 bytes, the least, and the rest is cut here.
      const areCut = async () => (await ping(a, "-s", "1372", to6)).stdout.includes("3 received");
      await waitFor(areCut, 20_000, { what: "both ends know that they have to cut" });

      for (const [from, to, address] of [[a, b, to4], [b, a, "10.201.0.1"], [a, b, to6]] as const) {
        const { bytes } = await measureThroughput(from, { place: to, address }, ["-n", "20M"]);
        assert.ok(bytes >= 10e6, `${bytes} bytes of TCP`);
      }
      const udp = await measureThroughput(a, { place: b, address: to4 }, [
        "-u",
        "-b",
        "5M",
        "-l",
        "1392",
        "-n",
        "300K",
      ]);
      assert.ok((udp.lostPercent ?? 100) < 20, `${udp.lostPercent} % of UDP was lost`);

      // A probe is not cut, although the host believes that the path takes less.
      await a.ip(`route add ${lab.host("B").address4}/32 dev eth0 mtu 1000`);
      nodeA.signal("SIGUSR1");
      await nodeB.until(({ stdout }) => stdout.includes("probe 1200"), 20_000, "the one that fits came");
      assert.ok(!nodeB.stdout.includes("probe 1400"), "the one that does not was cut on its way");
    },
  );
}

labTest(
  "an overlay network passes a path that takes less than the mesh's MTU, in a black hole",
  [...PACKET_PLANE, "iperf3", "ethtool"],
  async () => {
    await using lab = await Lab.create(["A", "B"]);
    const [a, b] = ["A", "B"].map((name) => lab.host(name).namespace) as [NetworkNamespace, NetworkNamespace];
    for (const each of [a, b]) await each.expectRun(["ethtool", "-K", "eth0", "tx-udp-segmentation", "off"]);
    await lab.narrow(PATH_BYTES);
    const blue = { name: "blue0", driver: "vxlan", identifier: 1001, mtuBytes: 1370, block: "10.0.0" };
    await startFrameNodes(lab, ["A", "B"], { choice: "fast", networks: [blue], pathMtuBytes: INNER_BYTES });
    await waitFor(async () => (await ping(a, "10.0.0.2")).code === 0, 20_000, {
      what: "the other end answers",
    });
    // Less the headers of IPv4, UDP, VXLAN and Ethernet.
    const room = INNER_BYTES - 50;
    assert.match((await ping(a, "-M", "do", "-s", `${room - 28}`, "10.0.0.2")).stdout, /3 received/);
    const tooLong = await ping(a, "-M", "do", "-s", `${room - 27}`, "10.0.0.2");
    assert.match(tooLong.stdout + tooLong.stderr, new RegExp(`message too long, mtu[=:] ?${room}`));
    assert.match((await ping(b, "-M", "dont", "-s", "1342", "10.0.0.1")).stdout, /3 received/);
    const { bytes } = await measureThroughput(a, { place: b, address: "10.0.0.2" }, ["-n", "20M"]);
    assert.ok(bytes >= 10e6, `${bytes} bytes of TCP`);
  },
);
