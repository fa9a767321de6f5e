/**
 * Releases that speak other protocol versions: what people at both ends are told, and that it ends with the upgrade.
 * @module
 */

import assert from "node:assert/strict";
import {
  assertRefusal,
  createScratch,
  loopbackArgs,
  run,
  thisMachine,
  weftCommand,
  WeftNode,
} from "../lab/mod.ts";

Deno.test("nodes without a protocol version in common say so at both ends, and meet when one was upgraded", async () => {
  await using scratch = await createScratch("versions");
  await using stack = new AsyncDisposableStack();
  // Each stays where it is, as an upgraded machine does.
  const args = { a: loopbackArgs(), b: loopbackArgs() };
  const node = (name: "a" | "b", protocols?: string) =>
    stack.use(
      new WeftNode(thisMachine, {
        name,
        stateDir: `${scratch.path}/${name}`,
        args: args[name],
        ...protocols !== undefined && { env: { WEFT_TEST_PROTOCOLS: protocols } },
      }),
    );
  const a = node("a");
  const token = await a.startLeader();

  // A machine of a later release is not let in, and told why at once.
  const startedAt = performance.now();
  const state = `${scratch.path}/later`;
  const refused = await run(
    weftCommand("--join", token, "--state", state, "--name", "later", ...loopbackArgs()),
    {
      env: { NO_COLOR: "1", WEFT_DISCOVERY: "no", WEFT_TEST_PROTOCOLS: "join=2-3" },
    },
  );
  assertRefusal(refused, {
    code: 1,
    says: /the leader speaks version 1 of the protocol join, this node versions 2 to 3/,
  });
  assert.match(refused.stderr, /^hint: Upgrade weft on the leader\.$/m);
  assert(performance.now() - startedAt < 10_000, "it waits for no timeout");
  await a.process.until(
    ({ stderr }) => /cannot let in: a machine with a token speaks versions 2 to 3/.test(stderr) || undefined,
    5_000,
    "the leader's log says so too",
  );

  // A member that was upgraded too far speaks with nobody, and both are told.
  const b = node("b");
  await b.start("--join", token);
  await b.stop();
  const later = node("b", "service=2");
  await later.start("up");
  for (
    const [one, says, hint] of [
      [a, /b speaks version 2 of the protocol service, this node version 1/, /Upgrade weft on this node/],
      [later, /a speaks version 1 of the protocol service, this node version 2/, /Upgrade weft on a\./],
    ] as const
  ) {
    const other = one === a ? "b" : "a";
    await one.untilStatus(
      ({ peers }) => peers.some(({ name, conflict }) => name === other && conflict !== undefined),
      15_000,
      `${one.name} knows why ${other} has no link`,
    );
    const shown = await Promise.all([
      one.expectCommand("status"),
      one.expectCommand("peer", "show", other),
      one.command("doctor").then(({ stdout }) => stdout),
      one.command("ping", other).then(({ stderr }) => stderr),
    ]);
    for (const text of shown) {
      assert.match(text, says);
      assert.match(text, hint);
    }
    assert.match(await one.expectCommand("peers"), new RegExp(`^${other} .*other version`, "m"));
    assert.match(one.process.stderr, says);
  }

  // The one that stayed behind is upgraded: it speaks both.
  await a.stop();
  const upgraded = node("a", "service=1-2");
  await upgraded.start("up");
  for (const [one, other] of [[upgraded, "b"], [later, "a"]] as const) {
    const status = await one.untilStatus(
      ({ peers }) => peers.some(({ name, channel }) => name === other && channel === "open"),
      20_000,
      `${one.name} has a link to ${other}`,
    );
    assert.equal(status.warnings, undefined);
  }
  for (const one of [upgraded, later]) assert.equal((await one.stop()).code, 0, one.process.tail());
});
