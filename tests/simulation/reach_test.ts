/**
 * Nodes at all kinds of places find paths to each other: by a relay at once, and directly where NATs let them. Seeded;
 * `WEFT_SIM_NODES=1000` makes it a large one.
 */
import assert from "node:assert/strict";
import { describePair, hasDirectPath, type NodePair, ReachSimulation } from "../../lib/simulation/mod.ts";

const NODES = Number(Deno.env.get("WEFT_SIM_NODES") ?? 120);
const seed = Number(Deno.env.get("WEFT_SIM_SEED") ?? 1);

function describe(pair: NodePair): string {
  return `${describePair(pair)} (seed ${seed})`;
}

Deno.test(`${NODES} nodes at all kinds of places reach each other (seed ${seed})`, async (t) => {
  const simulation = new ReachSimulation({ nodes: NODES, seed });
  const { internet, pairs } = simulation;
  simulation.begin();

  await t.step("every pair has some path within a second", () => {
    simulation.use(pairs, 1_000);
    const late = pairs.filter(({ a, b }) => !a.chosen.has(b.id));
    assert.deepEqual(late.map(describe), []);
  });

  await t.step("and a direct one within three, wherever that is possible", () => {
    simulation.use(pairs, 2_000);
    const late = pairs.filter(({ a, b }) => hasDirectPath(a.kind, b.kind) && !a.directAt.has(b.id));
    assert.deepEqual(late.map(describe), []);
    const direct = pairs.filter(({ a, b }) => a.directAt.has(b.id));
    for (const pair of direct) {
      assert.ok(hasDirectPath(pair.a.kind, pair.b.kind), `no such path: ${describe(pair)}`);
    }
    const times = pairs.map((pair) => simulation.firstPathMs(pair) ?? Infinity).toSorted((x, y) => x - y);
    // deno-lint-ignore no-console -- the figures of a large run are asked for
    console.log(
      `${pairs.length} pairs, ${direct.length} direct; first path after ${
        times[times.length >> 1]
      } ms (median), ` +
        `${times.at(-1)} ms (longest)`,
    );
  });

  await t.step("a relay that dies is replaced within three seconds", () => {
    const relayed = pairs.filter(({ a, b }) => a.watch.prober.paths(b.id)?.chosen?.kind === "relay");
    const [dead] = internet.leaders;
    assert.ok(dead !== undefined && relayed.length > 0);
    internet.takeDown(dead);
    simulation.use(relayed, 3_000);
    const cut = relayed.filter(({ a, b }) => {
      const path = a.watch.prober.paths(b.id)?.chosen;
      return path === undefined || path.via === dead.id;
    });
    assert.deepEqual(cut.map(describe), []);
  });
});
