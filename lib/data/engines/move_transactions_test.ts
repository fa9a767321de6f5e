import assert from "node:assert/strict";
import type { Attempt, PrepareRequest } from "../engine.ts";
import type { MoveStep } from "../moves.ts";
import { openMemory } from "../testing/embedded_sample.ts";
import { MoveCrash, MovingNodes, START_MS, writeItem } from "../testing/moving_nodes.ts";

const MAX_STEPS = 40;

function part(of: Attempt, n: number): PrepareRequest {
  const commit = { reads: [], writes: [writeItem(of.id, n)] };
  return { ...of, origin: "ann", record: { collection: "items" }, commit };
}

async function nodesWithItems(): Promise<MovingNodes> {
  const nodes = new MovingNodes();
  await nodes.until(nodes.own.create({ name: "items", key: "id", index: [] }));
  nodes.reopen();
  await nodes.until(nodes.own.commit({ reads: [], writes: [writeItem("a", 1)] }));
  return nodes;
}

Deno.test("a transaction that was rolled back, and committed by another attempt while its collection moves, happens once", async () => {
  await using nodes = await nodesWithItems();
  const { own } = nodes;
  await nodes.until(own.prepared.prepare("items", part({ id: "t", attempt: "1" }, 1)));
  await nodes.until(own.prepared.finish("items", { id: "t", attempt: "1" }, "rolled-back"));
  await nodes.until(own.commit({ id: "behind it", reads: [], writes: [writeItem("b", 1)] }));
  const before = async ({ kind }: MoveStep) => {
    if (kind !== "hold") return;
    // The commit behind it was copied.
    await own.prepared.prepare("items", part({ id: "t", attempt: "2" }, 2));
    await own.prepared.finish("items", { id: "t", attempt: "2" }, "committed");
  };
  await nodes.until(nodes.move("nats", { before }));
  const again = { id: "t", origin: "ann", reads: [], writes: [writeItem("t", 3)] };
  assert.equal((await nodes.until(nodes.set.commit(again))).isRepeated, true);
  assert.deepEqual((await nodes.until(nodes.other.get("items", ["t"])))[0]?.value, { id: "t", n: 2 });
});

Deno.test("a move waits for a prepared part, and holds nobody up meanwhile; after 30 s it fails with Locked, and all is as before", async () => {
  for (const isEnded of [true, false]) {
    await using nodes = await nodesWithItems();
    const { own } = nodes;
    const of = { id: "t", attempt: "1" };
    const places = [{ collection: "items" }];
    await nodes.until(own.prepared.openRecord("items", { ...of, origin: "ann", places }));
    await nodes.until(own.prepared.prepare("items", part(of, 2)));
    const moving = nodes.move("nats").then(() => undefined, (error) => error);
    for (let seconds = 0; seconds < 20; seconds++) {
      await nodes.until(nodes.sleep(1_000));
      await nodes.until(own.commit({ id: `${seconds}`, reads: [], writes: [writeItem("b", seconds)] }));
    }
    if (isEnded) {
      await nodes.until(own.prepared.decide("items", of, "ann"));
      await nodes.until(own.prepared.finish("items", of, "committed"));
      await nodes.until(own.prepared.settle("items", of));
    }
    const failure = await nodes.until(moving);
    if (isEnded) {
      assert.equal(failure, undefined);
      const entries = await nodes.until(nodes.other.get("items", ["t", "b"]));
      assert.deepEqual(entries.map((entry) => entry?.value["n"]), [2, 19]);
      for (const id of ["t", "0", "19"]) {
        const again = { id, origin: id === "t" ? "ann" : "", reads: [], writes: [writeItem("b", -1)] };
        assert.equal((await nodes.until(nodes.set.commit(again))).isRepeated, true, id);
      }
      continue;
    }
    assert.deepEqual([failure.code, failure.retryable], ["Locked", true]);
    assert.equal(await nodes.until(nodes.set.sideOf("items")), "embedded");
    assert.deepEqual(await nodes.until(own.moves.leaving()), []);
    assert.deepEqual(await nodes.until(nodes.shared.collections()), []);
    await nodes.until(own.prepared.finish("items", of, "committed"));
    await nodes.until(nodes.set.commit({ reads: [], writes: [writeItem("b", 99)] }));
  }
});

