import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { testEngine } from "../testing/conformance.ts";
import { MemoryCopy, MemoryLog, openReplica } from "../testing/memory_log.ts";

testEngine("replicated engine", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-data-" });
  const log = new MemoryLog();
  const timers = new VirtualTimers(new VirtualClock());
  return {
    open: () => Promise.resolve(openReplica(log.connect(timers), timers, { copy: new MemoryCopy(folder) })),
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
});
