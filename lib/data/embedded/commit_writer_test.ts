import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { MAX_KEPT_IDS_OF_ALL } from "../bounds.ts";
import { openSample } from "../testing/embedded_sample.ts";
import { FORGET_ALL_EACH, FORGET_EACH } from "./commit_writer.ts";
import { DATA_SCHEMA } from "./embedded_engine.ts";

const PUT = { kind: "put", collection: "orders", value: { id: 1 } } as const;

/** What is kept after others have committed, or had done, much. @param fill SQL that puts ids there */
async function keptAfter(fill: string) {
  const database = new DatabaseSync(":memory:");
  database.exec(DATA_SCHEMA);
  const engine = openSample(":memory:", { database });
  await engine.create({ name: "orders", key: "id", index: [] });
  const { queues } = engine;
  const limits = { maxAttempts: 1, leaseMs: 1_000, maxLeaseMs: 1_000, backoffMs: 0, maxBackoffMs: 0 };
  await queues.create({ name: "mails", maxLength: 1_000, ...limits });
  const work = async (id: string, origin: string) => {
    await engine.commit({ id, origin, reads: [], writes: [PUT] });
    await queues.push("mails", [{ value: 1, id, origin }]);
    const taken = await queues.take("mails", { holder: "w", limit: 1 });
    await queues.settle("mails", "w", taken.map(({ lease }) => ({ kind: "done", lease } as const)));
  };
  await work("payment", "bob");
  database.exec(fill);
  for (let n = 0; n < FORGET_EACH; n++) await work(`a${n}`, "ann");
  const [push] = await queues.push("mails", [{ value: 1, id: "payment", origin: "bob" }]);
  const { isRepeated } = await engine.commit({ id: "payment", origin: "bob", reads: [], writes: [PUT] });
  await engine.close();
  return { commit: isRepeated, push: push?.isRepeated };
}

Deno.test("an id is kept however many others have had, while those that are kept have room", async () => {
  const kept = await keptAfter(`
    INSERT INTO transactions (number, id, origin, revisions) VALUES (${
    3 * MAX_KEPT_IDS_OF_ALL
  }, 'x', 'ann', '[]');
    INSERT INTO pushes (number, queue, id, origin, message) VALUES (${
    3 * MAX_KEPT_IDS_OF_ALL
  }, 1, 'x', 'ann', 0);
  `);
  assert.deepEqual(kept, { commit: true, push: true });
});

Deno.test("the oldest ids are forgotten when there are too many of all", async () => {
  // They are looked for at the next multiple.
  const most = MAX_KEPT_IDS_OF_ALL + FORGET_ALL_EACH - FORGET_EACH;
  const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${most})`;
  const kept = await keptAfter(`
    ${numbers} INSERT INTO transactions (id, origin, revisions) SELECT 'x' || i, 'm' || i % 100, '[]' FROM n;
    ${numbers} INSERT INTO pushes (queue, id, origin, message) SELECT 1, 'x' || i, 'm' || i % 100, 0 FROM n;
  `);
  assert.deepEqual(kept, { commit: false, push: false });
});
