/**
 * This release beside a former one, whose checkout `WEFT_FORMER` names: packets and messages between both, whoever leads,
 * and a state that the former one has written, which this one goes on with.
 *
 *     git worktree add /tmp/former v0.1.0 && WEFT_FORMER=/tmp/former deno task test:thorough tests/e2e/skew_test.ts
 *
 * @module
 */

import assert from "node:assert/strict";
import { runOptions } from "../../lib/cli/own_command.ts";
import { createScratch, Lab, labTest, PACKET_PLANE, waitFor, WeftNode } from "../lab/mod.ts";

const NEEDS = [...PACKET_PLANE, "former", "thorough"] as const;

/** @returns a program that runs the former release */
async function formerProgram(folder: string): Promise<string> {
  const checkout = Deno.env.get("WEFT_FORMER") ?? assert.fail();
  const path = `${folder}/former`;
  const words = [
    Deno.execPath(),
    "run",
    ...runOptions(),
    "--config",
    `${checkout}/deno.json`,
    `${checkout}/main.ts`,
  ];
  await Deno.writeTextFile(path, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(" ")} "$@"\n`, {
    mode: 0o755,
  });
  return path;
}

for (const [leads, joins] of [["this", "former"], ["former", "this"]] as const) {
  labTest(
    `${leads} release leads, and the ${joins} one joins, is reached, and is brought to this one`,
    NEEDS,
    async () => {
      await using scratch = await createScratch("skew");
      const former = await formerProgram(scratch.path);
      await using lab = await Lab.create(["A", "B"]);
      const node = (name: "A" | "B", release: "this" | "former") => {
        const { namespace, folder, address4 } = lab.host(name);
        return lab.use(
          new WeftNode(namespace, {
            name: name.toLowerCase(),
            stateDir: `${folder}/state`,
            args: ["--endpoint", `${address4}:51820`],
            ...release === "former" && { program: former },
          }),
        );
      };
      const [a, b] = [node("A", leads), node("B", joins)];
      const token = await a.startLeader();
      await b.start("--join", token);
      const meet = async (one: WeftNode, other: WeftNode) => {
        const isThere = ({ peers }: Awaited<ReturnType<WeftNode["status"]>>) =>
          peers.some((peer) => peer.name === other.name && peer.healthy && peer.channel === "open");
        await one.untilStatus(isThere, 30_000, `${one.name} has ${other.name}`);
        // The message plane, asked by the program of each release.
        assert.match(await one.expectCommand("ping", other.name), /answers in/);
      };
      const pings = async () => {
        for (const [from, to] of [["A", b], ["B", a]] as const) {
          const [address = ""] = (await to.status()).node.addresses;
          const { namespace } = lab.host(from);
          const answers = async () =>
            (await namespace.run(["ping", "-c", "1", "-W", "2", address])).code === 0;
          await waitFor(answers, 15_000, { what: `packets reach ${to.name}` });
        }
      };
      await meet(a, b);
      await meet(b, a);
      await pings();

      // Members first, leaders last: each goes on with its state.
      const [old, kept] = joins === "former" ? [b, a] : [a, b];
      const before = (await old.status()).node;
      await old.stop();
      const anew = node(old === a ? "A" : "B", "this");
      const after = (await anew.start("up")).node;
      assert.deepEqual([after.name, after.addresses, after.publicKey, after.role], [
        before.name,
        before.addresses,
        before.publicKey,
        before.role,
      ]);
      await meet(anew, kept);
      await meet(kept, anew);
      await pings();
    },
  );
}
