import assert from "node:assert/strict";
import { Bulkhead, MAX_WAITING_BYTES } from "./bulkhead.ts";
import { MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { failureOf } from "../testing/outcome.ts";

const LONG = MAX_WAITING_BYTES / 2;

Deno.test("Bulkhead bounds the bytes that wait, and lets a longer one wait alone", () => {
  const bulkhead = new Bulkhead(1, 16);
  const ran: string[] = [];
  const enter = (name: string, bytes?: number) => bulkhead.enter(() => void ran.push(name), bytes);
  assert.ok(enter("running", 3 * LONG), "what runs at once takes no room");
  assert.ok(enter("first", 3 * LONG));
  assert.ok(!enter("beside it", 1));
  assert.ok(enter("nothing to keep"), "with nothing to keep the count alone matters");
  bulkhead.leave();
  assert.ok(enter("second", LONG));
  assert.ok(enter("third", LONG));
  assert.ok(!enter("fourth", 1));
  for (let i = 0; i < 4; i++) bulkhead.leave();
  assert.deepEqual(ran, ["running", "first", "nothing to keep", "second", "third"]);
  assert.deepEqual([bulkhead.running, bulkhead.waiting], [0, 0]);
});

Deno.test("runAction() lets calls wait with up to 64 MiB of parameters, and rejects further ones", async () => {
  await using mesh = new MemoryMesh();
  // What one caller may have here is no bound then.
  const limits = { memory: { originBytes: 4 * MAX_WAITING_BYTES } };
  const [caller, provider] = [mesh.add("a"), mesh.add("b", { limits })];
  const held: (() => void)[] = [];
  await provider.runtime.addService({
    path: "work",
    concurrency: 1,
    actions: {
      hold: (bytes: Uint8Array) => new Promise((resolve) => void held.push(() => resolve(bytes.length))),
    },
  });
  await settle();
  const bytes = new Uint8Array(16 << 20);
  const call = () => caller.runtime.request("work/hold", bytes, { retries: 0, timeoutMs: 60_000 });
  const running = call();
  await mesh.run(50);
  const waiting = Array.from({ length: 4 }, call);
  await mesh.run(50);
  const { code, executed } = await mesh.until(failureOf(call()));
  assert.deepEqual([code, executed], ["Overloaded", false]);
  const all = Promise.all([running, ...waiting]);
  for (let i = 0; i < 5; i++) {
    held[i]?.();
    await mesh.run(20);
  }
  assert.deepEqual(await mesh.until(all), Array(5).fill(bytes.length));
});
