import assert from "node:assert/strict";
import { Node } from "../../../lib/agent/mod.ts";
import { DataError } from "../../../lib/data/mod.ts";
import { NatsProcess, NEEDS_NATS } from "../../interop/nats/nats_process.ts";
import { createScratch, labTest, loopbackArgs, thisMachine, waitFor, WeftNode } from "../../lab/mod.ts";
import { ask, expectAnswer } from "./cli_in_process.ts";

type Count = { readonly id: string; readonly n: number };

/** What a move of some length is made of. */
const ENTRIES = 1_500;

labTest(
  "weft data move: to servers of NATS and back, while others write: nothing is lost, and nothing is written twice",
  NEEDS_NATS,
  async () => {
    await using opening = new AsyncDisposableStack();
    const { path: scratch } = opening.use(await createScratch("data-move"));
    const server = opening.use(new NatsProcess({ folder: scratch }));
    const node = (name: string, ...args: string[]) =>
      opening.use(
        new WeftNode(thisMachine, {
          name,
          stateDir: `${scratch}/${name}`,
          args: [...loopbackArgs(), ...args],
        }),
      );
    const [lead, store] = [node("lead"), node("store")];
    const token = await lead.startLeader();
    await store.start("--join", token);
    await expectAnswer(lead, "grant", "add", "store", "--offer", "data/>");
    {
      await using program = await Node.attach({ stateDir: store.stateDir });
      const counts = await program.collection<Count>("counts", { key: "id", index: ["n"] });
      for (let from = 0; from < ENTRIES; from += 500) {
        await program.transaction(async (tx) => {
          for (let i = from; i < from + 500; i++) await tx.put(counts, { id: `old-${i}`, n: i });
        });
      }
      const refused = await ask(store, "data", "move", "counts", "--to", "nats");
      assert.match(refused.stderr, /runs no server/);
    }
    assert.match((await ask(lead, "data", "move", "counts", "--to", "nats")).stderr, /does not own/);

    await server.start();
    await store.stop();
    await store.start("up", "--data", server.url);
    await using outside = await Node.attach({ stateDir: lead.stateDir });
    const isServed = async () => {
      const [listed] = JSON.parse(await expectAnswer(lead, "data", "list", "--json"));
      return listed?.owner === "store" && listed.count === ENTRIES;
    };
    await waitFor(isServed, 20_000, { what: "it is served again" });
    const counts = await outside.collection<Count>("counts", { key: "id" });
    const watch = counts.watch();
    await watch.ready;
    const told = new Map<string, number>();
    const watching = (async () => {
      for await (const { key } of watch) {
        told.set(key, (told.get(key) ?? 0) + 1);
        if (key === "last") return;
      }
    })();
    let isOver = false;
    const written = new Map<string, number>();
    const writers = Array.from({ length: 3 }, async (_, lane) => {
      for (let i = 0; !isOver; i++) {
        const id = `${lane}-${i}`;
        // No id of its own, and no second try: what waits is seen by nobody.
        written.set(id, (await counts.put({ id, n: i })).revision);
        if (i % 5 !== 0) continue;
        await outside.transaction(async (tx) => {
          const now = await tx.get(counts, `sum-${lane}`);
          await tx.put(counts, { id: `sum-${lane}`, n: (now?.n ?? 0) + 1 });
        }, { id: `sum-${lane}-${i}` });
      }
      return Math.ceil([...written.keys()].filter((id) => id.startsWith(`${lane}-`)).length / 5);
    });
    try {
      for (const to of ["nats", "embedded", "nats"] as const) {
        const moved = JSON.parse(await expectAnswer(store, "data", "move", "counts", "--to", to, "--json"));
        assert.deepEqual(moved, { collection: "counts", engine: to });
        const shown = JSON.parse(await expectAnswer(store, "data", "show", "counts", "--json"));
        assert.deepEqual([shown.engine, shown.move, shown.index], [to, null, ["n"]]);
        const before = written.size;
        await waitFor(() => Promise.resolve(written.size > before + 5), 10_000, { what: "writes go on" });
      }
    } finally {
      isOver = true;
    }
    const sums = await Promise.all(writers);
    // Sent again, from before the moves.
    await outside.transaction((tx) => tx.put(counts, { id: "sum-0", n: -1 }), { id: "sum-0-0" });
    await counts.put({ id: "last", n: 0 });
    await watching;
    const there = new Map((await Array.fromAsync(counts.list())).map((entry) => [entry.key, entry]));
    assert.equal(there.size, ENTRIES + written.size + sums.length + 1);
    for (const [id, revision] of written) {
      assert.equal(there.get(id)?.revision, revision, id);
      assert.equal(told.get(id), 1, `${id} was told once`);
    }
    for (const [lane, sum] of sums.entries()) assert.equal(there.get(`sum-${lane}`)?.value.n, sum);
    const stale = await counts.put({ id: "0-0", n: 9 }, { ifRevision: (written.get("0-0") ?? 0) + 1 })
      .catch((error) => error);
    assert.ok(stale instanceof DataError && stale.code === "Conflict");
    await counts.put({ id: "0-0", n: 9 }, { ifRevision: written.get("0-0") ?? 0 });
    const notes = await outside.collection<Count>("notes", { key: "id" });
    const both = async () => [(await counts.get("both"))?.n, (await notes.get("both"))?.n];
    const write = async (n: number, fails = false) =>
      await outside.transaction(async (tx) => {
        for (const one of [counts, notes]) await tx.put(one, { id: "both", n });
        if (fails) throw new Error("changed its mind");
      });
    await write(1);
    assert.deepEqual(await both(), [1, 1], "one transaction has both, on the servers and at the node");
    await assert.rejects(write(2, true), /changed its mind/);
    assert.deepEqual(await both(), [1, 1]);
    assert.equal(
      (await ask(store, "data", "move", "counts", "--abort")).stdout,
      "counts was not on its way\n",
    );
  },
);
