import assert from "node:assert/strict";
import { Node } from "../node/mod.ts";
import { dialUnix } from "../../transport/mod.ts";
import { programSocketPath } from "./program_client.ts";
import { startLoggedLeader } from "./testing/logged_leader.ts";

Deno.test("Node.attach() of a program that is one too many says so, and the agent has a line for it", async () => {
  await using leader = await startLoggedLeader();
  const { stateDir, warnings } = leader;
  const program = await Node.attach({ stateDir });
  const others = await Promise.all(Array.from({ length: 255 }, () => dialUnix(programSocketPath(stateDir))));
  try {
    const refused = await Node.attach({ stateDir }).then(() => undefined, (error) => error);
    assert.match(refused?.message, /does not let this program in: 256 programs are attached already/);
    assert.equal(refused.code, "Unreachable");
    assert.ok(warnings.includes("too many programs are attached: another one was turned away"));
    others[0]?.close();
    await using late = await attachSoon(stateDir);
    assert.equal(late.name, "program");
  } finally {
    for (const stream of others) stream?.close();
    await program.stop();
  }
});

/** Attaches as soon as there is room. */
async function attachSoon(stateDir: string): Promise<Node> {
  for (let turn = 0;; turn++) {
    try {
      return await Node.attach({ stateDir });
    } catch (error) {
      if (turn === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
