import assert from "node:assert/strict";
import { SeededRandom, silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { fakeLinks } from "../testing/fake_links.ts";
import { ALL_RIGHTS, rightsOf } from "../testing/memory_rights.ts";
import { settle } from "../testing/memory_mesh.ts";
import { peerId } from "../ports.ts";
import { NodeRuntime } from "../node/mod.ts";

Deno.test("RemoteCaller pauses before it dials a provider again whose link was lost at once", async () => {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  let reached = 0;
  const runtime = new NodeRuntime({
    clock,
    timers,
    random: new SeededRandom(1),
    log: silentLogger,
    links: fakeLinks({ post: () => "no-link", reach: () => Promise.resolve(++reached > 0) }),
    peers: {
      ...rightsOf(peerId("a"), () => ALL_RIGHTS),
      self: peerId("a"),
      nameOf: (peer) => peer,
      find: () => undefined,
      isHealthy: () => true,
      isOperator: () => false,
      selector: () => () => true,
    },
  });
  const service = {
    version: "1",
    description: "",
    state: "running",
    events: [],
    elects: false,
    port: 0,
    protocol: "",
  };
  runtime.setAdverts(peerId("b"), [{
    run: 1,
    services: [{
      ...service,
      path: "fickle",
      state: "running",
      actions: [{ name: "go", idempotent: false }],
    }],
    subscriptions: [],
    retains: false,
  }]);
  const call = runtime.request("fickle/go", 0, { timeoutMs: 10_000 }).catch((error) => error.code);
  for (let ms = 0; ms < 10_100; ms += 25) {
    await settle();
    timers.advance(25);
  }
  assert.equal(await call, "Timeout");
  assert.ok(reached >= 5 && reached < 20, `reached ${reached} times`);
  await runtime.close();
});
