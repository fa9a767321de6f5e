import assert from "node:assert/strict";
import { DataError } from "../errors.ts";
import type { EngineName } from "../moves.ts";
import { MovingNodes, writeItem } from "../testing/moving_nodes.ts";

const SEAL = "role=web";
const ENTRIES = 40;
/** At what times it is stopped and aborted, in milliseconds. */
const EACH_MS = Deno.env.get("WEFT_TEST_THOROUGH") === "1" ? 15 : 70;
/** A delay of the log with which a move takes some hundred milliseconds. */
const DELAY_MS = 10;
/** No move here takes longer, in milliseconds. */
const LONGEST_MS = 2_000;
/** After a crash it is gone on with at once, or after the first look. */
const RESUMED_MS = 6_000;

/** @param seal who may read the collection, whose keys are in another one; undefined of one that is not sealed */
async function open(
  from: EngineName,
  seal?: string,
  options: { maxBytes?: number; isOnDisk?: boolean } = {},
) {
  const nodes = new MovingNodes(options);
  const source = from === "embedded" ? nodes.own : nodes.shared;
  await nodes.until(
    source.create({ name: "items", key: "id", index: [], ...seal !== undefined && { seal } }),
  );
  for (let n = 0; n < ENTRIES; n += 10) {
    const writes = Array.from({ length: 10 }, (_, i) => writeItem(`${n + i}`, n + i));
    await nodes.until(source.commit({ id: `w${n}`, reads: [], writes }));
  }
  if (seal !== undefined) {
    await nodes.until(source.create({ name: "items-keys", key: "generation", index: [] }));
    const value = { generation: 1, boxes: [] };
    const writes = [{ kind: "put", collection: "items-keys", value } as const];
    await nodes.until(source.commit({ reads: [], writes }));
  }
  nodes.reopen();
  return nodes;
}

/** That all of it is in one engine, and nothing of it in the other. */
async function assertWholeIn(nodes: MovingNodes, engine: EngineName, hasKeys: boolean, note: string) {
  const target = engine === "embedded" ? nodes.own : nodes.shared;
  const source = engine === "embedded" ? nodes.shared : nodes.own;
  const names = hasKeys ? ["items", "items-keys"] : ["items"];
  assert.deepEqual((await nodes.until(target.collections())).map(({ name }) => name), names, note);
  assert.deepEqual(await nodes.until(source.collections()), [], note);
  assert.equal((await nodes.until(target.describe("items"))).count, ENTRIES, note);
  if (hasKeys) assert.equal((await nodes.until(target.describe("items-keys"))).count, 1, note);
  for (const { moves } of [target, source]) {
    assert.deepEqual(await nodes.until(moves?.leaving() ?? Promise.reject()), [], note);
    assert.deepEqual(await nodes.until(moves?.entering() ?? Promise.reject()), [], note);
  }
  const again = { id: "w0", reads: [], writes: [writeItem("0", -1)] };
  assert.equal((await nodes.until(nodes.set.commit(again))).isRepeated, true, note);
}

for (const to of ["nats", "embedded"] as const) {
  const from = to === "nats" ? "embedded" : "nats";

  Deno.test(`a sealed collection moves to ${to} with its keys`, async () => {
    await using nodes = await open(from, SEAL);
    const mover = nodes.mover(SEAL);
    const { engine, move, failure } = await nodes.until(mover.start("items", to));
    assert.deepEqual([engine, move, failure], [to, null, null]);
    await assertWholeIn(nodes, to, true, "moved");
    mover.close();
  });

  Deno.test(`a move to ${to} that its agent's stop has ended goes on with the next start, with keys or without`, async () => {
    let stops = 0;
    for (const seal of [undefined, SEAL]) {
      for (let stopAt = 0, isOver = false; !isOver; stopAt += EACH_MS) {
        assert.ok(stopAt < LONGEST_MS);
        await using nodes = await open(from, seal, { isOnDisk: true });
        nodes.commits.delayMs = DELAY_MS;
        const first = nodes.mover(seal);
        const started = first.start("items", to).catch(() => {});
        await nodes.until(nodes.sleep(stopAt));
        const before = await nodes.until(first.report("items"));
        isOver = before.engine === to && before.move === null;
        first.close();
        await nodes.restart();
        await nodes.until(started);
        if (!isOver) stops++;
        const next = nodes.mover(seal);
        next.resume();
        await nodes.until(nodes.sleep(RESUMED_MS));
        const note = `stopped at ${stopAt} ms`;
        const { engine, failure } = await nodes.until(next.report("items"));
        assert.equal(failure, null, note);
        // Before its first step nothing says that it is to be moved.
        if (engine !== to) assert.ok(stopAt < 100, note);
        await assertWholeIn(nodes, engine, seal !== undefined, note);
        next.close();
      }
    }
    assert.ok(stops > 300 / EACH_MS, `${stops} stops`);
  });
}

