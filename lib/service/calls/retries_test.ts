import assert from "node:assert/strict";
import { MAX_ANSWERS } from "./dedup_window.ts";
import { failure } from "../errors.ts";
import { MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { decodeNodeMessage, NO_VALUE, type NodeMessage, NodeMessageEncoder } from "../wire/node_message.ts";
import { fails } from "../testing/outcome.ts";
import { plain } from "../wire/wire_value.ts";
import { kindOf, meshOf, offer } from "../testing/work_service.ts";

Deno.test("RemoteCaller gives an idempotent call to another provider when the link is lost", async () => {
  const [mesh, caller, [a, b]] = await meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const calls = [1, 2].map((i) => caller.runtime.request("work/holdRead", i));
  await settle();
  assert.deepEqual([a.ran, b.ran], [[1], [2]]);
  mesh.part(caller, a.node);
  await settle();
  b.release();
  assert.deepEqual(await Promise.all(calls), ["b", "b"]);
  assert.deepEqual([a.ran, b.ran], [[1], [2, 1]]);
});

Deno.test("RemoteCaller sends a call that is not idempotent again under its number after a lost link, and it runs once", async () => {
  const [mesh, caller, [a, b]] = await meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const call = caller.runtime.request("work/hold", 1);
  await settle();
  mesh.breakLink(caller, a.node);
  await settle();
  mesh.breakLink(caller, a.node);
  await settle();
  a.release();
  assert.equal(await call, "a");
  assert.deepEqual([a.ran, b.ran], [[1], []]);
});

Deno.test("RemoteCaller sends a request again that was lost with its link, and it runs", async () => {
  const [mesh, caller, [a]] = await meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  mesh.watch = (from) => from !== caller.id;
  const call = caller.runtime.request("work/take", 1);
  await settle();
  mesh.watch = () => {};
  mesh.breakLink(caller, a.node);
  assert.equal(await mesh.until(call), "a");
  assert.deepEqual(a.ran, [1]);
});

Deno.test("CallServer answers a repeated request from its DedupWindow", async () => {
  const [mesh, caller, [a]] = await meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  mesh.watch = (_, __, message) => kindOf(message) !== "response";
  const calls = ["take", "large", "fail"].map((action) => caller.runtime.request(`work/${action}`, action));
  await settle();
  assert.equal(caller.runtime.pendingCalls, 3);
  mesh.watch = () => {};
  mesh.breakLink(caller, a.node);
  const [taken, large, failed] = calls;
  assert.ok(taken && large && failed);
  assert.equal(await taken, "a");
  const error = await fails("OutcomeUnknown", large);
  assert.deepEqual([error.executed, error.retryable], [true, false], "too large to be kept");
  assert.equal((await fails("Broken", failed)).executed, true);
  assert.deepEqual(a.ran, ["take", "large", "fail"]);
});

Deno.test("CallServer refuses a repeated request that was sent to its provider's run before", async () => {
  const [mesh, caller, [a, b]] = await meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const call = caller.runtime.request("work/hold", 1);
  await settle();
  // The link is made again before the loss is noticed, so that the same call arrives at the next life.
  const { node } = a;
  node.isDown = true;
  mesh.crash(node);
  const again = fails("OutcomeUnknown", call);
  mesh.restart(node);
  const next = await offer(node);
  assert.equal((await mesh.until(again)).executed, true);
  assert.deepEqual([a.ran, b.ran, next.ran], [[1], [], []]);
});

Deno.test("CallServer rejects a request for its run before as one that did not run", async () => {
  const [mesh, caller, [a]] = await meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  const encoder = new NodeMessageEncoder();
  const answers: NodeMessage[] = [];
  mesh.watch = (from, _, message) => {
    const decoded = decodeNodeMessage(message.slice());
    if (from === "a" && decoded !== undefined) answers.push(decoded);
  };
  const request = {
    kind: "request",
    number: 1,
    callerRun: 7,
    providerRun: a.node.runtime.run + 1,
    path: "mesh:work/take",
    params: NO_VALUE,
    timeoutMs: 1_000,
    streamsParams: false,
    caller: "",
    routing: undefined,
  } as const;
  a.node.runtime.handleMessage(caller.id, encoder.encode(request));
  const [answer] = answers;
  assert.ok(answer?.kind === "response" && answer.failure !== undefined);
  assert.deepEqual([answer.failure.code, answer.failure.executed], ["Unreachable", false]);
  assert.deepEqual(a.ran, []);
});

Deno.test("CallServer rejects a repeated request as it did the first time", async () => {
  const [mesh, caller, [a]] = await meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  const copies: Uint8Array[] = [];
  mesh.watch = (from, _, message) => {
    if (from === caller.id && kindOf(message) === "request") copies.push(message.slice());
  };
  await fails("UnknownAction", caller.runtime.request("work/nothing", 1));
  a.node.runtime.services.get("mesh:work")?.pause();
  await fails("ServicePaused", caller.runtime.request("work/take", 1, { retries: 0 }));
  assert.equal(copies.length, 2);
  a.node.runtime.services.get("mesh:work")?.resume();
  await settle();
  for (const copy of copies) a.node.runtime.handleMessage(caller.id, copy);
  assert.deepEqual(a.ran, []);
  assert.equal(await caller.runtime.request("work/take", 2), "a");
});

Deno.test("CallServer answers a repeated request of a service that was removed meanwhile", async () => {
  const [mesh, caller, [a, b]] = await meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  mesh.watch = (_, __, message) => kindOf(message) !== "response";
  const call = caller.runtime.request("work/take", 1);
  await settle();
  await a.node.runtime.removeService("work");
  mesh.watch = () => {};
  mesh.breakLink(caller, a.node);
  assert.equal(await mesh.until(call), "a");
  assert.deepEqual([a.ran, b.ran], [[1], []]);
});

Deno.test("CallServer runs no request whose number is below those that its DedupWindow has forgotten", async () => {
  const [mesh, caller, [a]] = await meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  let first: Uint8Array | undefined;
  const codes: string[] = [];
  mesh.watch = (from, _, message) => {
    const decoded = decodeNodeMessage(message);
    if (from === caller.id && decoded?.kind === "request") first ??= message.slice();
    if (decoded?.kind === "response" && decoded.failure !== undefined) codes.push(decoded.failure.code);
  };
  for (let i = 0; i < MAX_ANSWERS + 10; i += 64) {
    await Promise.all(Array.from({ length: 64 }, (_, j) => caller.runtime.request("work/take", i + j)));
  }
  const before = a.ran.length;
  assert.ok(first !== undefined && before > MAX_ANSWERS);
  a.node.runtime.handleMessage(caller.id, first);
  assert.equal(a.ran.length, before);
  assert.deepEqual(codes, ["OutcomeUnknown"]);
});

Deno.test("RemoteCaller tries another provider at once after Overloaded and ServicePaused, and all again after a pause", async () => {
  await using mesh = new MemoryMesh();
  const caller = mesh.add("0");
  const a = await offer(mesh.add("a"), { concurrency: 1, queue: 0 });
  const b = await offer(mesh.add("b"), { concurrency: 1, queue: 0 });
  await settle();
  const held = [1, 2].map((i) => caller.runtime.request("work/hold", i));
  await settle();
  await fails("Overloaded", mesh.until(caller.runtime.request("work/take", 3)));
  const before = mesh.clock.now();
  const patient = caller.runtime.request("work/take", 4, { retries: 10 });
  await mesh.run(200);
  b.release();
  assert.equal(await mesh.until(patient), "b");
  assert.ok(mesh.clock.now() - before >= 200);
  a.release();
  assert.deepEqual(await Promise.all(held), ["a", "b"]);
  // One that is full leaves the call to the other, without a pause.
  const again = caller.runtime.request("work/hold", 5);
  await settle();
  assert.ok(["a", "b"].includes(await caller.runtime.request("work/take", 6) as string));
  a.release();
  b.release();
  await again;
});

Deno.test("runAction() does not run a call that was given up while it waited", async () => {
  await using mesh = new MemoryMesh();
  const caller = mesh.add("0");
  const a = await offer(mesh.add("a"), { concurrency: 1, queue: 10 });
  await settle();
  const held = caller.runtime.request("work/hold", "held");
  await settle();
  const abort = new AbortController();
  const calls = [
    fails("Timeout", caller.runtime.request("work/take", "late", { timeoutMs: 100 })),
    fails("Canceled", caller.runtime.request("work/take", "canceled", { signal: abort.signal })),
    fails("Timeout", a.node.runtime.request("work/take", "here", { timeoutMs: 100 })),
  ];
  const last = caller.runtime.request("work/take", "last");
  await settle();
  abort.abort();
  await mesh.run(300);
  a.release();
  assert.deepEqual(await Promise.all([held, last, ...calls.map((call) => call.then(() => "failed"))]), [
    "a",
    "a",
    "failed",
    "failed",
    "failed",
  ]);
  assert.deepEqual(a.ran, ["held", "last"]);
  assert.deepEqual([a.node.runtime.runningCalls, caller.runtime.pendingCalls], [0, 0]);
});

Deno.test("RemoteCaller retries NoProvider until somebody offers the service", async () => {
  await using mesh = new MemoryMesh();
  const [caller, a] = [mesh.add("0"), mesh.add("a")];
  const call = caller.runtime.request("work/take", 1, { retries: 20 });
  await mesh.run(300);
  await offer(a);
  assert.equal(await mesh.until(call), "a");
  await fails("NoProvider", caller.runtime.request("nowhere/take", 1, { retries: 0 }));
});

Deno.test("NodeRuntime.request() is served by a service that is added here while the call waits", async () => {
  await using mesh = new MemoryMesh();
  const caller = mesh.add("0");
  const call = caller.runtime.request("work/take", 1, { retries: 3, timeoutMs: 5_000 });
  await mesh.run(20);
  const here = await offer(caller);
  assert.equal(await mesh.until(call), "0");
  assert.deepEqual(here.ran, [1]);
});

Deno.test("NodeRuntime.request() with retries 0 tries once", async () => {
  const [mesh, caller, [a, b]] = await meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const call = fails("OutcomeUnknown", caller.runtime.request("work/holdRead", 1, { retries: 0 }));
  await settle();
  mesh.part(caller, a.node);
  await mesh.until(call);
  assert.deepEqual(b.ran, []);
});

Deno.test("RemoteCaller has one deadline for all attempts of a call", async () => {
  const [mesh, caller, [a]] = await meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  const timeouts: number[] = [];
  mesh.watch = (from, _, message) => {
    const decoded = decodeNodeMessage(message);
    if (from === caller.id && decoded?.kind === "request") timeouts.push(decoded.timeoutMs);
  };
  const before = mesh.clock.now();
  const call = fails("Timeout", caller.runtime.request("work/hold", 1, { timeoutMs: 1_000, retries: 100 }));
  for (let i = 0; i < 3; i++) {
    await mesh.run(250);
    mesh.breakLink(caller, a.node);
  }
  await mesh.until(call);
  const took = mesh.clock.now() - before;
  assert.ok(took >= 1_000 && took <= 1_050, String(took));
  assert.deepEqual(timeouts, [1_000, 750, 500, 250]);
  assert.deepEqual(a.ran, [1]);
});

Deno.test("RemoteCaller ignores answers that come twice, from another peer, or for another run", async () => {
  const [mesh, caller, [a, b]] = await meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const encoder = new NodeMessageEncoder();
  const answer = (text: string, callerRun = caller.runtime.run) =>
    encoder.encode({
      kind: "response",
      number: 1,
      callerRun,
      result: plain(1, new TextEncoder().encode(JSON.stringify(text))),
      failure: undefined,
      streamsResult: false,
    });
  const call = caller.runtime.request("work/hold", 1);
  await settle();
  caller.runtime.handleMessage(b.node.id, answer("from b"));
  caller.runtime.handleMessage(a.node.id, answer("to another run", 1));
  assert.equal(caller.runtime.pendingCalls, 1);
  caller.runtime.handleMessage(a.node.id, answer("right"));
  caller.runtime.handleMessage(a.node.id, answer("twice"));
  assert.equal(await call, "right");
  a.release();
  await settle();
  assert.equal(caller.runtime.pendingCalls, 0);
});

Deno.test("RemoteCaller fails a call whose answer announces a stream and opens none", async () => {
  const [mesh, caller, [a]] = await meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  const call = caller.runtime.request("work/hold", 1);
  await settle();
  const bytes = new NodeMessageEncoder().encode({
    kind: "response",
    number: 1,
    callerRun: caller.runtime.run,
    result: NO_VALUE,
    failure: undefined,
    streamsResult: true,
  });
  caller.runtime.handleMessage(a.node.id, bytes);
  await fails("Incompatible", call);
  assert.equal(failure("Incompatible", "").retryable, false);
});

for (const step of ["deflate", "inflate"] as const) {
  Deno.test(`CallServer runs a call whose parameters wait to ${step} while 12,000 others are answered`, async () => {
    await using mesh = new MemoryMesh();
    const held = Promise.withResolvers<void>();
    const compressor = {
      deflate: async () => {
        if (step === "deflate") await held.promise;
        return new Uint8Array(30_000);
      },
      inflate: async (_: Uint8Array, maxBytes: number) => {
        if (step === "inflate") await held.promise;
        return new Uint8Array(maxBytes);
      },
    };
    const caller = mesh.add("0", { compressor });
    const { ran } = await offer(mesh.add("a", { compressor }));
    await settle();
    const long = caller.runtime.request("work/take", new Uint8Array(4 << 20));
    await settle();
    for (let i = 0; i < 12_000; i += 200) {
      await Promise.all(Array.from({ length: 200 }, () => caller.runtime.request("work/take", 1)));
    }
    held.resolve();
    assert.equal(await mesh.until(long), "a");
    assert.equal(ran.length, 12_001);
  });
}
