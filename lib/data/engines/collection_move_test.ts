import assert from "node:assert/strict";
import { randomUint32, SeededRandom, silentLogger } from "../../base/mod.ts";
import { CollectionMover } from "../service/collection_mover.ts";
import type { Change, Commit, CommitAnswer } from "../engine.ts";
import { DataError } from "../errors.ts";
import { openMemory } from "../testing/embedded_sample.ts";
import { type Operation, whyNotLinearizable } from "../testing/history.ts";
import { MoveCrash, MovingNodes, START_MS, writeItem } from "../testing/moving_nodes.ts";

const SEEDS = Deno.env.get("WEFT_TEST_THOROUGH") === "1" ? 60 : 3;
/** No move has more steps; the crash at one that does not come is none. */
const MAX_STEPS = 40;

for (const to of ["nats", "embedded"] as const) {
  Deno.test(`a collection that is moved to ${to} is whole whichever step of the move is the last of a node`, async () => {
    let crashes = 0;
    let isOver = false;
    for (let crashAt = 0; !isOver && crashAt < MAX_STEPS; crashAt++) {
      await using nodes = new MovingNodes();
      const until = <T>(work: Promise<T>) => nodes.until(work);
      // What both engines have counted differs.
      for (const engine of [nodes.own, nodes.shared]) {
        await until(engine.create({ name: "others", key: "id", index: [] }));
      }
      const source = to === "nats" ? nodes.own : nodes.shared;
      await until(source.create({ name: "items", key: "id", index: ["n"], read: "role=web" }));
      if (to === "nats") nodes.reopen();
      const left = to === "nats" ? nodes.own : nodes.shared;
      const commit = { id: "once", origin: "node-b", reads: [], writes: [writeItem("a", 1)], result: 7 };
      const first = await until(left.commit(commit));
      for (let n = 0; n < 5; n++) await until(left.commit({ reads: [], writes: [writeItem(`k${n}`, n)] }));
      let written = 0;
      const answered = new Map<string, number>();
      // Between any two steps somebody writes: until it is held.
      const before = async () => {
        const id = `w${written++}`;
        const done = await nodes.set.commit({ id, reads: [], writes: [writeItem(id, written)] }).catch(
          (error) => {
            assert.equal(error.code, "Moved", String(error));
          },
        );
        if (done) answered.set(id, done.revisions[0] ?? 0);
      };
      const crash = await until(nodes.move(to, { crashAt, before }).then(() => undefined, (error) => error));
      if (crash === undefined) isOver = true;
      else {
        assert.ok(crash instanceof MoveCrash, String(crash));
        crashes++;
        nodes.reopen();
        const leaving = await until(
          (to === "nats" ? nodes.own : nodes.shared).moves?.leaving() ?? Promise.reject(),
        );
        if (leaving.length > 0 || await until(nodes.set.sideOf("items")) !== to) await until(nodes.move(to));
      }
      const target = to === "nats" ? nodes.other : nodes.own;
      const { count, revision, ...spec } = await until(target.describe("items"));
      assert.deepEqual(spec, { name: "items", key: "id", index: ["n"], read: "role=web" });
      assert.equal(count, 6 + answered.size, `crash at ${crashAt}`);
      assert.ok(revision >= Math.max(...answered.values(), ...first.revisions));
      for (const [id, revision] of answered) {
        const [entry] = await until(target.get("items", [id]));
        assert.equal(entry?.revision, revision, `${id}, crash at ${crashAt}`);
        // Sent again it has happened already, and has for nobody else's.
        const again = await until(nodes.set.commit({ id, reads: [], writes: [writeItem(id, -1)] }));
        assert.deepEqual([again.isRepeated, again.revisions], [true, [revision]]);
      }
      assert.deepEqual(await until(nodes.set.commit(commit)), { ...first, isRepeated: true });
      await assert.rejects(
        until(
          nodes.set.commit({
            ...commit,
            origin: "thief",
            writes: [{ ...writeItem("a", 2), collection: "others" }],
          }),
        ),
      );
      const last = await until(
        nodes.set.commit({
          reads: [],
          writes: [writeItem("k0", 9, (await until(target.get("items", ["k0"])))[0]?.revision ?? 0)],
        }),
      );
      assert.ok((last.revisions[0] ?? 0) > revision, "revisions go on");
      for (const engine of [nodes.own, nodes.shared]) {
        assert.deepEqual(await until(engine.moves?.leaving() ?? Promise.reject()), []);
        assert.deepEqual(await until(engine.moves?.entering() ?? Promise.reject()), []);
      }
      const there = (await until(nodes.set.collections())).filter(({ name }) => name === "items");
      assert.equal(there.length, 1);
      const from = to === "nats" ? nodes.own : nodes.other;
      await assert.rejects(until(from.describe("items")), { code: "UnknownCollection" });
    }
    assert.ok(crashes > 14, `${crashes} crashes`);
  });
}

