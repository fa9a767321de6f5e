import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { openSample } from "../testing/embedded_sample.ts";
import { fails } from "../testing/conformance.ts";
import { GroupCommit } from "./group_commit.ts";

Deno.test("what finds no room fails alone, and what frees some happens, also in the same turn", async () => {
  const engine = openSample(":memory:", { maxBytes: 1 << 20 });
  await engine.create({ name: "logs", key: "id", index: [] });
  const put = (
    id: number,
  ) => ({ kind: "put", collection: "logs", value: { id, text: "x".repeat(50_000) } } as const);
  let count = 0;
  while (await engine.commit({ reads: [], writes: [put(count)] }).then(() => true, () => false)) count++;
  assert.ok(count > 3, `${count}`);
  const greedy = Array.from({ length: 3 }, (_, i) => engine.commit({ reads: [], writes: [put(100 + i)] }));
  const freed = engine.commit({ reads: [], writes: [{ kind: "delete", collection: "logs", key: "0" }] });
  const read = engine.commit({
    id: "once",
    reads: [],
    writes: [{ kind: "delete", collection: "logs", key: "none" }],
  });
  for (const one of greedy) await fails("DiskFull", one);
  await Promise.all([freed, read]);
  assert.deepEqual(await engine.get("logs", ["0"]), [undefined]);
  await engine.close();
});

for (const isWhole of [false, true]) {
  Deno.test(
    `of a group in which something breaks ${isWhole ? "nothing is done" : "the others are done, once"}${
      isWhole ? " where it is a record of a log" : ""
    }`,
    async () => {
      using database = new DatabaseSync(":memory:");
      database.exec("CREATE TABLE t (n INTEGER)");
      const fires: (() => void)[] = [];
      const group = new GroupCommit(database, (fire) => fires.push(fire), {
        beforeCommit: () => {},
        isWhole,
      });
      let memory = 0;
      const add = (n: number) =>
        group.run(() => {
          database.prepare("INSERT INTO t VALUES (?)").run(n);
          memory++;
          group.undo(() => memory--);
        });
      const broken = group.run(() => database.exec("nonsense"));
      const all = Promise.allSettled([add(1), broken, add(2)]);
      for (const fire of fires) fire();
      const ends = (await all).map(({ status }) => status);
      const rows = database.prepare("SELECT n FROM t").all().map(({ n }) => n);
      const done = isWhole ? "rejected" : "fulfilled";
      assert.deepEqual([ends, rows, memory], [
        [done, "rejected", done],
        isWhole ? [] : [1, 2],
        isWhole ? 0 : 2,
      ]);
    },
  );
}
