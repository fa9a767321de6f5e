import assert from "node:assert/strict";
import { createScratch, freePort, thisMachine, WeftNode } from "../lab/mod.ts";

Deno.test("weft up --rootless: three nodes join on loopback and reach each other's agents", async () => {
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(await createScratch("rootless"));
  const nodes = ["a", "b", "c"].map((name) => {
    const port = freePort();
    const ports = ["--port", String(port), "--status-port", String(freePort())];
    return stack.use(
      new WeftNode(thisMachine, {
        name,
        stateDir: `${scratch.path}/${name}`,
        args: ["--rootless", "--endpoint", `127.0.0.1:${port}`, ...ports],
      }),
    );
  });
  const [a, b, c] = nodes as [WeftNode, WeftNode, WeftNode];
  const token = await a.startLeader();
  await Promise.all([b, c].map((node) => node.start("--join", token)));
  for (const node of nodes) {
    const status = await node.untilStatus(
      (status) => status.peers.length === 2 && status.peers.every((peer) => peer.channel === "open"),
      10_000,
      "its channels are open",
    );
    assert.equal(status.dataplane.kind, "rootless");
  }
  assert.match(await b.expectCommand("ping", "c"), /ms/);
  await a.kill();
  assert.match(await c.expectCommand("ping", "b"), /ms/);
  const status = await a.start("up");
  assert.equal(status.node.addresses[0], "10.200.0.1");
  for (const node of nodes) assert.equal((await node.stop()).code, 0, node.process.tail());
});