for (const to of ["nats", "embedded"] as const) {
  Deno.test(`transactions over several places are whole whichever step of the move to ${to} is the last of a node`, async () => {
    let isOver = false;
    for (let crashAt = 0; !isOver && crashAt < MAX_STEPS; crashAt++) {
      await using nodes = await nodesWithItems();
      if (to === "embedded") await nodes.until(nodes.move("nats"));
      const source = () => (to === "nats" ? nodes.own.prepared : nodes.shared.prepared) ?? assert.fail();
      const places = [{ collection: "items" }];
      const target = () => to === "nats" ? nodes.other : nodes.own;
      let count = 0;
      const open = new Set<Attempt>();
      const committed: string[] = [];
      const end = async (of: Attempt) => {
        const prepared = source();
        open.delete(of);
        assert.equal(await prepared.decide("items", of, "ann"), "committed");
        assert.equal(await prepared.finish("items", of, "committed"), "committed");
        await prepared.settle("items", of);
        committed.push(of.id);
      };
      // Each step meets one that is open, a hold too.
      const before = async () => {
        const prepared = source();
        const of = { id: `t${count++}`, attempt: "1" };
        try {
          await prepared.openRecord("items", { ...of, origin: "ann", places });
          await prepared.prepare("items", part(of, count));
          open.add(of);
          nodes.timers.setTimer(30, () => void (open.has(of) && end(of)));
        } catch (error) {
          assert.equal((error as { code?: unknown }).code, "Moved", String(error));
        }
      };
      const crash = await nodes.until(nodes.move(to, { crashAt, before }).then(() => undefined, (e) => e));
      if (crash === undefined) isOver = true;
      else {
        assert.ok(crash instanceof MoveCrash, String(crash));
        nodes.reopen();
        for (const of of open) await nodes.until(end(of));
        const leaving = await nodes.until(
          (to === "nats" ? nodes.own : nodes.shared).moves?.leaving() ?? assert.fail(),
        );
        if (leaving.length > 0 || await nodes.until(nodes.set.sideOf("items")) !== to) {
          await nodes.until(nodes.move(to));
        }
      }
      assert.ok(committed.length > 0 || crashAt === 0, `crash at ${crashAt}`);
      for (const id of committed) {
        const again = { id, origin: "ann", reads: [], writes: [writeItem(id, -1)] };
        assert.equal(
          (await nodes.until(nodes.set.commit(again))).isRepeated,
          true,
          `${id}, crash at ${crashAt}`,
        );
        const [entry] = await nodes.until(target().get("items", [id]));
        assert.ok(Number(entry?.value["n"]) > 0, `${id}, crash at ${crashAt}`);
      }
      const { count: entries } = await nodes.until(target().describe("items"));
      assert.equal(entries, 1 + committed.length, `crash at ${crashAt}`);
    }
    assert.ok(isOver);
  });
}

Deno.test("a hold that meets the end of a part or record decides nothing, and lets nobody in: the next one does", async () => {
  const engine = openMemory({ wall: () => START_MS, now: () => 0 })();
  await engine.create({ name: "items", key: "id", index: [] });
  const { moves, prepared } = engine;
  const of = { id: "t", attempt: "1" };
  const record = { ...of, origin: "ann", places: [{ collection: "items" }] };
  const reads = [{ collection: "items", key: "a", revision: 0 }];
  await prepared.openRecord("items", record);
  await prepared.prepare("items", { ...part(of, 1), commit: { reads, writes: [] } });
  await moves.step({ kind: "begin", collection: "items", id: "m", by: "a" });
  const steps = [
    () => Promise.resolve(),
    () => prepared.decide("items", of, "ann"),
    () => prepared.finish("items", of, "committed"),
    () => prepared.settle("items", of),
  ];
  for (const [hold, end] of steps.entries()) {
    await moves.step({ kind: "hold", collection: "items", id: "m", hold: hold + 1, forMs: 2_000 });
    await end();
    const decided = moves.step({ kind: "decide", collection: "items", id: "m", hold: hold + 1 });
    await assert.rejects(decided, { code: "Conflict" }, `step ${hold}`);
    await assert.rejects(engine.commit({ reads: [], writes: [writeItem("b", 1)] }), { code: "Moved" });
    const other = { id: "other", attempt: "1" };
    await assert.rejects(prepared.openRecord("items", { ...record, ...other }), { code: "Moved" });
    await assert.rejects(prepared.prepare("items", part(other, 1)), { code: "Moved" });
  }
  await moves.step({ kind: "hold", collection: "items", id: "m", hold: 9, forMs: 2_000 });
  await moves.step({ kind: "decide", collection: "items", id: "m", hold: 9 });
  await engine.close();
});

Deno.test("of a collection that has moved to servers whoever has lost hears so, and what has happened happens once", async () => {
  await using nodes = await nodesWithItems();
  const of = { id: "t", attempt: "1" };
  const loser = { id: "t", attempt: "0" };
  const record = { origin: "ann", places: [{ collection: "items" }] };
  const { prepared } = nodes.own;
  await nodes.until(prepared.openRecord("items", { ...of, ...record }));
  await nodes.until(prepared.prepare("items", part(of, 1)));
  await nodes.until(prepared.decide("items", of, "ann"));
  await nodes.until(prepared.finish("items", of, "committed"));
  await nodes.until(prepared.settle("items", of));
  await nodes.until(nodes.move("nats"));
  const set = nodes.set.prepared ?? assert.fail();
  for (const to of ["embedded", "nats"] as const) {
    assert.equal(await nodes.until(set.outcome("items", loser)), "rolled-back");
    assert.equal(await nodes.until(set.finish("items", of, "committed")), undefined);
    assert.deepEqual([await nodes.until(set.open("items")), await set.places()], [[], []]);
    await nodes.until(set.settle("items", of));
    // Its program may still send that which was answered long ago.
    await assert.rejects(nodes.until(set.decide("items", of, "ann")), { code: "OutcomeUnknown" });
    for (const again of [of, loser]) {
      const opened = await nodes.until(set.openRecord("items", { ...again, ...record }));
      assert.equal(opened.kind, "committed");
      assert.equal((await nodes.until(set.prepare("items", part(again, 1)))).kind, "committed");
    }
    await nodes.until(nodes.move(to));
  }
});
