import assert from "node:assert/strict";
import type { Document } from "../engine.ts";
import { FORGET_EACH } from "./commit_writer.ts";
import { fails } from "../testing/conformance.ts";
import { openSample } from "../testing/embedded_sample.ts";
import { MAX_COLLECTIONS, MAX_KEPT_CHANGES, MAX_KEPT_IDS_OF_COPY } from "../bounds.ts";

const COPY = { name: "orders.0", key: "id", index: ["status"] };

function put(value: Document, id?: string) {
  return {
    ...id !== undefined && { id },
    reads: [],
    writes: [{ kind: "put", collection: COPY.name, value }],
  } as const;
}

Deno.test("a copy takes over changes with their revisions, and commits with their ids, in whole commits", async () => {
  const [own, other] = [openSample(), openSample()];
  for (const engine of [own, other]) await engine.create(COPY);
  await own.commit(put({ id: 1, status: "open" }));
  await own.commit({
    id: "both",
    reads: [],
    writes: [1, 2, 3].map((id) => ({ kind: "put", collection: COPY.name, value: { id, status: "paid" } })),
  });
  await own.commit({ id: "none", reads: [], writes: [{ kind: "delete", collection: COPY.name, key: "9" }] });
  await own.commit({ reads: [], writes: [{ kind: "delete", collection: COPY.name, key: "2" }] });
  const part = await own.copies.partAfter(COPY.name, 0);
  assert.equal(part.position, await own.copies.position(COPY.name));
  assert.deepEqual(part.commits.map(({ id }) => id), ["both", "none"]);
  assert.equal(await other.copies.take(COPY.name, part), part.position);
  await fails("Conflict", other.copies.take(COPY.name, part));
  assert.deepEqual(await other.list(COPY.name, { limit: 9 }), await own.list(COPY.name, { limit: 9 }));
  const told = async (engine: typeof own) =>
    (await engine.changes(COPY.name, 0, 99)).map(({ at: _, ...change }) => change);
  assert.deepEqual(await told(other), await told(own));
  const again = await other.commit({ ...put({ id: 5 }, "none") });
  assert.deepEqual([again.isRepeated, again.revisions], [true, [0]]);
  const { revisions: [next = 0] } = await other.commit(put({ id: 6 }));
  assert.ok(next > part.position);
  // An id is known for one shard alone.
  await other.create({ ...COPY, name: "orders.1" });
  const elsewhere = {
    ...put({ id: 7 }, "both"),
    writes: [{ kind: "put", collection: "orders.1", value: { id: 7 } }],
  } as const;
  assert.equal((await other.commit(elsewhere)).isRepeated, false);
  for (const engine of [own, other]) await engine.close();
});

Deno.test("what others' counters say is of their copies alone", async () => {
  const engine = openSample();
  const far = 2 ** 48;
  await engine.create(COPY);
  await engine.create({ name: "notes", key: "id", index: [] });
  const change = { revision: far, value: { id: 1 }, at: 0 };
  await engine.copies.take(COPY.name, { after: 0, position: far, changes: [change], commits: [] });
  const note = { kind: "put", collection: "notes", value: { id: 1 } } as const;
  assert.deepEqual((await engine.commit({ reads: [], writes: [note] })).revisions, [1]);
  assert.deepEqual((await engine.commit(put({ id: 2 }))).revisions, [far + 1]);
  await engine.drop(COPY.name);
  assert.deepEqual((await engine.commit({ reads: [], writes: [note] })).revisions, [2]);
  await engine.close();
});

