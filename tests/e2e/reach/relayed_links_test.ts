/**
 * Two nodes without root of which neither can dial the other: their links go through a leader.
 * @module
 */

import assert from "node:assert/strict";
import {
  type Host,
  Lab,
  labTest,
  NAMESPACES,
  split,
  startNodeProgram,
  untilPrinted,
  waitFor,
  WeftNode,
} from "../../lab/mod.ts";

const BOUND_MS = 20_000;

/** Calls until an answer comes: what a program offers is heard of a moment later. */
async function untilAnswer(node: WeftNode, ...args: readonly string[]): Promise<string> {
  let answer = "";
  await waitFor(
    async () => {
      const { code, stdout } = await node.command("call", ...args);
      answer = stdout;
      return code === 0;
    },
    BOUND_MS,
    { what: `${args[0]} answers` },
  );
  return answer;
}

labTest(
  "two rootless nodes that reach only leaders call each other, and go on when the leader between them dies",
  NAMESPACES,
  async (test) => {
    await using lab = await Lab.create(["L1", "L2", "A", "B"]);
    const host = (name: string): Host => lab.host(name);
    const node = (name: string): WeftNode =>
      lab.use(
        new WeftNode(host(name).namespace, {
          name: name.toLowerCase(),
          stateDir: `${host(name).folder}/state`,
          args: ["--rootless", "--status-port", "off"],
        }),
      );
    const [first, second, a, b] = ["L1", "L2", "A", "B"].map(node);
    assert(first && second && a && b);
    const { heal } = await split([host("A")], [host("B")]);
    const token = await first.startLeader();
    await Promise.all([second, a, b].map((one) => one.start("--join", token)));
    await first.expectCommand("leader", "promote", "l2");

    const untilLinked = (one: WeftNode, other: string): Promise<unknown> =>
      one.untilStatus(
        ({ peers }) => peers.some(({ name, channel }) => name === other && channel === "open"),
        BOUND_MS,
        `it has a link to ${other}`,
      );

    await test.step("a link through a leader", async () => {
      await Promise.all([
        untilLinked(a, "b"),
        untilLinked(b, "a"),
        untilLinked(second, "a"),
        untilLinked(second, "b"),
      ]);
      assert.match(await a.expectCommand("ping", "b"), /ms/);
      assert.match(await b.expectCommand("ping", "a"), /ms/);
      const program = startNodeProgram({
        module: "tests/e2e/services/math_program.ts",
        stateDir: b.stateDir,
        args: ["attach", "b", b.stateDir],
        label: "program at b",
        place: host("B").namespace,
      });
      lab.use(program);
      await untilPrinted(program, "ready");
      assert.equal(await untilAnswer(a, "local/add", '{"a":1,"b":2}'), "3\n");
    });

    await test.step("the leader between them dies", async () => {
      await first.kill();
      await Promise.all([untilLinked(a, "b"), untilLinked(b, "a")]);
      assert.match(await b.expectCommand("ping", "a"), /ms/);
      assert.equal(await untilAnswer(a, "local/add", '{"a":2,"b":2}'), "4\n");
    });

    await test.step("they can dial each other", async () => {
      await heal();
      await second.kill();
      await Promise.all([untilLinked(a, "b"), untilLinked(b, "a")]);
      assert.match(await a.expectCommand("ping", "b"), /ms/);
    });
  },
);
