import assert from "node:assert/strict";
import { randomUint32, SeededRandom } from "../../base/mod.ts";
import { DataError } from "../errors.ts";
import { DataMesh, type DataNode } from "../testing/data_mesh.ts";
import { type KeptChange, type Operation, whyNotLinearizable } from "../testing/history.ts";

const SEEDS = Number(
  Deno.env.get("WEFT_SHARDS_SEEDS") ?? (Deno.env.get("WEFT_TEST_THOROUGH") === "1" ? 60 : 3),
);
const FIRST_SEED = Number(Deno.env.get("WEFT_SHARDS_SEED") ?? 1);
const TROUBLES = 6;

Deno.test(`shards are linearizable while owners crash, freeze, move and are cut off, ${SEEDS} seeds`, async () => {
  let takeovers = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) takeovers += await run(seed);
  assert.ok(takeovers >= SEEDS / 2, `${takeovers} takeovers and moves`);
});

/** @returns how often a shard had another owner */
async function run(seed: number): Promise<number> {
  await using data = new DataMesh(seed);
  const { mesh } = data;
  const random = new SeededRandom(seed);
  const draw = (below: number) => randomUint32(random) % below;
  const home = await data.add("home");
  const members: DataNode[] = [];
  for (const name of ["a", "b", "c"]) members.push(await data.add(name, { labels: { role: "data" } }));
  for (const one of members) {
    for (const other of [home, ...members]) {
      if (one !== other) mesh.impair(one.node, other.node, { delayMs: 1, jitterMs: 10 });
    }
  }
  const shards = { count: 2, over: "role=data", replicas: 1 + seed % 2 } as const;
  const opened = await mesh.until(home.client.collection("items", { key: "id", shards }));
  const kept: KeptChange[] = [];
  const watch = opened.watch();
  await mesh.until(watch.ready);
  const watching = (async () => {
    for await (const { key, revision, kind, value } of watch) {
      kept.push({ key, revision, value: kind === "deleted" ? undefined : value });
    }
  })();
  watching.catch(() => {});
  const history: Operation[] = [];
  let isOver = false;
  const lanes = [home, home, ...members].map(async ({ client }, lane) => {
    const items = await client.collection("items", { key: "id" });
    for (let i = 0; !isOver; i++) {
      const key = `k${draw(4)}`;
      const value = { id: key, by: `${lane}-${i}` };
      const kind = draw(5);
      const begin = mesh.clock.now();
      try {
        if (kind < 2) {
          const entry = await items.entry(key);
          const end = mesh.clock.now();
          history.push({
            key,
            kind: "read",
            begin,
            end,
            value: entry?.value,
            revision: entry?.revision ?? 0,
          });
        } else {
          const { revision } = await items.put(value, kind < 4 ? {} : { id: `${seed}-${lane}-${i}` });
          history.push({ key, kind: "write", begin, end: mesh.clock.now(), value, revision });
        }
      } catch (error) {
        assert.ok(error instanceof DataError, String(error));
        if (kind >= 2) history.push({ key, kind: "write", begin, end: Infinity, value, revision: undefined });
      }
      await mesh.sleep(100 + draw(400));
    }
  });
  const trouble = async () => {
    for (let i = 0; i < TROUBLES; i++) {
      await mesh.sleep(500 + draw(2_000));
      const owner = members.find(({ node }) => node.id === opened.ownerOf(`k${draw(4)}`));
      const victim = draw(4) === 0 || owner === undefined ? members[draw(members.length)] as DataNode : owner;
      switch (draw(5)) {
        case 0:
          data.crash(victim);
          await mesh.sleep(draw(20_000));
          data.restart(victim);
          break;
        case 1:
          mesh.freeze(victim.node);
          await mesh.sleep(draw(15_000));
          mesh.thaw(victim.node);
          break;
        case 2:
          // The home takes it for gone, and those that follow do not.
          mesh.part(home.node, victim.node);
          await mesh.sleep(draw(15_000));
          mesh.part(home.node, victim.node, false);
          break;
        case 3: {
          const other = members[(members.indexOf(victim) + 1) % members.length] as DataNode;
          mesh.part(victim.node, other.node);
          await mesh.sleep(draw(15_000));
          mesh.part(victim.node, other.node, false);
          break;
        }
        default:
          data.crash(home);
          await mesh.sleep(draw(10_000));
          data.restart(home);
      }
    }
    await mesh.sleep(25_000);
    isOver = true;
  };
  await mesh.until(Promise.all([...lanes, trouble()]), 600_000);
  await mesh.advance(2_000);
  watch.close();
  await watching;
  const answered = history.filter(({ revision }) => revision !== undefined).length;
  assert.ok(answered > 100, `seed ${seed}: ${answered} were answered`);
  assert.equal(whyNotLinearizable(history, kept), undefined, `seed ${seed}`);
  const { layout } = await mesh.until(home.node.runtime.request("data/items/describe")) as {
    layout: { shards: { term: number }[] };
  };
  return layout.shards.reduce((sum, { term }) => sum + term - 1, 0);
}
