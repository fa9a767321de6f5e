import assert from "node:assert/strict";
import { announcedRandom, integerBetween, IS_THOROUGH, runAndKill } from "../../../tests/lab/mod.ts";
import { type Delivery, QUEUE_DEFAULTS, type QueueEngine } from "../../data/mod.ts";
import { storeProgram } from "./testing/killed_store.ts";

const KILLS = IS_THOROUGH ? 1_000 : 8;
const LANES = 4;

/**
 * Pushes numbers in their order to lanes, each lane an order key, and handles them by transactions that count: a number
 * that is not the next one of its lane was lost, came twice or overtook another.
 */
const WORKER = `
  const { queues } = engine;
  await engine.create({ name: "counts", key: "id", index: [] });
  await queues.create(JSON.parse(Deno.args[1]));
  const push = async (lane, n) => {
    for (;; n++) {
      await queues.push("jobs", [{ value: { lane, n }, id: lane + "-" + n, orderKey: "k" + lane }]);
      say("pushed " + lane + " " + n);
    }
  };
  const holder = crypto.randomUUID();
  const handle = async ({ lease, value: { lane, n }, attempt }) => {
    if (attempt === 1 && Math.random() < 0.1) {
      await queues.settle("jobs", holder, [{ kind: "failed", lease, error: "no luck", delayMs: 1 }]);
      return;
    }
    const [entry] = await engine.get("counts", ["k" + lane]);
    const before = entry?.value.n ?? 0;
    const writes = [{ kind: "put", collection: "counts", value: { id: "k" + lane, n } }];
    const reads = [{ collection: "counts", key: "k" + lane, revision: entry?.revision ?? 0 }];
    await queues.commit("jobs", holder, lease, { id: holder + lease, reads, writes });
    if (before !== n - 1) say("wrong " + lane + " " + n + " after " + before);
    say("done " + lane + " " + n);
  };
  const work = async () => {
    for (;;) {
      const taken = await queues.take("jobs", { holder, limit: 3 });
      if (taken.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      // On a busy machine a lease may end before its message is handled, which then comes again.
      await Promise.all(taken.map((one) => handle(one).catch((error) => {
        if (error.code !== "LeaseLost") throw error;
      })));
    }
  };
  const next = JSON.parse(Deno.args[2]);
  for (let lane = 0; lane < ${LANES}; lane++) push(lane, next[lane]);
  work();
  work();
`;
const JOBS = { ...QUEUE_DEFAULTS, name: "jobs", leaseMs: 100, maxLeaseMs: 1_000, maxAttempts: 1_000 };

Deno.test(`queues lose nothing and do nothing twice when their process is killed, ${KILLS} times`, async () => {
  const random = announcedRandom("WEFT_QUEUE_CRASH_SEED");
  using program = storeProgram(WORKER);
  const [pushed, done] = [Array(LANES).fill(0), Array(LANES).fill(0)] as [number[], number[]];
  for (let kill = 0; kill < KILLS; kill++) {
    const next = pushed.map((n) => n + 1);
    const args = [program.stateDir, JSON.stringify(JOBS), JSON.stringify(next)];
    await runAndKill(program.script, args, integerBetween(random, 1, 200), (line) => {
      const [what, lane = "", n = ""] = line.split(" ");
      assert.notEqual(what, "wrong", line);
      (what === "pushed" ? pushed : done)[Number(lane)] = Number(n);
    });
  }
  const engine = program.open();
  const { queues } = engine;
  assert.ok(queues);
  for await (const { lease, value } of allOf(queues)) {
    const { lane, n } = value as { readonly lane: number; readonly n: number };
    const [entry] = await engine.get("counts", [`k${lane}`]);
    assert.equal(Number(entry?.value["n"] ?? 0), n - 1, `lane ${lane}`);
    const put = { kind: "put", collection: "counts", value: { id: `k${lane}`, n } } as const;
    await queues.commit("jobs", "end", lease, { id: `end-${lease}`, reads: [], writes: [put] });
  }
  for (let lane = 0; lane < LANES; lane++) {
    const [entry] = await engine.get("counts", [`k${lane}`]);
    const [last, said] = [Number(entry?.value["n"] ?? 0), pushed[lane] ?? 0];
    // At most the one whose push was under way.
    assert.ok(last === said || last === said + 1, `lane ${lane}: ${said} were pushed, ${last} are done`);
    assert.ok(last >= (done[lane] ?? 0), `lane ${lane}: ${done[lane]} were done, and ${last} are`);
  }
  assert.ok((pushed[0] ?? 0) > 0);
  assert.equal((await queues.describe("jobs")).dead, 0);
  await engine.close();
});

/** Whatever is there, those too that a killed process has for a moment still. */
async function* allOf(queues: QueueEngine): AsyncGenerator<Delivery> {
  for (;;) {
    const [taken] = await queues.take("jobs", { holder: "end", limit: 1, leaseMs: 1_000 });
    if (taken !== undefined) yield taken;
    else {
      const { waiting, leased } = await queues.describe("jobs");
      if (waiting + leased === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
