import assert from "node:assert/strict";
import { randomUint32, SeededRandom } from "../../base/mod.ts";
import { DataMesh, type DataNode } from "../testing/data_mesh.ts";
import { type Operation, whyNotLinearizable } from "../testing/history.ts";
import { DataError } from "../errors.ts";

const SEEDS = Deno.env.get("WEFT_TEST_THOROUGH") === "1" ? 100 : 6;
const OPERATIONS = 30;

Deno.test(`entries are linearizable while links break and the owner crashes, ${SEEDS} seeds`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    await using data = new DataMesh(seed);
    const { mesh } = data;
    const random = new SeededRandom(seed);
    const draw = (below: number) => randomUint32(random) % below;
    const nodes = [await data.add("a"), await data.add("b"), await data.add("c")];
    const [owner, ...others] = nodes as [DataNode, ...DataNode[]];
    await mesh.until(owner.client.collection("items", { key: "id" }));
    for (const other of others) mesh.impair(owner.node, other.node, { delayMs: 5, jitterMs: 20 });
    const history: Operation[] = [];
    const clients = others.flatMap((node) => [node, node]).map(async ({ client }, lane) => {
      const items = await client.collection("items", { key: "id" });
      for (let i = 0; i < OPERATIONS; i++) {
        const key = `k${draw(2)}`;
        const begin = mesh.clock.now();
        const value = { id: key, by: `${lane}-${i}` };
        const kind = draw(5);
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
          } else if (kind < 4) {
            const { revision } = await items.put(value);
            history.push({ key, kind: "write", begin, end: mesh.clock.now(), value, revision });
          } else {
            // Under an id, so that what is not known to have happened is found out.
            const { revision } = await items.put(value, { id: `${seed}-${lane}-${i}` });
            history.push({ key, kind: "write", begin, end: mesh.clock.now(), value, revision });
          }
        } catch (error) {
          assert.ok(error instanceof DataError, String(error));
          if (kind >= 2) {
            history.push({ key, kind: "write", begin, end: Infinity, value, revision: undefined });
          }
        }
        await mesh.sleep(draw(30));
      }
    });
    let isOver = false;
    const trouble = (async () => {
      for (let i = 0; !isOver; i++) {
        await mesh.sleep(100 + draw(200));
        const victim = others[draw(others.length)] ?? owner;
        if (i % 4 === 3) {
          mesh.crash(owner.node);
          await mesh.sleep(draw(200));
          data.restart(owner);
        } else if (i % 4 === 1) {
          mesh.freeze(owner.node);
          await mesh.sleep(draw(300));
          mesh.thaw(owner.node);
        } else {
          mesh.part(owner.node, victim.node);
          await mesh.sleep(draw(200));
          mesh.part(owner.node, victim.node, false);
        }
      }
    })();
    await mesh.until(Promise.all(clients), 3_600_000);
    isOver = true;
    await mesh.until(trouble, 60_000);
    const kept = (await owner.engine.changes("items", 0, 1_000)).map(({ key, revision, new: now }) => ({
      ...{ key, revision, value: now },
    }));
    assert.ok(history.filter(({ revision }) => revision !== undefined).length > 2 * OPERATIONS);
    assert.equal(whyNotLinearizable(history, kept), undefined, `seed ${seed}`);
  }
});