Deno.test("each copy keeps the newest ids alone, whichever of them others come to in between", async () => {
  const engine = openSample();
  const names = ["orders.0", "orders.1"];
  for (const name of names) await engine.create({ ...COPY, index: [], name });
  const some = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({
      ...{ id: `${from + i}`, origin: "o", revision: from + i, revisions: [from + i] },
    }));
  const each = FORGET_EACH - 1;
  let last = 0;
  for (; last < MAX_KEPT_IDS_OF_COPY + each; last += each) {
    await engine.copies.fill("orders.0", [], some(last + 1, each));
    await engine.copies.fill("orders.1", [], some(last + 1, 1));
  }
  const kept = await engine.copies.commits("orders.0", 0, 2 * last);
  assert.ok(kept.length <= MAX_KEPT_IDS_OF_COPY, `${kept.length} are kept`);
  assert.equal(kept.at(-1)?.revision, last);
  await engine.close();
});

Deno.test("copies take no room of a node's own collections, and a commit of a copy that waits is known", async () => {
  const engine = openSample();
  for (let n = 0; n < MAX_COLLECTIONS; n++) {
    await engine.create({ ...COPY, index: [], name: `${n % 2 === 0 ? "orders" : "shop"}.${n >> 1}` });
  }
  await engine.create({ name: "notes", key: "id", index: [] });
  const committed = engine.commit(put({ id: 1 }, "t"));
  assert.equal(await engine.transaction(`${COPY.name}/t`), "queued");
  await committed;
  assert.equal(await engine.transaction(`${COPY.name}/t`), "committed");
  await engine.close();
});

Deno.test("a part ends between commits, also where it holds as much as it may", async () => {
  const engine = openSample();
  await engine.create(COPY);
  const text = "x".repeat(2_000);
  for (let n = 0; n < 10; n++) {
    await engine.commit({
      id: `t${n}`,
      reads: [],
      writes: Array.from(
        { length: 130 },
        (_, id) => ({ kind: "put", collection: COPY.name, value: { id, n, text } }),
      ),
    });
  }
  let position = 0;
  const sizes: number[] = [];
  for (;;) {
    const part = await engine.copies.partAfter(COPY.name, position);
    if (part.position === position) break;
    sizes.push(part.changes.length);
    position = part.position;
  }
  assert.equal(sizes.reduce((a, b) => a + b), 1_300);
  assert.ok(sizes.length > 2 && sizes.every((size) => size % 130 === 0), `${sizes}`);
  await engine.close();
});

Deno.test("a copy that was made takes the place of another one with all of it", async () => {
  const [own, other] = [openSample(), openSample()];
  for (const engine of [own, other]) await engine.create(COPY);
  await other.commit(put({ id: "other" }, "gone"));
  for (let n = 0; n < MAX_KEPT_CHANGES / 100 + 1; n++) {
    await own.commit({
      id: `t${n}`,
      reads: [],
      writes: Array.from(
        { length: 100 },
        (_, id) => ({ kind: "put", collection: COPY.name, value: { id, n } }),
      ),
    });
  }
  await fails("Compacted", own.copies.partAfter(COPY.name, 0));
  const position = await own.copies.position(COPY.name);
  const made = `${COPY.name}.next`;
  await other.create({ ...COPY, name: made });
  await other.copies.begin(made, position);
  await other.copies.fill(
    made,
    await own.list(COPY.name, { limit: 100 }),
    await own.copies.commits(COPY.name, 0, 1_000),
  );
  await own.commit(put({ id: "late" }, "late"));
  await other.copies.take(made, await own.copies.partAfter(COPY.name, position));
  await other.copies.replace(COPY.name, made);
  assert.deepEqual(await other.list(COPY.name, { limit: 200 }), await own.list(COPY.name, { limit: 200 }));
  assert.equal(await other.copies.position(COPY.name), await own.copies.position(COPY.name));
  assert.equal((await other.commit(put({ id: "new" }, "t3"))).isRepeated, true);
  assert.equal((await other.commit(put({ id: "new" }, "gone"))).isRepeated, false);
  await fails("Compacted", other.changes(COPY.name, position, 9));
  assert.deepEqual((await other.collections()).map(({ name }) => name), [COPY.name]);
  for (const engine of [own, other]) await engine.close();
});
