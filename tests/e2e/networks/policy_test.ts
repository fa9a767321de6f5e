import assert from "node:assert/strict";
import {
  createScratch,
  fetchBulk,
  type FetchedBulk,
  Lab,
  labTest,
  type MeshNode,
  PACKET_PLANE,
  type Place,
  serveBulk,
  startMesh,
  thoroughIf,
  untilAllKnowAll,
  waitFor,
} from "../../lab/mod.ts";
import { answers, attach, createNetwork, dropsOf, untilAnswers } from "./overlay_mesh.ts";

/** 8 Mbit/s. */
const BYTES_PER_SECOND = 1_000_000;
const BULK_BYTES = 2_000_000;
const PORT = 8080;

const policy = `
answer: reject
policies:
  - name: tiers
    network: blue
    priority: 10
    rules:
      - allow: { from: name=web-1, to: name=db-1, ports: tcp/${PORT} }
      - limit: { from: name=web-1, to: name=db-1, rate: 8mbit }
  - name: rest
    network: blue
    rules:
      - deny: { from: "*", to: name=db-1 }
      - deny: { from: name=db-1, to: "*" }
      - allow: { from: "*", to: "*" }
  - name: hosts
    rules:
      - limit: { from: name=a, to: name=b, rate: 8mbit }
`;

for (const plane of ["fast", "portable"] as const) {
  labTest(
    `weft policy, ${plane}: an overlay network's frames and members' packets are decided and held to their rates`,
    [...PACKET_PLANE, ...thoroughIf(plane === "portable")],
    async (test) => {
      await using lab = await Lab.create(["A", "B"]);
      const { nodes } = await startMesh(lab, ["A", "B"], { args: ["--dataplane", plane] });
      const [a, b] = nodes as [MeshNode, MeshNode];
      await untilAllKnowAll(nodes);
      await createNetwork(nodes, "blue", "--cidr", "10.0.0.0/24");
      const web = await attach(lab, a, "blue", "web-1");
      const other = await attach(lab, a, "blue", "other-1");
      const db = await attach(lab, b, "blue", "db-1");
      for (const { namespace } of [web, other]) await untilAnswers(namespace, db.address);

      await test.step("what no rule allows ends with the policy, what one does goes on", async () => {
        await using scratch = await createScratch("policy");
        const path = `${scratch.path}/policy.yaml`;
        await Deno.writeTextFile(path, policy);
        await a.weft.expectCommand("policy", "apply", path, "--yes");
        const { namespace } = other;
        await waitFor(async () => !(await answers(namespace, db.address)), 10_000, { what: "the policy" });
        assert.ok(await answers(namespace, web.address));
        assert.ok(!(await answers(db.namespace, other.address)));
        // Counts are told twice a second at most.
        for (const { weft } of [a, b]) {
          await waitFor(async () => await dropsOf(weft, "blue", "policy") > 0, 5_000, {
            what: "a denial is counted",
          });
        }
      });

      await test.step("a limited flow between endpoints is about as fast as its rule says", async () => {
        await measure(web.namespace, db.namespace, db.address);
      });

      await test.step("so is one between members", async () => {
        await measure(a.host.namespace, b.host.namespace, b.address);
      });
    },
  );
}

async function measure(from: Place, to: Place, address: string): Promise<void> {
  await using _server = await serveBulk(to, address, { port: PORT, seed: 15, lengthBytes: BULK_BYTES });
  await using client = fetchBulk(from, `http://${address}:${PORT}/`);
  await client.finished;
  const { bytes, ms }: FetchedBulk = JSON.parse(client.stdout);
  assert.equal(bytes, BULK_BYTES);
  const ratio = bytes / (ms / 1000) / BYTES_PER_SECOND;
  // Headers count, a burst does not, and a machine that is busy takes its time.
  assert.ok(ratio > 0.3 && ratio < 1.4, `${ratio.toFixed(2)} of the rate`);
}
