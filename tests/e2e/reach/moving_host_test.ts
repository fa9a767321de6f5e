/**
 * A host that changes its address, as a laptop does that is carried elsewhere.
 * @module
 */

import assert from "node:assert/strict";
import { Lab, labTest, NAMESPACES, waitFor, WeftNode } from "../../lab/mod.ts";

const BOUND_MS = 20_000;
/** On a quiet machine it is 2 s. */
const BACK_MS = 10_000;

labTest("a node whose host gets another address has its links again within seconds", NAMESPACES, async () => {
  await using lab = await Lab.create(["L", "A"]);
  const [l, a] = ["L", "A"].map((name) => lab.host(name));
  assert(l && a);
  // With one family there is no other way to be reached by meanwhile.
  for (const { namespace } of [l, a]) await namespace.ip("-6 addr flush dev eth0");
  const [leader, laptop] = [l, a].map(({ namespace, folder }, i) =>
    lab.use(
      new WeftNode(namespace, {
        name: `node-${i}`,
        stateDir: `${folder}/state`,
        args: ["--rootless", "--status-port", "off", "--no-discovery"],
      }),
    )
  );
  assert(leader && laptop);
  await laptop.start("--join", await leader.startLeader());
  const untilLinked = (): Promise<unknown> =>
    laptop.untilStatus(({ peers }) => peers[0]?.channel === "open", BOUND_MS, "it has a link");
  await untilLinked();
  assert.match(await laptop.expectCommand("ping", "node-0"), /ms/);

  await a.namespace.ip("addr del 192.0.2.2/24 dev eth0", "addr add 192.0.2.77/24 dev eth0");
  const movedAt = performance.now();
  // The leader's link and the laptop's are the same one again: either answers the other.
  for (const [from, to] of [[laptop, "node-0"], [leader, "node-1"]] as const) {
    const answers = async (): Promise<boolean> =>
      /ms/.test((await from.command("ping", to, "--count", "1")).stdout);
    await waitFor(answers, BACK_MS, { what: `${to} answers` });
  }
  // deno-lint-ignore no-console -- what was measured
  console.log(`back after ${Math.round(performance.now() - movedAt)} ms, with the start of two commands`);
  const { peers } = await leader.status();
  assert.ok(
    peers[0]?.endpoints?.some((endpoint) => endpoint.startsWith("192.0.2.77:")),
    "it says where it is",
  );
});