Deno.test("a move of a sealed collection that is aborted leaves it with its keys where it was, whenever that is", async () => {
  let aborts = 0;
  for (let abortAt = 0, isOver = false; !isOver; abortAt += EACH_MS) {
    assert.ok(abortAt < LONGEST_MS);
    await using nodes = await open("embedded", SEAL);
    nodes.commits.delayMs = DELAY_MS;
    const mover = nodes.mover(SEAL);
    // Who asks is told at once, or by the report.
    const started = nodes.until(mover.start("items", "nats")).catch(() => {});
    await nodes.until(nodes.sleep(abortAt));
    const aborted = await nodes.until(mover.abort("items").catch((error) => error));
    await started;
    await nodes.until(nodes.sleep(2_000));
    const { engine, move, failure } = await nodes.until(mover.report("items"));
    assert.equal(move, null);
    if (aborted === true) {
      aborts++;
      assert.deepEqual([engine, failure?.code], ["embedded", "Conflict"], `at ${abortAt} ms`);
    } else {
      assert.ok(aborted === false || aborted.code === "Conflict", String(aborted));
      assert.deepEqual([engine, failure], ["nats", null], `at ${abortAt} ms`);
      isOver = aborted === false;
    }
    await assertWholeIn(nodes, engine, true, `at ${abortAt} ms`);
    mover.close();
  }
  assert.ok(aborts > 100 / EACH_MS, `${aborts} aborts`);
});

Deno.test("a move to servers that have no room ends by itself: it stays with its keys, is written, and moves once there is room", async () => {
  let waits = 0;
  const times = [0, 30, 60, 90, 120, 150, 180];
  for (const fullAt of times) {
    await using nodes = await open("embedded", SEAL);
    nodes.commits.delayMs = DELAY_MS;
    const mover = nodes.mover(SEAL);
    // Who asks is told at once, or by the report.
    const started = nodes.until(mover.start("items", "nats")).catch(() => {});
    await nodes.until(nodes.sleep(fullAt));
    nodes.commits.isFull = true;
    await started;
    await nodes.until(nodes.sleep(2_000));
    const { engine, move, failure } = await nodes.until(mover.report("items"));
    const note = `full at ${fullAt} ms`;
    // What has left already has no way back: it waits for room.
    if (move?.phase === "decided") waits++;
    else {
      assert.deepEqual([engine, move, failure?.code], ["embedded", null, "DiskFull"], note);
      assert.match(
        failure?.message ?? "",
        /^Cannot move items(-keys)?: there is no room for it on the servers$/,
      );
      await nodes.until(nodes.set.commit({ reads: [], writes: [writeItem("0", 9)] }));
    }
    nodes.commits.isFull = false;
    await nodes.until(nodes.sleep(RESUMED_MS));
    if (move === null) assert.equal((await nodes.until(mover.start("items", "nats"))).failure, null, note);
    await nodes.until(nodes.sleep(RESUMED_MS));
    await assertWholeIn(nodes, "nats", true, note);
    mover.close();
  }
  assert.ok(waits < times.length / 2, `${waits} had left`);
});

Deno.test("a move to a database that has as much as it may hold ends by itself, and leaves nothing there", async () => {
  await using nodes = await open("nats", undefined, { maxBytes: 400_000 });
  for (let n = 0; n < ENTRIES; n++) {
    const value = { id: `${n}`, text: "x".repeat(20_000) };
    const writes = [{ kind: "put", collection: "items", value } as const];
    await nodes.until(nodes.shared.commit({ reads: [], writes }));
  }
  const mover = nodes.mover();
  await nodes.until(mover.start("items", "embedded")).catch(() => {});
  await nodes.until(nodes.sleep(2_000));
  const { engine, move, failure } = await nodes.until(mover.report("items"));
  assert.deepEqual([engine, move, failure?.code], ["nats", null, "DiskFull"]);
  assert.match(
    failure?.message ?? "",
    /Cannot move items: there is no room for it in the node's own database/,
  );
  await assertWholeIn(nodes, "nats", false, "full");
  // What is full may be left all the same.
  const fill = async () => {
    await nodes.own.create({ name: "others", key: "id", index: [] });
    for (let n = 0; n < 1_000; n++) {
      const value = { id: `${n}`, text: "x".repeat(3_000) };
      await nodes.own.commit({ reads: [], writes: [{ kind: "put", collection: "others", value }] });
    }
  };
  await nodes.until(
    assert.rejects(fill(), (error) => error instanceof DataError && error.code === "DiskFull"),
  );
  for (const step of [{ kind: "begin", id: "m", by: "a" }, { kind: "abort" }] as const) {
    await nodes.until(nodes.own.moves.step({ collection: "others", ...step }));
  }
  mover.close();
});
