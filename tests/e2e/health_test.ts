import assert from "node:assert/strict";
import { Lab, labTest, type MeshNode, PACKET_PLANE, startMesh, untilAllKnowAll } from "../lab/mod.ts";

/** What users are promised. */
const KNOWN_WITHIN_MS = 30_000;
/** After the network is whole again: a handshake is tried every 5 s and brings a probe with it. */
const BACK_WITHIN_MS = 20_000;

/** Waits until `node` says of the peer `name` whether it is healthy. @returns how long that took, in milliseconds */
async function untilHealth(
  node: MeshNode,
  name: string,
  healthy: boolean,
  boundMs: number,
): Promise<number> {
  const startedAt = performance.now();
  await node.weft.untilStatus(
    ({ peers }) => peers.find((peer) => peer.name === name)?.healthy === healthy,
    boundMs,
    `${node.weft.name} finds ${name} ${healthy ? "healthy" : "away"}`,
  );
  return performance.now() - startedAt;
}

/** What takes longer is a probe that failed, in milliseconds. */
const PROBE_MS = 5_000;

labTest(
  "weft status: a killed peer, a cut one and a half-open path are known within 30 s, and so is their return",
  [...PACKET_PLANE, "nft"],
  async (test) => {
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C", "D"], { args: ["--log-level", "debug"] });
    const [a, b, c, d] = nodes as [MeshNode, MeshNode, MeshNode, MeshNode];
    await untilAllKnowAll(nodes);

    await test.step("probes go through the tunnel and take a plausible time", async () => {
      for (const node of nodes) {
        const { peers } = await node.weft.untilStatus(
          (status) => status.peers.every((peer) => peer.path === "direct" && peer.lossPercent !== null),
          10_000,
          "each tunnel has answered a probe",
        );
        for (const peer of peers) {
          assert(peer.healthy && peer.failureCount === 0);
          assert(peer.rttMs !== null && peer.rttMs > 0.05 && peer.rttMs < PROBE_MS, `${peer.rttMs} ms`);
          assert(peer.score > 0 && peer.score <= 100);
        }
      }
      assert.match(
        await b.weft.expectCommand("ping", "c", "--count", "2"),
        /^(c answers in [\d.]+ ms, direct \S+, MTU \d+, handshake \d+ s ago\n){2}2 asked, 0 % lost, /,
      );
      assert.match(await b.weft.expectCommand("peers"), /\bc +10\.200\.0\.3 +healthy +direct .* ms +0 % /);
      assert.match(await b.weft.get("/metrics"), /^weft_peer_health_score\{peer="c",.*\} \d+$/m);
      assert.deepEqual(JSON.parse(await b.weft.get("/healthz")).peers, { healthy: 3, unhealthy: 0 });
    });

    const fromA = `ip saddr ${a.host.address4}`;
    const fromA6 = `ip6 saddr ${a.host.address6}`;
    await test.step("each loss is known in time, by both ends of the half-open path", async () => {
      const rules =
        `table inet half { chain in { type filter hook input priority 0; ${fromA} drop; ${fromA6} drop; }; }`;
      await b.host.namespace.expectRun(["nft", rules]);
      await c.host.namespace.ip("link set eth0 down");
      const [halfAB, halfBA, cut] = await Promise.all([
        untilHealth(a, "b", false, KNOWN_WITHIN_MS),
        untilHealth(b, "a", false, KNOWN_WITHIN_MS),
        untilHealth(a, "c", false, KNOWN_WITHIN_MS),
      ]);
      const hasHeard = ({ stderr }: { readonly stderr: string }) =>
        stderr.includes("a member is missed by another") || undefined;
      await d.weft.process.until(hasHeard, 5_000, "the third node is told");
      await d.weft.kill();
      const killed = await untilHealth(a, "d", false, KNOWN_WITHIN_MS);
      report(
        `half-open ${seconds(halfAB)} and ${seconds(halfBA)}, cut ${seconds(cut)}, killed ${seconds(killed)}`,
      );
      assert(killed < 15_000, "the end of its channel is a hint");
      const { peers } = await a.weft.status();
      for (const peer of peers) {
        assert(peer.failureCount >= 2 && peer.score === 0 && peer.path === "none", JSON.stringify(peer));
      }
      const ping = await a.weft.command("ping", "c");
      assert.equal(ping.code, 1);
      assert.match(ping.stderr, /Cannot reach c.*\nhint: /);
    });

    await test.step("they are healthy again soon after the network is whole", async () => {
      await b.host.namespace.expectRun(["nft", "delete table inet half"]);
      await c.host.namespace.ip("link set eth0 up");
      await d.weft.start("up");
      const times = await Promise.all([
        untilHealth(a, "b", true, BACK_WITHIN_MS),
        untilHealth(b, "a", true, BACK_WITHIN_MS),
        untilHealth(a, "c", true, BACK_WITHIN_MS),
        untilHealth(a, "d", true, BACK_WITHIN_MS),
      ]);
      report(`back: ${times.map(seconds).join(", ")}`);
    });
  },
);

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function report(text: string): void {
  // deno-lint-ignore no-console -- figures belong in the runner's output
  console.log(text);
}
