import assert from "node:assert/strict";
import { type Logger, silentLogger } from "../../../lib/base/mod.ts";
import { JetStreamLog, parseNatsServer, ReplicatedEngine } from "../../../lib/data/mod.ts";
import { MemoryCopy } from "../../../lib/data/testing/memory_log.ts";
import { checkQueues, prepareQueues, runQueues } from "../../../lib/data/testing/troubled_queues.ts";
import {
  checkRun,
  prepareRun,
  runClients,
  type TroubledRun,
} from "../../../lib/data/testing/troubled_run.ts";
import {
  checkTransfers,
  prepareTransfers,
  runTransfers,
} from "../../../lib/data/testing/troubled_transfers.ts";
import { afterSystemTurn, systemClock, systemRandom, systemTimers } from "../../../lib/host/mod.ts";
import {
  announcedRandom,
  createScratch,
  integerBetween,
  IS_THOROUGH,
  labTest,
  pause,
} from "../../lab/mod.ts";
import { NatsProcess, NEEDS_NATS } from "./nats_process.ts";

const NODES = 3;
const OPERATIONS = IS_THOROUGH ? 500 : 80;
const RESTORED = "reading a snapshot of the collections";

labTest(
  "replicas on a nats-server that is killed and frozen are linearizable and serializable, and begin with snapshots",
  NEEDS_NATS,
  async () => {
    const random = announcedRandom("WEFT_NATS_SEED");
    const draw = (below: number) => integerBetween(random, 0, below - 1);
    await using stack = new AsyncDisposableStack();
    const { path: scratch } = stack.use(await createScratch("nats-troubled"));
    const server = stack.use(new NatsProcess({ folder: scratch }));
    await server.start();
    let restored = 0;
    const log: Logger = {
      ...silentLogger,
      info: (message) => void (restored += Number(message === RESTORED)),
    };
    const [clock, timers] = [systemClock, systemTimers];
    const open = async (name: string) => {
      await Deno.mkdir(`${scratch}/${name}`, { recursive: true });
      return new ReplicatedEngine({
        ...{ clock, timers, log, random: systemRandom, afterTurn: afterSystemTurn },
        commits: new JetStreamLog({
          clock,
          timers,
          log,
          server: () => parseNatsServer(server.url),
          name: "test",
        }),
        copy: new MemoryCopy(`${scratch}/${name}`),
        ...{ snapshotBytes: 6_000, keptMessages: 5, snapshotDelayMs: 100 },
      });
    };
    const nodes = await Promise.all(Array.from({ length: NODES }, (_, at) => open(`${at}`)));
    stack.defer(async () => void await Promise.all(nodes.map((node) => node.close())));
    const run: TroubledRun = {
      engines: nodes.map((_, at) => () => nodes[at] ?? assert.fail()),
      ...{ now: () => performance.now(), sleep: pause, draw, operations: OPERATIONS },
    };
    await prepareRun(run);
    await prepareQueues(run);
    await prepareTransfers(run);
    const time = { clock, timers };
    let isOver = false;
    const trouble = (async () => {
      for (let i = 0; !isOver; i++) {
        await pause(500 + draw(1_000));
        if (i % 3 === 0) {
          await server.kill();
          await server.start();
        } else if (i % 3 === 1) {
          server.signal("SIGSTOP");
          await pause(draw(1_000));
          server.signal("SIGCONT");
        } else {
          const at = draw(NODES);
          await nodes[at]?.close();
          await pause(draw(500));
          nodes[at] = await open(`${at}`);
        }
      }
    })();
    const [seen, seenOfQueues, transfers] = await Promise.all([
      runClients(run),
      runQueues(run),
      runTransfers({ ...run, operations: OPERATIONS / 4 }, time),
    ]);
    isOver = true;
    await trouble;
    await checkRun(run, seen, "as announced");
    await checkQueues(run, seenOfQueues, "as announced");
    await checkTransfers(run, transfers, time, "as announced");
    assert.ok(transfers.happened > 0);
    // One that is new here has none of the messages that were forgotten.
    const late = nodes[NODES] = await open("late");
    for (
      let tries = 0;
      tries < 100 && await late.describe("items").catch(() => undefined) === undefined;
      tries++
    ) {
      await pause(100);
    }
    assert.deepEqual(await late.list("items", { limit: 100 }), await nodes[0]?.list("items", { limit: 100 }));
    assert.ok(restored > 0, "nobody has begun with a snapshot");
  },
);
