import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import {
  Lab,
  labTest,
  type MeshNode,
  PACKET_PLANE,
  pingOnce,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../../lab/mod.ts";
import type { Forgery } from "./forging_member.ts";

const projectRoot = fileURLToPath(new URL("../../../", import.meta.url));

labTest(
  "weft up: forged updates about another member are refused and counted, and nothing else breaks",
  PACKET_PLANE,
  async () => {
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C", "D"]);
    const [a, b, c, d] = nodes as [MeshNode, MeshNode, MeshNode, MeshNode];
    await untilAllKnowAll(nodes);
    assert.deepEqual((await a.weft.status()).refused, {});
    const before = (await d.weft.status()).peers.find(({ name }) => name === "b");
    await c.weft.stop();
    const forgery: Forgery = {
      stateDir: c.weft.stateDir,
      target: "a",
      endpoint: `${a.host.address4}:51820`,
      victim: "b",
    };
    const program = fileURLToPath(new URL("./forging_member.ts", import.meta.url));
    await c.host.namespace.expectRun(
      [
        Deno.execPath(),
        "run",
        "--quiet",
        "-A",
        "--config",
        `${projectRoot}deno.json`,
        program,
        JSON.stringify(forgery),
      ],
      { label: "the forging member" },
    );
    const expected = { signature: 2, future: 1, oversized: 1, "unknown-node": 1, network: 1, unreadable: 1 };
    const refused = await waitFor(
      async () => {
        const { refused } = await a.weft.status();
        return Object.values(refused).reduce((sum, count) => sum + count, 0) >= 7 ? refused : undefined;
      },
      5_000,
      { what: "everything was counted" },
    );
    for (const [reason, count] of Object.entries(expected)) {
      assert.equal(refused[reason], count, `${reason}: ${JSON.stringify(refused)}`);
    }
    const { code, stdout } = await a.weft.command("doctor");
    assert.equal(code, 1);
    assert.match(stdout, /problem +records .*2 signature/);
    // Nobody was told any of it.
    for (const { weft } of [b, d]) assert.deepEqual((await weft.status()).refused, {});
    const after = (await d.weft.status()).peers.find(({ name }) => name === "b");
    assert.deepEqual([after?.publicKey, after?.endpoint], [before?.publicKey, before?.endpoint]);
    await pingOnce(d.host, b.address);
    await pingOnce(b.host, a.address);
    // The host of the forging member may be honest again.
    await c.weft.start("up");
    await waitFor(() => pingOnce(c.host, b.address, 1), 10_000, { what: "c is back" });
  },
);
