import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { randomUint32, SeededRandom, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { settle } from "../../test_mesh/mod.ts";
import { MemoryCopy, MemoryLog, openReplica } from "../testing/memory_log.ts";
import { checkQueues, prepareQueues, runQueues } from "../testing/troubled_queues.ts";
import { checkTransfers, prepareTransfers, runTransfers } from "../testing/troubled_transfers.ts";
import { checkRun, prepareRun, runClients, type TroubledRun } from "../testing/troubled_run.ts";

const SEEDS = Deno.env.get("WEFT_TEST_THOROUGH") === "1" ? 60 : 4;
const NODES = 3;

Deno.test(`replicas are linearizable and serializable while they are cut off, deaf and restarted, ${SEEDS} seeds`, async () => {
  let happened = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const folder = await Deno.makeTempDir({ prefix: "weft-data-" });
    try {
      happened += await runSeed(seed, folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
  assert.ok(happened >= SEEDS, `${happened} transfers`);
});

/** @returns how many transfers have happened */
async function runSeed(seed: number, folder: string): Promise<number> {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const random = new SeededRandom(seed);
  const draw = (below: number) => randomUint32(random) % below;
  const sleep = (delayMs: number) => new Promise<void>((resolve) => timers.setTimer(delayMs, resolve));
  const until = async <T>(work: Promise<T>): Promise<T> => {
    let isDone = false;
    work.finally(() => isDone = true).catch(() => {});
    for (let steps = 0; !isDone && steps < 200_000; steps++) {
      await settle();
      timers.advance(5);
    }
    assert.ok(isDone, `seed ${seed}: it takes too long`);
    return await work;
  };
  // Short messages: what is longer comes in parts.
  const log = new MemoryLog(clock, draw(2) === 0 ? 200 : 1 << 20);
  const open = (at: number) => {
    Deno.mkdirSync(`${folder}/${at}`, { recursive: true });
    const commits = log.connect(timers);
    commits.delayMs = 1 + draw(30);
    const copy = new MemoryCopy(`${folder}/${at}`);
    const random = new SeededRandom(seed * 1_000 + draw(1_000));
    const options = { clock, snapshotBytes: 4_000, keptMessages: 5, snapshotDelayMs: 100 };
    return { commits, engine: openReplica(commits, timers, { copy, random, ...options }) };
  };
  const nodes = Array.from({ length: NODES }, (_, at) => open(at));
  const run: TroubledRun = {
    engines: nodes.map((_, at) => () => (nodes[at] ?? assert.fail()).engine),
    ...{ now: () => clock.now(), sleep, draw, operations: 25 },
  };
  let isOver = false;
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    isOver = true;
    await until(Promise.all(nodes.map(({ engine }) => engine.close())));
  });
  await until(prepareRun(run));
  await until(prepareQueues(run));
  await until(prepareTransfers(run));
  const time = { timers, clock };
  const trouble = (async () => {
    while (!isOver) {
      await sleep(50 + draw(200));
      const at = draw(NODES);
      const node = nodes[at];
      if (node === undefined) continue;
      const kind = draw(3);
      if (kind === 0) {
        node.commits.isAway = true;
        await sleep(draw(8_000));
        node.commits.isAway = false;
      } else if (kind === 1) {
        node.commits.isDeaf = true;
        await sleep(draw(300));
        node.commits.isDeaf = false;
      } else {
        await node.engine.close();
        await sleep(draw(2_000));
        nodes[at] = open(at);
      }
    }
  })();
  const [seen, seenOfQueues, transfers] = await until(
    Promise.all([runClients(run), runQueues(run), runTransfers(run, time)]),
  );
  isOver = true;
  await until(trouble);
  await until(checkRun(run, seen, seed));
  await until(checkQueues(run, seenOfQueues, seed));
  await until(checkTransfers(run, transfers, time, seed));
  // What is not told either: an id that one has forgotten and another has not would be done again there.
  const kept = nodes.map((_, at) => contentOf(`${folder}/${at}/copy.db`));
  for (const content of kept) assert.deepEqual(content, kept[0], `seed ${seed}`);
  assert.ok(kept[0]?.every((rows) => rows.length > 0), `seed ${seed}`);
  return transfers.happened;
}

function contentOf(path: string): readonly (readonly unknown[])[] {
  const database = new DatabaseSync(path);
  try {
    return ["messages", "pushes", "queue_time", "transactions"].map((table) =>
      database.prepare(`SELECT * FROM ${table}`).all()
    );
  } finally {
    database.close();
  }
}
