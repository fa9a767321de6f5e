import assert from "node:assert/strict";
import type { DataServersReport } from "../../../lib/api/mod.ts";
import { Node } from "../../../lib/agent/mod.ts";
import { DataError } from "../../../lib/data/mod.ts";
import { NATS_SERVER, NEEDS_NATS } from "../../interop/nats/nats_process.ts";
import {
  IS_THOROUGH,
  Lab,
  labTest,
  PACKET_PLANE,
  split,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../../lab/mod.ts";
import { expectAnswer } from "./cli_in_process.ts";

type Count = { readonly id: string; readonly n: number };

const PROGRAM = NATS_SERVER.startsWith("/") ? ["--nats-server", NATS_SERVER] : [];
const NEEDS = [...PACKET_PLANE, ...NEEDS_NATS, "setpriv", ...IS_THOROUGH ? [] : ["thorough"]] as const;
/** In which whoever is cut off has to be told. */
const REFUSAL_MS = 30_000;
/** In which each write of those who are not is answered, also the first ones after the cut. */
const WRITE_MS = 15_000;

labTest(
  "weft data up: of three servers the one that is cut off refuses in time, the others go on, and all agree afterwards",
  NEEDS,
  async () => {
    await using stack = new AsyncDisposableStack();
    const lab = stack.use(await Lab.create(["A", "B", "C", "D"]));
    const { nodes } = await startMesh(lab, ["A", "B", "C", "D"]);
    const [a, ...servers] = nodes;
    assert(a !== undefined);
    await untilAllKnowAll(nodes);
    await expectAnswer(a.weft, "data", "up", "b", "c", "d", ...PROGRAM);
    const programOf = async (node: typeof a) =>
      stack.use(await Node.attach({ stateDir: node.weft.stateDir }));
    const counts = await waitFor(
      async () =>
        await (await programOf(a)).collection<Count>("counts", { key: "id" }).catch(() => undefined),
      30_000,
      { what: "the collection is made" },
    );
    const jobs = await (await programOf(a)).queue<string>("jobs", { leaseMs: 2_000 });
    const acknowledged = new Set<string>();
    let n = 0;
    const put = async () => {
      const id = `k${n++}`;
      await waitFor(async () => await counts.put({ id, n }, { id }).catch(() => undefined), WRITE_MS, {
        what: `${id} is written`,
      });
      acknowledged.add(id);
    };
    const push = async () => {
      const id = `j${n++}`;
      await waitFor(async () => await jobs.push(id, { id }).catch(() => undefined), WRITE_MS, {
        what: `${id} is pushed`,
      });
      acknowledged.add(`job-${id}`);
    };
    for (let i = 0; i < 10; i++) await put();
    const leads = await waitFor(
      async () => {
        const report: DataServersReport = JSON.parse(await expectAnswer(a.weft, "data", "status", "--json"));
        return report.servers.find(({ isLeader }) => isLeader === true)?.node;
      },
      20_000,
      { what: "one leads" },
    );
    const alone = servers.find(({ weft }) => weft.name === leads) ?? assert.fail(leads);
    const others = servers.filter((node) => node !== alone);
    // What is there is known to the one that is about to be cut off, and its program has it open.
    const cutOff = await programOf(alone);
    const [lonely, lonelyJobs] = [
      await cutOff.collection<Count>("counts", { key: "id" }),
      await cutOff.queue<string>("jobs"),
    ];
    assert.equal((await lonely.entry("k0"))?.value.n, 1);

    const cut = await split([alone.host], [a.host, ...others.map(({ host }) => host)]);
    await Promise.all([
      expectRefusal(() => lonely.put({ id: "lost", n: 0 })),
      expectRefusal(() => lonely.entry("k0")),
      expectRefusal(() => lonelyJobs.push("lost")),
    ]);
    // The majority has chosen another one, and goes on; handlers' writes are one with their messages.
    for (let i = 0; i < 10; i++) {
      await put();
      await push();
    }
    const worker = stack.use(jobs.work(async (message) => {
      await message.commit(async (tx) => {
        const before = await tx.get(counts, `job-${message.value}`);
        await tx.put(counts, { id: `job-${message.value}`, n: (before?.n ?? 0) + 1 });
      });
    }));
    await waitFor(
      async () => {
        const state = await jobs.describe().catch(() => undefined);
        return state !== undefined && state.waiting + state.leased === 0;
      },
      60_000,
      { what: "what was pushed is done" },
    );
    await cut.heal();
    for (let i = 0; i < 5; i++) await put();

    const lists = await Promise.all(servers.map(async (node) => {
      const program = await programOf(node);
      return await waitFor(
        async () => {
          const local = await program.collection<Count>("counts", { key: "id" }).catch(() => undefined);
          const keys = local && await Array.fromAsync(local.list()).catch(() => undefined);
          return keys?.map(({ key, value }) => `${key}=${value.n}`);
        },
        90_000,
        { what: `${node.weft.name} answers again` },
      );
    }));
    // What the one that was cut off was told is unknown is sent for a minute, and may come in between two lists.
    const known = (list: readonly string[] | undefined) =>
      list?.filter((text) => !/^(job-)?lost=/.test(text));
    for (const list of lists) assert.deepEqual(known(list), known(lists[0]), "all agree");
    const there = new Map(lists[0]?.map((text) => text.split("=") as [string, string]));
    for (const id of acknowledged) assert(there.has(id), `${id} was answered`);
    for (const [id, count] of there) {
      if (id.startsWith("job-")) assert.equal(count, "1", `${id} was done once`);
    }
    await worker.stop();
    const status = async () => {
      const report: DataServersReport = JSON.parse(await expectAnswer(a.weft, "data", "status", "--json"));
      return report.servers.every(({ state, isCurrent }) => state === "running" && isCurrent === true);
    };
    await waitFor(status, 60_000, { what: "all copies are whole" });
  },
);

/** @throws AssertionError when it is not refused by a typed error in time */
async function expectRefusal(work: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  const error = await work().then(() => assert.fail("it was answered"), (error) => error);
  const tookMs = performance.now() - begun;
  assert(error instanceof DataError, String(error));
  assert.match(error.code, /^(OwnerAway|OutcomeUnknown|Timeout)$/, error.message);
  assert(tookMs < REFUSAL_MS, `${tookMs} ms`);
}