Deno.test("a move that is not decided is aborted: what was there goes on, and nothing of it is elsewhere", async () => {
  await using nodes = new MovingNodes();
  await nodes.until(nodes.own.create({ name: "items", key: "id", index: [] }));
  nodes.reopen();
  await nodes.until(nodes.own.commit({ reads: [], writes: [writeItem("a", 1)] }));
  let steps = 0;
  const before = async () => {
    if (++steps === 4) await nodes.own.moves?.step({ kind: "abort", collection: "items" });
  };
  await assert.rejects(nodes.until(nodes.move("nats", { before })), { code: "Conflict" });
  await nodes.until(nodes.set.commit({ reads: [], writes: [writeItem("a", 2)] }));
  assert.deepEqual((await nodes.until(nodes.shared.collections())).map(({ name }) => name), []);
  assert.equal(await nodes.until(nodes.set.sideOf("items")), "embedded");
});

Deno.test("CollectionMover.resume() ends what an earlier run of its node has begun, and leaves other nodes' moves alone", async () => {
  for (
    const [to, self, crashAt] of [["nats", "a", 9], ["nats", "a", 99], ["embedded", "b", 3], [
      "embedded",
      "a",
      9,
    ]] as const
  ) {
    await using nodes = new MovingNodes();
    const source = to === "nats" ? nodes.own : nodes.shared;
    await nodes.until(source.create({ name: "items", key: "id", index: [] }));
    nodes.reopen();
    // The last steps: publish, clean.
    let decided = 0;
    const before = async () => {
      const [leaving] = await (to === "nats" ? nodes.own : nodes.shared).moves?.leaving() ?? [];
      if (leaving?.state === "decided" && ++decided === 2) throw new MoveCrash();
    };
    const move = nodes.move(to, crashAt === 99 ? { before } : { crashAt });
    await assert.rejects(nodes.until(move), MoveCrash);
    nodes.reopen();
    const { clock, timers, set } = nodes;
    const mover = new CollectionMover({
      ...{ clock, timers, log: silentLogger, self },
      engine: () => set,
      movable: (name) => ({ name, key: "id", index: [] }),
      has: () => true,
    });
    mover.resume();
    await nodes.until(nodes.sleep(5_000));
    const { engine, move: now, failure } = await nodes.until(mover.report("items"));
    assert.deepEqual([engine, now, failure], [self === "a" ? to : "nats", null, null]);
    await nodes.until(set.commit({ reads: [], writes: [writeItem("a", 1)] }));
    mover.close();
  }
});

