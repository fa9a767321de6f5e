/**
 * Packets that a policy has go by another member, whose own kernel forwards them, or does not.
 * @module
 */

import assert from "node:assert/strict";
import {
  fetchBulk,
  type FetchedBulk,
  type Host,
  Lab,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  serveBulk,
  startMesh,
  untilAllKnowAll,
} from "../../lab/mod.ts";

const PORT = 5432;
const BULK_BYTES = 1_000_000;
/** Of what is forwarded, each direction by itself. */
const COUNTERS = `table ip seen {
  chain forward {
    type filter hook forward priority 0; policy accept;
    tcp dport ${PORT} counter
    tcp sport ${PORT} counter
  }
}
`;

/** @returns how many packets the kernel has forwarded to the service, and from it */
async function forwarded({ namespace }: Host): Promise<readonly number[]> {
  const rules = await namespace.expectRun(["nft", "list", "table", "ip", "seen"]);
  return [...rules.matchAll(/counter packets (\d+)/g)].map(([, packets]) => Number(packets));
}

labTest(
  "policy apply: a redirected connection goes by another member, there and back, and not without it",
  [...PACKET_PLANE, "nft", "sysctl", "curl"],
  async () => {
    await using lab = await Lab.create(["A", "B", "C"]);
    // The planes are mixed: who begins is on the fast one, who answers on the portable one.
    const { nodes: [a], token } = await startMesh(lab, ["A"], { args: ["--dataplane", "fast"] });
    assert.ok(a);
    const join = async (host: string, dataplane: string): Promise<MeshNode> => {
      const weft = nodeOn(lab, host, { args: ["--dataplane", dataplane] });
      const { node: { addresses: [address = ""] } } = await weft.start("--join", token);
      return { host: lab.host(host), weft, address, upMs: 0 };
    };
    const [b, c] = [await join("B", "portable"), await join("C", "fast")];
    await untilAllKnowAll([a, b, c]);
    const rules = [
      { redirect: { from: "name=a", to: "name=b", ports: `tcp/${PORT}`, via: "name=c" } },
      { allow: { from: "name=a", to: "name=b", protocol: "icmp" } },
    ];
    await a.weft.expectCommand("policy", "explain", "a", `b:${PORT}`);
    await a.weft.post("/policies", { document: { rules }, yes: true });
    const { namespace } = c.host;
    await Deno.writeTextFile(`${c.host.folder}/seen.nft`, COUNTERS);
    await namespace.expectRun(["nft", "-f", `${c.host.folder}/seen.nft`]);
    await using _server = await serveBulk(b.host.namespace, b.address, {
      port: PORT,
      seed: 5,
      lengthBytes: BULK_BYTES,
    });
    const url = `http://${b.address}:${PORT}/`;
    // Whose host forwards nothing keeps what it gets.
    await namespace.expectRun(["sysctl", "-w", "net.ipv4.ip_forward=0"]);
    const refused = await a.host.namespace.run(["curl", "-s", "-m", "2", "-o", "/dev/null", url]);
    assert.notEqual(refused.code, 0);
    assert.deepEqual(await forwarded(c.host), [0, 0]);
    await namespace.expectRun(["sysctl", "-w", "net.ipv4.ip_forward=1"]);
    await using client = fetchBulk(a.host.namespace, url);
    await client.finished;
    const { bytes }: FetchedBulk = JSON.parse(client.stdout);
    assert.equal(bytes, BULK_BYTES);
    const [there = 0, back = 0] = await forwarded(c.host);
    assert.ok(there > 10 && back > 10, `${there} and ${back} packets were forwarded`);
  },
);
