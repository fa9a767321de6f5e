import assert from "node:assert/strict";
import { silentLogger } from "../../../lib/base/mod.ts";
import type { Write } from "../../../lib/data/mod.ts";
import { CollectionMove, EngineSet } from "../../../lib/data/engines/mod.ts";
import { JetStreamLog, parseNatsServer } from "../../../lib/data/nats/mod.ts";
import { ReplicatedEngine } from "../../../lib/data/replicated/mod.ts";
import { openSample } from "../../../lib/data/testing/embedded_sample.ts";
import { MemoryCopy } from "../../../lib/data/testing/memory_log.ts";
import { afterSystemTurn, systemClock, systemRandom, systemTimers } from "../../../lib/host/mod.ts";
import { createScratch, labTest, pause } from "../../lab/mod.ts";
import { NatsProcess, NEEDS_NATS } from "./nats_process.ts";

/** The collection has twice as much as the servers take. */
const STORE_BYTES = 4 << 20;
const ENTRIES = 80;
const VALUE_BYTES = 100_000;

labTest(
  "a move to a JetStream that is out of storage ends with DiskFull, and the collection goes on where it was",
  NEEDS_NATS,
  async () => {
    await using scratch = await createScratch("nats-full");
    await using server = new NatsProcess({ folder: scratch.path, storeBytes: STORE_BYTES });
    await server.start();
    const [clock, timers, log] = [systemClock, systemTimers, silentLogger];
    const shared = new ReplicatedEngine({
      ...{ clock, timers, log, random: systemRandom, afterTurn: afterSystemTurn },
      commits: new JetStreamLog({
        clock,
        timers,
        log,
        server: () => parseNatsServer(server.url),
        name: "full",
      }),
      copy: new MemoryCopy(scratch.path),
    });
    const own = openSample();
    await own.create({ name: "items", key: "id", index: [] });
    const set = new EngineSet(own, shared);
    try {
      const put = (id: number): Write => {
        return { kind: "put", collection: "items", value: { id: `${id}`, text: "x".repeat(VALUE_BYTES) } };
      };
      for (let id = 0; id < ENTRIES; id += 4) {
        await own.commit({ reads: [], writes: Array.from({ length: 4 }, (_, i) => put(id + i)) });
      }
      const move = new CollectionMove({
        ...{ collection: "items", by: "a", id: "a-1", to: "nats", source: own, target: shared, pause },
        signal: new AbortController().signal,
        stopping: new AbortController().signal,
        onProgress: () => {},
        onMoved: () => assert.fail("it has moved"),
      });
      const failure = await move.run().then(() => assert.fail("it has moved"), (error) => error);
      assert.equal(failure.code, "DiskFull", String(failure));
      assert.match(failure.message, /^Cannot move items: there is no room for it on the servers$/);
      assert.deepEqual(await own.moves.leaving(), []);
      assert.equal(await set.sideOf("items"), "embedded");
      await set.commit({ reads: [], writes: [put(0)] });
    } finally {
      await set.close();
    }
  },
);
