import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import type { ReplicatedEngine } from "./mod.ts";
import { testEngine } from "../testing/conformance.ts";
import { testQueueEngine } from "../testing/queue_conformance.ts";
import { testTransactionStore } from "../testing/transaction_conformance.ts";
import { MemoryCopy, MemoryLog, openReplica } from "../testing/memory_log.ts";

testEngine("replicated engine", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-data-" });
  const clock = new VirtualClock();
  const log = new MemoryLog(clock);
  const timers = new VirtualTimers(clock);
  return {
    open: () =>
      Promise.resolve(openReplica(log.connect(timers), timers, { clock, copy: new MemoryCopy(folder) })),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});

testQueueEngine("replicated queues", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-data-" });
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const log = new MemoryLog(clock);
  return {
    open: () =>
      Promise.resolve(openReplica(log.connect(timers), timers, { clock, copy: new MemoryCopy(folder) })),
    pass: (ms) => Promise.resolve(timers.advance(ms)),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});

testTransactionStore("replicated engine", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-data-" });
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const log = new MemoryLog(clock);
  let engine: ReplicatedEngine | undefined;
  return {
    async open() {
      await engine?.close();
      engine = openReplica(log.connect(timers), timers, { clock, copy: new MemoryCopy(folder) });
      return engine;
    },
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});
