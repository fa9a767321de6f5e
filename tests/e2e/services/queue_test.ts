import assert from "node:assert/strict";
import { Node } from "../../../lib/agent/mod.ts";
import { announcedRandom, integerBetween, IS_THOROUGH, pause, waitFor } from "../../lab/mod.ts";
import { ask, expectAnswer } from "./cli_in_process.ts";
import { openMesh } from "./owner_mesh.ts";

const KILLS = IS_THOROUGH ? 20 : 1;

Deno.test("weft queue: what one agent owns is pushed to, worked on and looked at from another", async (test) => {
  await using mesh = await openMesh("queue-shell");
  const { lead, store, scratch } = mesh;
  const queue = (...args: string[]) => expectAnswer(lead, "queue", ...args);

  await test.step("made by its owner, and seen by all", async () => {
    assert.match(await queue("list"), /^No queues/);
    const limits = ["--attempts", "2", "--backoff", "100ms"];
    assert.equal(await expectAnswer(store, "queue", "create", "mails", ...limits), "store owns mails\n");
    const listed = async () => JSON.parse(await queue("list", "--json")).length === 1;
    await waitFor(listed, 10_000, { what: "the leader knows the queue" });
    assert.match(
      await queue("list"),
      /^QUEUE +OWNER +WAITING +LEASED +DEAD\nmails +store +0 +0 +0\n$/,
    );
    assert.match(await queue("show", "mails"), /dead +0 that were tried 2 times/);
  });

  await test.step("pushed, once under an id, and handled by a command", async () => {
    assert.equal(await queue("push", "mails", '{"to":"ann"}', "--id", "one"), "Pushed as 1\n");
    assert.equal(await queue("push", "mails", '{"to":"ann"}', "--id", "one"), "It was there already, as 1\n");
    await expectAnswer(store, "queue", "push", "mails", '{"to":"bob"}', "--key", "b");
    assert.equal(JSON.parse(await queue("show", "mails", "--json")).waiting, 2);
    const file = `${scratch}/sent.jsonl`;
    await queue("work", "mails", "--exec", `cat >> ${file}; echo $WEFT_ATTEMPT >> ${file}`, "--count", "2");
    assert.equal(await Deno.readTextFile(file), '{"to":"ann"}\n1\n{"to":"bob"}\n1\n');
    await queue("push", "mails", "7");
    assert.match(
      await queue("work", "mails", "--count", "1", "--json"),
      /^\{"number":3,"attempt":1,"value":7\}\n$/,
    );
  });

  await test.step("dead when it has failed often enough, and retried or discarded", async () => {
    await queue("push", "mails", '"poison"');
    const failing = await ask(
      lead,
      "queue",
      "work",
      "mails",
      "--exec",
      "echo no luck >&2; exit 3",
      "--count",
      "2",
    );
    assert.equal(failing.code, 0, failing.stderr);
    assert.match(failing.stderr, /exit code 3: no luck/);
    assert.match(await queue("dead", "list", "mails"), /4 +2 +exit code 3: no luck +poison\n$/);
    assert.equal(await queue("dead", "retry", "mails", "4"), "Retried 1 message\n");
    await ask(lead, "queue", "work", "mails", "--exec", "false", "--count", "2");
    assert.equal(await queue("dead", "discard", "mails", "--all"), "Discarded 1 message\n");
    assert.equal(await queue("dead", "list", "mails"), "No dead letters.\n");
  });

  await test.step("what fails says why, and what to do", async () => {
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [["push", "mails", "{"], 2, /no JSON/],
      [["push", "mails"], 2, /no message/],
      [["push", "nothing", "1"], 1, /The owner of nothing is not there/],
      [["work", "nothing"], 1, /The owner of nothing is not there/],
      [["create", "mails", "--lease", "soon"], 2, /--lease soon/],
      [["create", "a b"], 1, /no name of a queue/],
      [["dead", "retry", "mails"], 2, /without knowing which/],
      [["dead", "discard", "mails", "x"], 2, /without knowing which/],
    ];
    for (const [args, code, says] of cases) {
      const result = await ask(lead, "queue", ...args);
      assert.equal(result.code, code, `${args.join(" ")}: ${result.stderr}`);
      assert.match(result.stderr, says);
      assert.match(result.stderr, /^weft: .+\nhint: .+\n$/);
    }
  });

  await test.step("let to those whom a grant names", async () => {
    await expectAnswer(lead, "queue", "create", "tea");
    const known = async () => (await expectAnswer(store, "queue", "list")).includes("tea");
    await waitFor(known, 10_000, { what: "the member knows the queue" });
    await expectAnswer(lead, "grant", "remove", "--all", "--publish", "*:>", "--subscribe", "*:>");
    await expectAnswer(lead, "grant", "add", "store", "--publish", "queue:tea");
    const pushed = async () => (await ask(store, "queue", "push", "tea", "1")).code === 0;
    const refused = async () => (await ask(store, "queue", "show", "tea")).code !== 0;
    await waitFor(async () => await pushed() && await refused(), 10_000, { what: "the grants hold" });
    assert.match(
      (await ask(store, "queue", "work", "tea")).stderr,
      /is not for the caller to work on.*\nhint: /,
    );
  });

  await test.step("forgotten", async () => {
    const elsewhere = await ask(lead, "queue", "delete", "mails", "--force");
    assert.equal(elsewhere.code, 1);
    assert.match(elsewhere.stderr, /Cannot forget mails: it is owned by store\nhint: Run it on the node/);
    const deleted = () => expectAnswer(store, "queue", "delete", "mails", "--force");
    assert.equal(await deleted(), "Deleted mails\n");
    const isGone = async () => await deleted() === "This node owns no mails\n";
    await waitFor(isGone, 10_000, { what: "once more is no failure" });
  });
});

