import assert from "node:assert/strict";
import { silentLogger } from "../../../lib/base/mod.ts";
import { JetStreamLog, parseNatsServer } from "../../../lib/data/nats/mod.ts";
import { systemClock, systemTimers } from "../../../lib/host/mod.ts";
import { createScratch, labTest } from "../../lab/mod.ts";
import { NatsProcess, NEEDS_NATS } from "./nats_process.ts";

labTest(
  "JetStreamLog.last() knows what others have appended, whatever who asks has read",
  NEEDS_NATS,
  async () => {
    await using resources = new AsyncDisposableStack();
    const scratch = resources.use(await createScratch("nats-last"));
    const server = resources.use(new NatsProcess({ folder: scratch.path }));
    await server.start();
    const logs = await Promise.all([0, 1].map(async () => {
      const log = new JetStreamLog({
        ...{ clock: systemClock, timers: systemTimers, log: silentLogger, name: "test" },
        server: () => parseNatsServer(server.url),
      });
      resources.defer(() => log.close());
      const opened = Promise.withResolvers<void>();
      log.start({
        handleOpened: ({ last }) => {
          opened.resolve();
          return Promise.resolve(last);
        },
        handleMessages: () => Promise.resolve(true),
        handleAway: () => {},
      });
      await opened.promise;
      return log;
    }));
    const [one, other] = logs;
    assert.ok(one !== undefined && other !== undefined);
    assert.equal(await other.last(0), 0);
    for (const last of [1, 2]) {
      await one.append(`message ${last}`, Uint8Array.of(last));
      for (let known = 0; known <= last; known++) assert.equal(await other.last(known), last);
    }
  },
);
