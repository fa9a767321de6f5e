import assert from "node:assert/strict";
import { createScratch, loopbackArgs, run, thisMachine, WeftNode } from "../lab/mod.ts";

/** A node hears at its next round of upkeep that it was stated by another, states itself, and hears it again. */
const BOUND_MS = 100_000;

Deno.test("two machines with copies of one state directory are named on both and at others, and a restart is none", async () => {
  await using stack = new AsyncDisposableStack();
  const scratch = stack.use(await createScratch("clone"));
  const [lead, web, copy] = ["lead", "web", "copy"].map((name) =>
    stack.use(new WeftNode(thisMachine, { name, stateDir: `${scratch.path}/${name}`, args: loopbackArgs() }))
  ) as [WeftNode, WeftNode, WeftNode];
  const token = await lead.startLeader();
  await web.start("--join", token);
  await web.stop();
  await run(["cp", "-r", web.stateDir, copy.stateDir]);
  await web.start("up");
  await lead.untilStatus(
    ({ peers }) => peers.some(({ channel }) => channel === "open"),
    20_000,
    "it is back",
  );
  assert.equal((await lead.status()).warnings, undefined);
  await copy.start("up");
  const cloneTold = (node: WeftNode) =>
    node.untilStatus(
      ({ warnings = [] }) => warnings.some(({ kind }) => kind === "clone"),
      BOUND_MS,
      "it tells",
    );
  const [atLead, atWeb, atCopy] = await Promise.all([lead, web, copy].map(cloneTold));
  const texts = (status: typeof atLead) => status?.warnings?.map(({ text }) => text).join() ?? "";
  assert.match(
    texts(atLead),
    /two machines run with the keys of web, at 127\.0\.0\.1:\d+ and at 127\.0\.0\.1:\d+/,
  );
  for (const status of [atWeb, atCopy]) {
    assert.match(texts(status), /another machine runs with the keys of this node/);
  }
  assert.match(await web.expectCommand("status"), /warning +another machine runs/);
  const { code, stdout } = await copy.command("doctor");
  assert.equal(code, 1);
  assert.match(stdout, /another machine runs with the keys of this node/);
});
