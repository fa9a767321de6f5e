/**
 * A copy of a node that keeps collections and queues, made while it runs, and what is there after it has come back.
 * @module
 */

import assert from "node:assert/strict";
import { createScratch, labTest, loopbackArgs, thisMachine, WeftNode } from "../lab/mod.ts";

labTest("weft backup and restore: collections and queues come back as they were, sealed in between", [
  "thorough",
], async () => {
  await using scratch = await createScratch("backup-data");
  await using stack = new AsyncDisposableStack();
  const args = loopbackArgs();
  const { path } = scratch;
  const node = (stateDir: string) =>
    stack.use(new WeftNode(thisMachine, { name: "keeper", stateDir: `${path}/${stateDir}`, args }));
  const before = node("before");
  await before.startLeader();
  await Deno.writeTextFile(`${path}/phrase`, "correct horse battery\n", { mode: 0o600 });
  const sealed = ["--passphrase-file", `${path}/phrase`];
  await before.expectCommand("data", "create", "orders", "--key", "id", "--index", "status");
  const orders = Array.from({ length: 20 }, (_, i) => ({
    ...{ id: i + 1, status: i % 2 === 0 ? "paid" : "open", note: "a-note-that-is-looked-for" },
  }));
  await Deno.writeTextFile(
    `${path}/orders.jsonl`,
    orders.map((order) => `${JSON.stringify(order)}\n`).join(""),
  );
  await before.expectCommand("data", "import", "orders", `${path}/orders.jsonl`);
  await before.expectCommand("queue", "create", "mails", "--attempts", "3");
  for (const to of ["ann", "bob", "eve"]) {
    await before.expectCommand("queue", "push", "mails", JSON.stringify({ to }), "--id", `welcome-${to}`);
  }
  // One is done before the copy, and must not come again.
  const first = await before.expectCommand("queue", "work", "mails", "--count", "1", "--json");
  assert.match(first, /"ann"/);

  await before.expectCommand("backup", `${path}/copy`, ...sealed);
  // What comes after it is not in it.
  await before.expectCommand("data", "put", "orders", '{"id":1,"status":"late"}');
  await before.expectCommand("queue", "push", "mails", '{"to":"late"}');
  assert.equal((await before.stop()).code, 0);
  const bytes = await Deno.readFile(`${path}/copy`);
  const text = new TextDecoder("latin1").decode(bytes);
  for (const plain of ["a-note-that-is-looked-for", "welcome-bob", "orders", "SQLite format"]) {
    assert.ok(!text.includes(plain), `the copy shows ${plain}`);
  }

  const after = node("after");
  await after.expectCommand("restore", `${path}/copy`, ...sealed);
  await after.start("up");
  assert.deepEqual(JSON.parse(await after.expectCommand("data", "get", "orders", "1")).status, "paid");
  const counted = await after.expectCommand(
    ...["data", "query", "select status, count(*) from orders group-by status", "--json"],
  );
  assert.deepEqual(counted.match(/\b10\b/g)?.length, 2, counted);
  // An id that was pushed is known, the message that was done stays done, and the others come once.
  await after.expectCommand("queue", "push", "mails", '{"to":"bob"}', "--id", "welcome-bob");
  const rest = await after.expectCommand("queue", "work", "mails", "--count", "2", "--json");
  assert.deepEqual(rest.match(/ann|bob|eve|late/g)?.toSorted(), ["bob", "eve"], rest);
  const shown = JSON.parse(await after.expectCommand("queue", "show", "mails", "--json"));
  assert.equal(shown.ready ?? 0, 0, JSON.stringify(shown));
  assert.equal((await after.stop()).code, 0, after.process.tail());
});
