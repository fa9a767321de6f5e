import assert from "node:assert/strict";
import { type DataEngine, type Entry, QUEUE_DEFAULTS, type ReplicatedEngine } from "../../../lib/data/mod.ts";
import { type PushedMessage, whyNotKept } from "../../../lib/data/testing/queue_history.ts";
import {
  announcedRandom,
  createScratch,
  integerBetween,
  IS_THOROUGH,
  labTest,
  pause,
  runAndKill,
} from "../../lab/mod.ts";
import { NatsProcess, NEEDS_NATS } from "./nats_process.ts";
import { openReplica } from "./open_replica.ts";

const NODES = ["a", "b"];
/** Of each node. */
const KILLS = IS_THOROUGH ? 250 : 3;
const JOBS = {
  ...{ ...QUEUE_DEFAULTS, name: "jobs", leaseMs: 300, maxLeaseMs: 2_000 },
  ...{ maxAttempts: 1_000, maxLength: 100_000, backoffMs: 10, maxBackoffMs: 50 },
};
/** What is left at the end is done within. */
const END_MS = 60_000;

const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

/**
 * Pushes messages and handles all that there are, each by a transaction that counts how often it was done, and says what
 * it begins and what was answered. Its third argument begins the ids of its messages.
 */
const NODE = `
  import { DataError } from ${url("../../../lib/data/mod.ts")};
  import { openReplica } from ${url("./open_replica.ts")};
  const [stateDir, server, name] = Deno.args;
  const engine = openReplica(stateDir, server);
  const { queues } = engine;
  const say = (...words) => Deno.stdout.writeSync(new TextEncoder().encode(words.join(" ") + "\\n"));
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  /** Until there is an answer, whatever happens to the server: under an id it happens once. */
  const persisted = async (work) => {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const mayPass = ["OwnerAway", "OutcomeUnknown", "Conflict"].includes(error.code);
        if (!(error instanceof DataError) || !mayPass) throw error;
        await sleep(20);
      }
    }
  };
  const push = async (lane) => {
    for (let i = 0;; i++) {
      const id = name + "-" + lane + "-" + i;
      const orderKey = lane === 0 ? undefined : name[0] + lane;
      say("pushing", id, orderKey ?? "");
      const [{ number }] = await persisted(() => queues.push("jobs", [{ value: id, id, orderKey }]));
      say("pushed", id, orderKey ?? "", number);
      // Not faster than they are handled.
      await sleep(5);
    }
  };
  const handle = async ({ lease, value: id, attempt }) => {
    say("begun", id);
    if (attempt === 1 && Math.random() < 0.1) {
      await queues.settle("jobs", name, [{ kind: "failed", lease, error: "no luck", delayMs: 1 }]);
      return;
    }
    await persisted(async () => {
      const [entry] = await engine.get("effects", [id]);
      const reads = [{ collection: "effects", key: id, revision: entry?.revision ?? 0 }];
      const value = { id, count: (entry?.value.count ?? 0) + 1 };
      const writes = [{ kind: "put", collection: "effects", value }];
      await queues.commit("jobs", name, lease, { id: "done-" + lease, reads, writes });
    });
    say("done", id);
  };
  const work = async () => {
    for (;;) {
      const taken = await persisted(() => queues.take("jobs", { holder: name, limit: 4 }));
      if (taken.length === 0) await sleep(5);
      await Promise.all(taken.map((one) => persisted(() => handle(one)).catch((error) => {
        if (error.code !== "LeaseLost") throw error;
      })));
    }
  };
  for (const lane of [0, 1, 2]) push(lane);
  work();
`;

labTest(
  `queues of a nats-server lose nothing and do nothing twice when their nodes, ${
    NODES.length * KILLS
  } times, and the server are killed`,
  NEEDS_NATS,
  async () => {
    const random = announcedRandom("WEFT_NATS_KILLS_SEED");
    const draw = (low: number, high: number) => integerBetween(random, low, high);
    await using stack = new AsyncDisposableStack();
    const { path: scratch } = stack.use(await createScratch("nats-kills"));
    const server = stack.use(new NatsProcess({ folder: scratch }));
    await server.start();
    await Deno.writeTextFile(`${scratch}/node.ts`, NODE);
    const engine = openReplica(`${scratch}/end`, server.url);
    stack.defer(() => engine.close());
    await engine.create({ name: "effects", key: "id", index: [] });
    await engine.queues.create(JOBS);

    const [pushes, begun] = [new Map<string, PushedMessage>(), [] as string[]];
    const hear = (line: string) => {
      const [what, id = "", orderKey = "", number] = line.split(" ");
      if (what === "begun") begun.push(id);
      if (what !== "pushing" && what !== "pushed") return;
      pushes.set(id, {
        id,
        orderKey: orderKey === "" ? undefined : orderKey,
        number: number === undefined ? undefined : Number(number),
      });
    };
    let isOver = false;
    let killsOfServer = 0;
    const troubles = (async () => {
      while (!isOver) {
        await pause(draw(100, 2_000));
        await server.kill();
        killsOfServer++;
        await pause(draw(0, 300));
        await server.start();
      }
    })();
    await Promise.all(
      NODES.map(async (node) => {
        for (let kill = 0; kill < KILLS; kill++) {
          const args = [`${scratch}/${node}`, server.url, `${node}${kill}`];
          await runAndKill(`${scratch}/node.ts`, args, draw(1, 200), hear);
        }
      }),
    ).finally(() => isOver = true);
    await troubles;
    assert.ok(killsOfServer > 0);

    await finish(engine);
    const effects = (await allOf(engine)).map(({ key, value, revision }) => ({
      id: key,
      count: Number(value["count"]),
      revision,
    }));
    const seen = [...pushes.values()];
    assert.ok(seen.some(({ number }) => number !== undefined));
    const history = { pushes: seen, begun, effects, returned: [], dead: [], left: [] };
    assert.equal(whyNotKept(history, () => true), undefined);
    assert.equal((await engine.queues.describe("jobs")).dead, 0);
  },
);

/** Does what is left, those too that a killed node has for a moment still. */
async function finish(engine: ReplicatedEngine): Promise<void> {
  const { queues } = engine;
  const until = performance.now() + END_MS;
  for (;;) {
    const taken = await queues.take("jobs", { holder: "end", limit: 16, leaseMs: 2_000 });
    for (const { lease, value } of taken) {
      const id = String(value);
      const [entry] = await engine.get("effects", [id]);
      await queues.commit("jobs", "end", lease, {
        id: `end-${lease}`,
        reads: [{ collection: "effects", key: id, revision: entry?.revision ?? 0 }],
        writes: [{
          kind: "put",
          collection: "effects",
          value: { id, count: Number(entry?.value["count"] ?? 0) + 1 },
        }],
      });
    }
    const { waiting, leased } = await queues.describe("jobs");
    if (waiting + leased === 0) return;
    assert.ok(performance.now() < until, `${waiting} wait and ${leased} are leased for ever`);
    if (taken.length === 0) await pause(20);
  }
}

async function allOf(engine: DataEngine): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (;;) {
    const after = entries.at(-1)?.key;
    const page = await engine.list("effects", { limit: 1_000, ...after !== undefined && { after } });
    if (page.length === 0) return entries;
    entries.push(...page);
  }
}
