import assert from "node:assert/strict";
import { z } from "zod";
import { Node } from "../../../lib/agent/mod.ts";
import type { WatchedChange } from "../../../lib/data/mod.ts";
import {
  announcedRandom,
  integerBetween,
  IS_THOROUGH,
  pause,
  waitFor,
  type WeftNode,
} from "../../lab/mod.ts";
import { ask, expectAnswer } from "./cli_in_process.ts";
import { openMesh } from "./owner_mesh.ts";

const KILLS = IS_THOROUGH ? 20 : 1;
type Count = { readonly id: string; readonly n: number };

Deno.test("weft data: what one agent owns is written, read, watched and carried from another", async (test) => {
  await using mesh = await openMesh("data-shell");
  const { lead, store, scratch } = mesh;

  await test.step("made by its owner, and seen by all", async () => {
    assert.match(await expectAnswer(lead, "data", "list"), /^No collections/);
    const made = await expectAnswer(store, "data", "create", "orders", "--key", "id", "--index", "status");
    assert.equal(made, "store owns orders\n");
    const listed = async () => JSON.parse(await expectAnswer(lead, "data", "list", "--json")).length === 1;
    await waitFor(listed, 10_000, { what: "the leader knows the collection" });
    assert.match(
      await expectAnswer(lead, "data", "list"),
      /^COLLECTION +OWNER +KEY +ENTRIES +REVISION +INDEXES\norders +store +id +0 +0 +status\n$/,
    );
  });

  await test.step("shown with what its values are like", async () => {
    const Order = z.object({ id: z.number(), status: z.enum(["open", "paid"]) });
    await using program = await Node.attach({ stateDir: lead.stateDir });
    await program.collection("orders", { key: "id", schema: Order, version: 1 });
    assert.match(
      await expectAnswer(lead, "data", "show", "orders"),
      /^orders\nentries +0\n(?:.*\n)*schema +version 1\n +id +number\n +status +open \| paid\n$/,
    );
    const { schema } = JSON.parse(await expectAnswer(lead, "data", "show", "orders", "--json"));
    assert.deepEqual(schema.jsonSchema.required, ["id", "status"]);
  });

  await test.step("written, read, queried and deleted", async () => {
    const order = (id: number, status: string, total: number) => JSON.stringify({ id, status, total });
    assert.match(
      await expectAnswer(lead, "data", "put", "orders", order(7, "open", 120)),
      /^Written, at revision 1\n$/,
    );
    await expectAnswer(lead, "data", "put", "orders", order(8, "paid", 20), "--new", "--json");
    await expectAnswer(store, "data", "put", "orders", order(9, "open", 30));
    assert.deepEqual(JSON.parse(await expectAnswer(lead, "data", "get", "orders", "7")), {
      id: 7,
      status: "open",
      total: 120,
    });
    const { revision } = JSON.parse(await expectAnswer(lead, "data", "get", "orders", "7", "--json"));
    assert.equal(revision, 1);
    const query = "select id, total from orders where status = :status sort-by total descending";
    const found = await expectAnswer(lead, "data", "query", query, "--param", "status=open");
    assert.equal(found, "id  total\n7   120\n9   30\n2 rows\n");
    assert.deepEqual(
      JSON.parse(
        await expectAnswer(
          lead,
          "data",
          "query",
          "select status, count(*) from orders group-by status",
          "--json",
        ),
      ),
      [{ status: "open", "count(*)": 2 }, { status: "paid", "count(*)": 1 }],
    );
    assert.match(await expectAnswer(lead, "data", "delete", "orders", "8"), /^Deleted, at revision 4\n$/);
    assert.equal(await expectAnswer(lead, "data", "delete", "orders", "8"), "There was none\n");
  });

  await test.step("what fails says why, and what to do", async () => {
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [["get", "orders", "99"], 1, /orders has no "99"\nhint: /],
      [["get", "nothing", "1"], 1, /The owner of nothing is not there.*\nhint: .*data list/],
      [["put", "orders", '{"id":7}', "--new"], 1, /orders has "7" already\nhint: /],
      [["put", "orders", '{"id":7}', "--if-revision", "9"], 1, /is at revision 1, not 9\nhint: /],
      [["put", "orders", "{"], 2, /no JSON\nhint: /],
      [["put", "orders"], 2, /without one\nhint: /],
      [["put", "orders", '{"name":"x"}'], 1, /has no id, which holds its key\nhint: /],
      [["query", "select id frm orders"], 1, /column \d+.*\nhint: /],
      [["watch", "orders", "--where", "status ="], 1, /column \d+.*\nhint: /],
      [["create", "orders", "--key", "number"], 1, /its key is id, not number\nhint: /],
      [["create", "a/b", "--key", "id"], 1, /is no name of a collection\nhint: /],
    ];
    for (const [args, code, says] of cases) {
      const result = await ask(lead, "data", ...args);
      assert.equal(result.code, code, `${args.join(" ")}: ${result.stderr}`);
      assert.match(result.stderr, says);
      assert.match(result.stderr, /^weft: .+\nhint: .+\n$/);
    }
  });

  await test.step("watched, exported and imported", async () => {
    const watched = expectAnswer(
      lead,
      "data",
      "watch",
      "orders",
      "--after",
      "4",
      "--count",
      "2",
      "--where",
      "total > 50",
    );
    await expectAnswer(store, "data", "put", "orders", '{"id":9,"status":"open","total":31}');
    await expectAnswer(store, "data", "put", "orders", '{"id":7,"status":"paid","total":120}');
    await expectAnswer(store, "data", "put", "orders", '{"id":9,"status":"open","total":51}');
    assert.equal(
      await watched,
      '7 changed status: "open" to "paid" (6)\n9 changed total: 31 to 51 (7)\n',
    );
    const exported = await expectAnswer(lead, "data", "export", "orders");
    assert.equal(exported, '{"id":7,"status":"paid","total":120}\n{"id":9,"status":"open","total":51}\n');
    const lines = Array.from({ length: 1_200 }, (_, id) => JSON.stringify({ id, status: "new", total: id }));
    await Deno.writeTextFile(`${scratch}/orders.jsonl`, `${exported}${lines.join("\n")}\n`);
    const imported = await expectAnswer(lead, "data", "import", "orders", `${scratch}/orders.jsonl`);
    assert.equal(imported, "Wrote 1202 values to orders\n");
    const [{ "count(*)": count }] = JSON.parse(
      await expectAnswer(lead, "data", "query", "select count(*) from orders", "--json"),
    );
    assert.equal(count, 1_200);
    await Deno.writeTextFile(`${scratch}/bad.jsonl`, '{"id":1}\n{"id":');
    const bad = await ask(lead, "data", "import", "orders", `${scratch}/bad.jsonl`);
    const csv = await expectAnswer(lead, "data", "export", "orders", "--prefix", "119", "--format", "csv");
    assert.equal(csv.split("\n")[1], "119,new,119");
    await Deno.writeTextFile(`${scratch}/orders.csv`, csv);
    const [before] = (await expectAnswer(lead, "data", "import", "orders", `${scratch}/orders.csv`)).split(
      "\n",
    );
    assert.equal(before, "Wrote 11 values to orders");
    const rest = await expectAnswer(
      lead,
      "data",
      "import",
      "orders",
      `${scratch}/orders.csv`,
      "--from-line",
      "11",
    );
    assert.equal(rest, "Wrote 2 values to orders\n");
    assert.match(bad.stderr, /Cannot read line 2 of .*: it is no JSON\nhint: /);
  });

  await test.step("spread over both, and moved to the other one when one is gone", async () => {
    const create = ["data", "create", "spread", "--key", "id", "--shards", "4", "--replicas", "1"];
    assert.equal(await expectAnswer(lead, ...create), "lead owns spread\n");
    const known = async () => (await expectAnswer(store, "data", "list")).includes("spread");
    await waitFor(known, 10_000, { what: "the member knows the collection" });
    for (const id of [1, 2, 3, 4, 5]) {
      await expectAnswer(store, "data", "put", "spread", JSON.stringify({ id, n: id * 10 }));
    }
    const shards = async () => JSON.parse(await expectAnswer(lead, "data", "shards", "spread", "--json"));
    const all = await shards() as { owner: string; following: string[] }[];
    assert.equal(all.length, 4);
    assert.ok(all.every(({ owner, following }) => [owner, ...following].sort().join() === "lead,store"));
    assert.match(await expectAnswer(store, "data", "query", "select sum(n) from spread"), /\n150\n/);
    await Deno.writeTextFile(`${scratch}/spread.csv`, "id,n\n1,10\n2,20\n3,30\n4,40\n5,50\n");
    const imported = await expectAnswer(lead, "data", "import", "spread", `${scratch}/spread.csv`);
    assert.equal(imported, "Wrote 5 values to spread\n");
    if (!IS_THOROUGH) return;
    await store.kill();
    const isThere = async () =>
      (await ask(lead, "data", "query", "select sum(n) from spread")).stdout.includes("150");
    await waitFor(isThere, 30_000, { what: "the other one has taken over" });
    await store.start("up");
    const isWhole = async () =>
      (await shards() as typeof all).every(({ following }) => following.length === 1);
    await waitFor(isWhole, 60_000, { what: "the other one follows again" });
  });

  await test.step("sealed to a label, and not to be read by its owner", async () => {
    await expectAnswer(lead, "label", "store", "role=billing");
    await expectAnswer(lead, "data", "create", "bills", "--key", "id", "--seal", "role=billing");
    const bill = '{"id":"1","euros":12345}';
    const isWritten = async () => (await ask(store, "data", "put", "bills", bill)).code === 0;
    await waitFor(isWritten, 10_000, { what: "the member knows its label and the collection" });
    assert.deepEqual(JSON.parse(await expectAnswer(store, "data", "get", "bills", "1")), {
      id: "1",
      euros: 12_345,
    });
    assert.match(
      (await ask(lead, "data", "get", "bills", "1")).stderr,
      /sealed to role=billing, which this node is not\nhint: /,
    );
  });

  await test.step("let to those whom a grant names, by the beginning of keys", async () => {
    const stderr = async (node: WeftNode, ...args: string[]) => (await ask(node, "data", ...args)).stderr;
    await expectAnswer(lead, "data", "create", "tea", "--key", "id");
    const known = async () => (await expectAnswer(store, "data", "list")).includes("tea");
    await waitFor(known, 10_000, { what: "the member knows the collection" });
    await expectAnswer(store, "data", "put", "tea", '{"id":"green/1"}');
    // What all may do is everything, unless a leader takes it away.
    await expectAnswer(lead, "grant", "remove", "--all", "--publish", "*:>", "--subscribe", "*:>");
    await expectAnswer(
      lead,
      "grant",
      "add",
      "store",
      "--publish",
      "data:tea/green/>",
      "--subscribe",
      "data:tea/green/>",
    );
    const granted = async () => (await stderr(store, "put", "tea", '{"id":"black/1"}')) !== "";
    await waitFor(granted, 10_000, { what: "the grants hold" });
    await expectAnswer(lead, "data", "put", "tea", '{"id":"black/1"}');
    assert.match(
      await stderr(store, "put", "tea", '{"id":"black/1"}'),
      /is not for the caller to write\nhint: /,
    );
    assert.match(await stderr(store, "get", "tea", "black/1"), /is not for the caller to read\nhint: /);
    await expectAnswer(store, "data", "put", "tea", '{"id":"green/2"}');
    assert.equal(await expectAnswer(store, "data", "export", "tea"), '{"id":"green/1"}\n{"id":"green/2"}\n');
    assert.match(await expectAnswer(store, "data", "query", "select count(*) from tea"), /^count\(\*\)\n2\n/);
    assert.match(await expectAnswer(lead, "data", "query", "select count(*) from tea"), /^count\(\*\)\n3\n/);
  });
});

