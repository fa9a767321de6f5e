import assert from "node:assert/strict";
import { VirtualClock } from "../../base/mod.ts";
import { ServerOrder } from "./server_order.ts";

const SERVERS = ["own", "b", "c"];

Deno.test("ServerOrder has who failed last at the end, for a minute", () => {
  const clock = new VirtualClock();
  const order = new ServerOrder(clock);
  assert.deepEqual(order.of(SERVERS), SERVERS);
  // The connection to the own one ends, and the next one is cut off.
  order.use("own");
  clock.advance(1_000);
  order.handleFailed();
  assert.deepEqual(order.of(SERVERS), ["b", "c", "own"]);
  order.use("b");
  clock.advance(5_000);
  order.use("c");
  order.handleFailed();
  assert.deepEqual(order.of(SERVERS), ["own", "b", "c"]);
  clock.advance(55_000);
  assert.deepEqual(order.of(SERVERS), ["own", "b", "c"]);
  order.use("own");
  order.handleFailed();
  assert.deepEqual(order.of(SERVERS), ["b", "c", "own"]);
  clock.advance(60_000);
  assert.deepEqual(order.of(SERVERS), SERVERS);
  assert.deepEqual(order.of(["d", "own"]), ["d", "own"]);
});
