/**
 * What a policy takes away from a running mesh: a connection that is under way, names, pings by channel; and that a member that starts again lets nothing of it through.
 * @module
 */

import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  type MeshNode,
  nodeOn,
  PACKET_PLANE,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../../lab/mod.ts";

const EFFECT_MS = 5_000;

/** @returns the first address that a program on the host is given for a name, or undefined */
async function resolve(host: Host, name: string): Promise<string | undefined> {
  const { stdout } = await host.namespace.run(["getent", "ahostsv4", name]);
  return stdout.split(/\s/)[0] || undefined;
}

async function answers({ host }: MeshNode, address: string): Promise<boolean> {
  return (await host.namespace.run(["ping", "-c", "1", "-W", "1", address])).code === 0;
}

for (const dataplane of ["fast", "portable"]) {
  labTest(
    `policy apply: what it takes away ends, and stays away over a restart (${dataplane})`,
    [...PACKET_PLANE, "getent", "iperf3"],
    async (test) => {
      await using lab = await Lab.create(["A", "B", "C"]);
      const { nodes, token } = await startMesh(lab, ["A", "B"], { args: ["--dataplane", dataplane] });
      const [a, b] = nodes as readonly [MeshNode, MeshNode];
      const c = nodeOn(lab, "C", { args: ["--rootless"] });
      await c.start("--join", token);
      await untilAllKnowAll(nodes);
      await waitFor(() => answers(b, a.address), EFFECT_MS, { what: "a answers b" });
      assert.equal((await c.command("ping", "a")).code, 0);
      const document = {
        answer: "reject",
        names: "hide",
        policies: [{
          name: "shut",
          rules: [{ deny: { from: "name in (b, c)", to: "name=a" } }, { allow: { from: "*", to: "*" } }],
        }],
      };

      await test.step("an established connection ends", async () => {
        await using _server = a.host.namespace.spawn(["iperf3", "-s", "-1", "-B", a.address]);
        const client = () => b.host.namespace.spawn(["iperf3", "-c", a.address, "-t", "60", "--forceflush"]);
        let running = client();
        await waitFor(
          () => {
            // Its server may not listen yet.
            if (running.ended !== undefined) running = client();
            return running.stdout.includes("bits/sec");
          },
          10_000,
          { what: "iperf3 runs" },
        );
        await a.weft.post("/policies", { document, yes: true });
        const finished = await Promise.race([
          running.finished,
          new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 15_000)),
        ]);
        await running.kill();
        assert.ok(finished, "iperf3 goes on");
        assert.notEqual(finished.code, 0);
      });

      await test.step("names are hidden from whoever may reach nothing, and from nobody else", async () => {
        await waitFor(async () => await resolve(b.host, "a.weft.internal") === undefined, EFFECT_MS, {
          what: "b is told nothing of a",
        });
        assert.notEqual((await b.host.namespace.run(["getent", "hosts", a.address])).code, 0);
        assert.equal(await resolve(a.host, "b.weft.internal"), b.address);
      });

      await test.step("a ping by channel names the rule", async () => {
        const { code, stderr } = await c.command("ping", "a");
        assert.notEqual(code, 0);
        assert.match(stderr, /shut#1/);
      });

      await test.step("a member that starts again enforces before its first packet", async () => {
        await b.weft.stop();
        await b.weft.start("up");
        for (let i = 0; i < 5; i++) assert.equal(await answers(b, a.address), false);
        // What the others begin still comes in, and its replies go out.
        await waitFor(() => answers(a, b.address), EFFECT_MS, { what: "b answers a" });
      });
    },
  );
}
