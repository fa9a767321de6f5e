import { silentLogger } from "../../../lib/base/mod.ts";
import { JetStreamLog, parseNatsServer } from "../../../lib/data/nats/mod.ts";
import { ReplicatedEngine } from "../../../lib/data/replicated/mod.ts";
import { testEngine } from "../../../lib/data/testing/conformance.ts";
import { testQueueEngine } from "../../../lib/data/testing/queue_conformance.ts";
import { testTransactionStore } from "../../../lib/data/testing/transaction_conformance.ts";
import { MemoryCopy } from "../../../lib/data/testing/memory_log.ts";
import { afterSystemTurn, systemClock, systemRandom, systemTimers } from "../../../lib/host/mod.ts";
import { createScratch, labTest, pause } from "../../lab/mod.ts";
import { NatsProcess, NEEDS_NATS } from "./nats_process.ts";

function openEngine(url: string, folder: string, name = "test"): ReplicatedEngine {
  const [clock, timers, log] = [systemClock, systemTimers, silentLogger];
  return new ReplicatedEngine({
    ...{ clock, timers, log, random: systemRandom, afterTurn: afterSystemTurn },
    commits: new JetStreamLog({ clock, timers, log, server: () => parseNatsServer(url), name }),
    copy: new MemoryCopy(folder),
  });
}

async function openSample() {
  const scratch = await createScratch("nats");
  const server = new NatsProcess({ folder: scratch.path });
  await server.start();
  return {
    open: () => Promise.resolve(openEngine(server.url, scratch.path)),
    pass: pause,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

const register = (name: string, run: () => Promise<void>) => labTest(name, NEEDS_NATS, run);
testEngine("nats engine", openSample, true, register);
testQueueEngine("nats queues", openSample, true, register);
testTransactionStore("nats transactions", async () => {
  const sample = await openSample();
  let engine: ReplicatedEngine | undefined;
  return {
    async open() {
      await engine?.close();
      return engine = await sample.open();
    },
    async [Symbol.asyncDispose]() {
      await engine?.close();
      await sample[Symbol.asyncDispose]();
    },
  };
}, register);