Deno.test("queues lose nothing and do nothing twice when their owner's agent is killed", async () => {
  const random = announcedRandom("WEFT_QUEUE_KILL_SEED");
  await using mesh = await openMesh("queue-kill");
  const { lead, store } = mesh;
  await expectAnswer(store, "data", "create", "done", "--key", "id");
  await expectAnswer(
    store,
    "queue",
    "create",
    "jobs",
    "--lease",
    "2s",
    "--attempts",
    "100",
    "--backoff",
    "100ms",
  );
  await using program = await Node.attach({ stateDir: lead.stateDir });
  await program.waitFor(["data/done", "queue/jobs"], { timeoutMs: 10_000 });
  const done = await program.collection<{ id: string; count: number }>("done", { key: "id" });
  const jobs = await program.queue<string>("jobs");
  const worker = jobs.work((message) =>
    message.commit(async (tx) => {
      const before = await tx.get(done, message.value);
      await tx.put(done, { id: message.value, count: (before?.count ?? 0) + 1 });
    }), { concurrency: 8 });
  let isOver = false;
  const answered: string[] = [];
  const pushers = Array.from({ length: 4 }, async (_, lane) => {
    for (let n = 0; !isOver; n++) {
      const id = `${lane}-${n}`;
      // Under an id, so that it is pushed once however often it is sent.
      for (let isPushed = false; !isPushed;) {
        await jobs.push(id, { id, orderKey: `k${lane}` }).then(() => isPushed = true, () => pause(50));
      }
      answered.push(id);
    }
  });
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(integerBetween(random, 300, 1_200));
    await store.kill();
    await store.start("up");
  }
  await pause(500);
  isOver = true;
  await Promise.all(pushers);
  const isEmpty = async () => {
    const { waiting, leased } = await jobs.describe().catch(() => ({ waiting: 1, leased: 1 }));
    return waiting + leased === 0;
  };
  await waitFor(isEmpty, 30_000, { what: "everything is done" });
  await worker.stop();
  const counts = new Map<string, number>();
  for await (const { key, value } of done.list()) counts.set(key, value.count);
  assert.ok(answered.length > 20, `${answered.length}`);
  assert.deepEqual(answered.filter((id) => !counts.has(id)), [], "nothing is lost");
  assert.deepEqual([...counts].filter(([, count]) => count !== 1), [], "nothing is done twice");
  assert.equal((await jobs.describe()).dead, 0);
});