Deno.test("a hold ends by itself after two seconds, also when the clock was set back, and then nothing is decided by it", async () => {
  let wall = START_MS;
  const engine = openMemory({ wall: () => wall, now: () => 0 })();
  await engine.create({ name: "items", key: "id", index: [] });
  const step = engine.moves.step.bind(engine.moves);
  await step({ kind: "begin", collection: "items", id: "m", by: "a" });
  for (const passed of [2_001, -60_000]) {
    const hold = passed > 0 ? 1 : 2;
    await step({ kind: "hold", collection: "items", id: "m", hold, forMs: 2_000 });
    await assert.rejects(engine.commit({ reads: [], writes: [writeItem("a", 1)] }), { code: "Moved" });
    wall += passed;
    await engine.commit({ reads: [], writes: [writeItem("a", 1)] });
    await assert.rejects(step({ kind: "decide", collection: "items", id: "m", hold }), { code: "Conflict" });
  }
  // One that comes late decides nothing of the next hold.
  await step({ kind: "hold", collection: "items", id: "m", hold: 3, forMs: 2_000 });
  await assert.rejects(step({ kind: "decide", collection: "items", id: "m", hold: 2 }), { code: "Conflict" });
  await step({ kind: "decide", collection: "items", id: "m", hold: 3 });
  await assert.rejects(engine.get("items", ["a"]), { code: "Moved" });
  await engine.close();
});

Deno.test(`entries are linearizable, and transactions happen once, while a collection moves there and back, ${SEEDS} seeds`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await runSeed(seed);
});

async function runSeed(seed: number): Promise<void> {
  await using nodes = new MovingNodes();
  const random = new SeededRandom(seed);
  const draw = (below: number) => randomUint32(random) % below;
  nodes.commits.delayMs = 1 + draw(20);
  await nodes.until(nodes.own.create({ name: "items", key: "id", index: [] }));
  nodes.reopen();
  const { set, clock } = nodes;
  const again = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof DataError) || error.code !== "Moved") throw error;
        await nodes.sleep(5 + draw(20));
      }
    }
  };
  const kept: Change[] = [];
  let isOver = false;
  const watcher = (async () => {
    for (;;) {
      const isLast = isOver;
      const part = await again(() => set.changes("items", kept.at(-1)?.revision ?? 0, 1_000));
      kept.push(...part);
      if (isLast && part.length === 0) return;
      await nodes.sleep(draw(30));
    }
  })();
  const history: Operation[] = [];
  const answers: [Commit, CommitAnswer][] = [];
  const clients = Array.from({ length: 4 }, async (_, lane) => {
    for (let i = 0; i < 40; i++) {
      const [begin, key] = [clock.now(), `k${draw(2)}`];
      if (draw(5) < 2) {
        const [entry] = await again(() => set.get("items", [key]));
        const { value, revision = 0 } = entry ?? {};
        history.push({ key, kind: "read", begin, end: clock.now(), value, revision });
      } else {
        const value = { id: key, by: `${lane}-${i}` };
        const commit: Commit = {
          ...{ id: `${lane}-${i}`, origin: `${lane}`, reads: [] },
          writes: [{ kind: "put", collection: "items", value }],
        };
        const answer = await again(() => set.commit(commit));
        answers.push([commit, answer]);
        history.push({ key, kind: "write", begin, end: clock.now(), value, revision: answer.revisions[0] });
      }
      await nodes.sleep(draw(20));
      // An answer that was lost: it is sent again, from wherever it was.
      const [commit, answer] = answers[draw(answers.length)] ?? [];
      if (commit === undefined) continue;
      assert.deepEqual(
        await again(() => set.commit(commit)),
        { ...answer, isRepeated: true },
        `seed ${seed}`,
      );
    }
  });
  const moves = (async () => {
    for (let i = 0; i < 4; i++) {
      const to = i % 2 === 0 ? "nats" : "embedded";
      const crashAt = draw(MAX_STEPS);
      await nodes.move(to, { crashAt }).catch(async (error) => {
        assert.ok(error instanceof MoveCrash, String(error));
        const leaving = await (to === "nats" ? nodes.own : nodes.shared).moves?.leaving();
        // Behind the last step there is nothing left to be done.
        if (leaving?.length === 0 && await again(() => set.sideOf("items")) === to) return;
        await nodes.move(to);
      });
      assert.equal(await again(() => set.sideOf("items")), to);
      await nodes.sleep(draw(50));
    }
  })();
  await nodes.until(Promise.all([...clients, moves]));
  isOver = true;
  await nodes.until(watcher);
  const changes = kept.map(({ key, revision, new: value }) => ({ key, revision, value }));
  assert.equal(whyNotLinearizable(history, changes), undefined, `seed ${seed}`);
}
