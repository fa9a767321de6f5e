import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { settle } from "../../test_mesh/mod.ts";
import { fails } from "../testing/conformance.ts";
import { MemoryCopy, MemoryLog, openReplica } from "../testing/memory_log.ts";
import { part } from "../testing/transaction_conformance.ts";

const HELD_MS = 4_500;

Deno.test("who has locked keys for too long is refused before the log, and all copies do what stands there", async () => {
  const folders = [1, 2].map(() => Deno.makeTempDirSync({ prefix: "weft-data-" }));
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const log = new MemoryLog(clock);
  const open = (at: number) =>
    openReplica(log.connect(timers), timers, { clock, copy: new MemoryCopy(folders[at]) });
  let nodes = [open(0), open(1)] as const;
  const put = (id: string) => ({ kind: "put", collection: "orders", value: { id } }) as const;
  const prepare = (at: 0 | 1, id: string, origin: string) =>
    nodes[at].prepared.prepare("orders", part(id, [put("k")], { origin }));
  try {
    await nodes[0].create({ name: "orders", key: "id", index: [] });
    for (let round = 0; round < 3; round++) {
      const of = { id: `eve-${round}`, attempt: `eve-${round}-1` };
      await prepare(0, of.id, "eve");
      timers.advance(HELD_MS);
      await nodes[1].prepared.finish("orders", of, "rolled-back");
      await settle();
    }
    const last = log.last;
    for (const at of [0, 1] as const) await fails("Locked", prepare(at, "eve-more", "eve"));
    assert.equal(log.last, last, "nothing was appended for it");
    // A restart forgives, and who was not restarted does what the other one has let in.
    await nodes[1].close();
    nodes = [nodes[0], open(1)];
    await prepare(1, "eve-more", "eve");
    for (const node of nodes) {
      assert.deepEqual((await node.prepared.open("orders")).map(({ id }) => id), ["eve-more"]);
    }
    await fails("Locked", nodes[0].get("orders", ["k"]));
    // It is paid by the log's time, which passes while nothing stands in it.
    await nodes[0].prepared.finish("orders", { id: "eve-more", attempt: "eve-more-1" }, "rolled-back");
    await fails("Locked", prepare(0, "eve-late", "eve"));
    timers.advance(60_000);
    assert.deepEqual(await prepare(0, "eve-late", "eve"), { kind: "ready" });
  } finally {
    for (const node of nodes) await node.close();
    for (const folder of folders) Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("nothing is appended for an attempt that has ended, or that nobody knows", async () => {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const log = new MemoryLog(clock);
  const nodes = [0, 1].map(() => openReplica(log.connect(timers), timers, { clock }));
  const [one, other] = nodes;
  assert.ok(one !== undefined && other !== undefined);
  await one.create({ name: "orders", key: "id", index: [] });
  const of = { id: "t", attempt: "t-1" };
  const places = [{ collection: "orders" }];
  await one.prepared.openRecord("orders", { ...of, origin: "ann", places });
  await other.prepared.prepare("orders", part("t", [{ kind: "delete", collection: "orders", key: "k" }]));
  assert.equal(await other.prepared.decide("orders", of, "ann"), "committed");
  assert.equal(await one.prepared.finish("orders", of, "committed", "ann"), "committed");
  await other.prepared.settle("orders", of, "ann");
  const last = log.last;
  for (const { prepared } of nodes) {
    for (const attempt of ["t-1", "guessed"]) {
      const isKnown = attempt === of.attempt;
      const asked = { ...of, attempt };
      assert.equal(await prepared.outcome("orders", asked), isKnown ? "committed" : "rolled-back");
      assert.equal(await prepared.decide("orders", asked, "eve"), isKnown ? "committed" : "rolled-back");
      assert.equal(await prepared.finish("orders", asked, "rolled-back"), isKnown ? "committed" : undefined);
      await prepared.settle("orders", asked);
    }
  }
  assert.equal(log.last, last);
  for (const node of nodes) await node.close();
});