Deno.test("collections lose nothing that was answered when their owner's agent is killed", async () => {
  const random = announcedRandom("WEFT_DATA_KILL_SEED");
  await using mesh = await openMesh("data-kill");
  const { lead, store } = mesh;
  await expectAnswer(store, "data", "create", "counts", "--key", "id");
  await using program = await Node.attach({ stateDir: lead.stateDir });
  await program.waitFor("data/counts", { timeoutMs: 10_000 });
  const counts = await program.collection<Count>("counts", { key: "id" });
  assert.equal(counts.owner, "store");
  const watch = counts.watch();
  await watch.ready;
  using copy = await counts.copy({ maxAgeMs: 1_000 });
  const told: WatchedChange<Count>[] = [];
  const watching = (async () => {
    for await (const change of watch) told.push(change);
  })();
  let isOver = false;
  const answered = new Map<string, number>();
  const writers = Array.from({ length: 4 }, async (_, i) => {
    const id = `k${i}`;
    for (let n = 1; !isOver; n++) {
      // Sent again and again under one id, it is written once.
      for (let isWritten = false; !isWritten;) {
        await counts.put({ id, n }, { id: `${id}-${n}` }).then(() => isWritten = true, () => pause(50));
      }
      answered.set(id, n);
    }
  });
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(integerBetween(random, 200, 600));
    await store.kill();
    await store.start("up");
    const before = new Map(answered);
    const goesOn = () => [...answered].every(([id, n]) => n > (before.get(id) ?? 0));
    await waitFor(goesOn, 20_000, { what: "all writers go on" });
  }
  isOver = true;
  await Promise.all(writers);
  const lasts = new Map<string, number>();
  for (const [id, n] of answered) {
    assert.equal((await counts.get(id))?.n, n);
    lasts.set(id, n);
  }
  await copy.refresh();
  assert.deepEqual(
    new Map(copy.list().map(({ key, value }) => [key, value.n])),
    lasts,
    "and so the copy has it",
  );
  const isTold = () =>
    [...lasts].every(([id, n]) => told.some(({ key, value }) => key === id && value.n === n));
  await waitFor(isTold, 10_000, { what: "the watch has told of all" });
  watch.close();
  await watching;
  for (const [id, n] of lasts) {
    const seen = told.filter(({ key }) => key === id).map(({ value }) => value.n);
    assert.deepEqual(seen, Array.from({ length: n }, (_, i) => i + 1), `${id} is told of once each`);
  }
});
