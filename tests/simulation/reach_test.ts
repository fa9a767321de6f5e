/**
 * Nodes at all kinds of places find paths to each other: by a relay at once, and directly where NATs let them. Seeded;
 * `WEFT_SIM_NODES=1000` makes it a large one.
 */
import assert from "node:assert/strict";
import { randomUint32 } from "../../lib/base/mod.ts";
import {
  hasDirectPath,
  PLACE_KINDS,
  type PlaceKind,
  VirtualInternet,
  type VirtualNode,
} from "../../lib/agent/paths/testing/virtual_internet.ts";

const NODES = Number(Deno.env.get("WEFT_SIM_NODES") ?? 120);
const PAIRS_OF_A_NODE = 4;
const seed = Number(Deno.env.get("WEFT_SIM_SEED") ?? 1);

interface Pair {
  readonly a: VirtualNode;
  readonly b: VirtualNode;
}

function makeInternet(nodes: number): { internet: VirtualInternet; pairs: Pair[] } {
  const internet = new VirtualInternet(seed);
  const leaders = [internet.add("open", true), internet.add("open", true)];
  for (let i = 0; i < nodes; i++) internet.add(PLACE_KINDS[i % PLACE_KINDS.length] as PlaceKind);
  for (const node of internet.nodes) {
    for (const leader of leaders) if (leader !== node) internet.acquaint(leader, node);
  }
  for (const node of internet.nodes) node.start();
  for (const node of internet.nodes) for (const leader of leaders) node.watch.want(leader.id);
  internet.run(2_000);
  const others = internet.nodes.slice(leaders.length);
  const pairs: Pair[] = [];
  const seen = new Set<string>();
  for (const a of others) {
    for (let i = 0; i < PAIRS_OF_A_NODE; i++) {
      const b = others[randomUint32(internet.random) % others.length];
      if (b === undefined || a === b || seen.has(`${a.id} ${b.id}`)) continue;
      seen.add(`${a.id} ${b.id}`).add(`${b.id} ${a.id}`);
      pairs.push({ a, b });
    }
  }
  return { internet, pairs };
}

function useFor(internet: VirtualInternet, pairs: readonly Pair[], ms: number): void {
  for (let passed = 0; passed < ms; passed += 250) {
    for (const { a, b } of pairs) {
      const isUp = a.chosen.has(b.id) && b.chosen.has(a.id);
      const traffic = { sentBytes: 100, receivedBytes: isUp ? 100 : 0 };
      a.watch.prober.noteTraffic(internet.clock.now(), b.id, traffic);
      b.watch.prober.noteTraffic(internet.clock.now(), a.id, { ...traffic, sentBytes: isUp ? 100 : 0 });
    }
    internet.run(250);
  }
}

function describe({ a, b }: Pair): string {
  return `${a.kind} ${a.id.slice(-4)} and ${b.kind} ${b.id.slice(-4)} (seed ${seed})`;
}

Deno.test(`${NODES} nodes at all kinds of places reach each other (seed ${seed})`, async (t) => {
  const { internet, pairs } = makeInternet(NODES);
  const startAt = internet.clock.now();
  for (const { a, b } of pairs) {
    internet.acquaint(a, b);
    a.watch.want(b.id);
  }

  await t.step("every pair has some path within a second", () => {
    useFor(internet, pairs, 1_000);
    const late = pairs.filter(({ a, b }) => !a.chosen.has(b.id));
    assert.deepEqual(late.map(describe), []);
  });

  await t.step("and a direct one within three, wherever that is possible", () => {
    useFor(internet, pairs, 2_000);
    const late = pairs.filter(({ a, b }) => hasDirectPath(a.kind, b.kind) && !a.directAt.has(b.id));
    assert.deepEqual(late.map(describe), []);
    const direct = pairs.filter(({ a, b }) => a.directAt.has(b.id));
    for (const pair of direct) {
      assert.ok(hasDirectPath(pair.a.kind, pair.b.kind), `no such path: ${describe(pair)}`);
    }
    const times = pairs.map(({ a, b }) => (a.firstAt.get(b.id) ?? Infinity) - startAt).toSorted((x, y) =>
      x - y
    );
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
    useFor(internet, relayed, 3_000);
    const cut = relayed.filter(({ a, b }) => {
      const path = a.watch.prober.paths(b.id)?.chosen;
      return path === undefined || path.via === dead.id;
    });
    assert.deepEqual(cut.map(describe), []);
  });
});
