import assert from "node:assert/strict";
import { ActionError, defineService } from "../mod.ts";
import { MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { fails } from "../testing/outcome.ts";

const math = defineService({
  path: "math",
  version: "1.2.0",
  actions: {
    add: ({ a, b }: { a: number; b: number }) => a + b,
    later: async ({ a }: { a: number }) => await Promise.resolve(a + 1),
    echo: (bytes: Uint8Array) => bytes,
    fail: () => {
      throw new ActionError("OutOfStock", "No tea is left", { retryable: false });
    },
    crash: () => {
      throw new TypeError("a bug");
    },
    whoami: (_: undefined, { caller }) => caller,
  },
});

Deno.test("NodeRuntime.request() is answered here, and from another node, with the types of the definition", async () => {
  await using mesh = new MemoryMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  await a.runtime.addService(math);
  await settle();
  for (const { runtime } of [a, b]) {
    const client = runtime.client<typeof math>("math");
    const sum: number = await client.request("add", { a: 1, b: 2 });
    assert.equal(sum, 3);
    assert.equal(await client.request("later", { a: 1 }), 2);
    assert.deepEqual(await client.request("echo", Uint8Array.of(1, 2)), Uint8Array.of(1, 2));
    assert.equal(await runtime.request("mesh:math/add", { a: 2, b: 2 }), 4);
  }
  assert.equal(await b.runtime.request("math/whoami"), "b");
  assert.equal(await a.runtime.request("math/whoami"), undefined);
});

Deno.test("NodeRuntime.request() fails with each code", async (test) => {
  await using mesh = new MemoryMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  await a.runtime.addService(math);
  await a.runtime.addService({
    path: "busy",
    concurrency: 1,
    queue: 1,
    actions: { wait: () => new Promise(() => {}) },
  });
  await a.runtime.addService({ path: "closed", allow: "role=web", actions: { open: () => 1 } });
  await settle();
  const { runtime } = b;

  await test.step("in the handler", async () => {
    const own = await fails("OutOfStock", runtime.request("math/fail"));
    assert.deepEqual([own.message, own.executed, own.retryable], ["No tea is left", true, false]);
    assert.equal((await fails("HandlerFailed", runtime.request("math/crash"))).message, "a bug");
    await fails("OutOfStock", a.runtime.request("math/fail"));
  });
  await test.step("nobody, nothing, not now", async () => {
    const call = runtime.request("nowhere/go", {}, { retries: 1 });
    call.catch(() => {});
    await mesh.run(200);
    await fails("NoProvider", call);
    await fails("UnknownAction", runtime.request("math/go"));
    for (const node of [a, b]) {
      const { message } = await fails("UnknownAction", node.runtime.request("math"));
      assert.equal(message, "math names no action: write math/ACTION");
    }
    a.runtime.services.get("mesh:math")?.pause();
    await fails("ServicePaused", a.runtime.request("math/add", { a: 1, b: 1 }, { retries: 0 }));
    await fails("ServicePaused", runtime.request("math/add", { a: 1, b: 1 }, { retries: 0 }));
    a.runtime.services.get("mesh:math")?.resume();
    await settle();
    assert.equal(await runtime.request("math/add", { a: 1, b: 1 }), 2);
    await fails("Refused", runtime.request("closed/open"));
    await assert.rejects(runtime.request("no topic at all"), { code: "InvalidTopic" });
    await assert.rejects(runtime.request("math/add", 1, { mode: "sideways" as "local" }), {
      code: "InvalidService",
    });
    await fails("NoProvider", runtime.request("math/add", 1, { node: "nobody" }));
  });
  await test.step("too long, too many, given up", async () => {
    const waiting = [1, 2].map(() => runtime.request("busy/wait", {}, { timeoutMs: 1_000 }));
    for (const call of waiting) call.catch(() => {});
    await settle();
    await fails("Overloaded", runtime.request("busy/wait", {}, { retries: 0 }));
    const abort = new AbortController();
    const canceled = runtime.request("busy/wait", {}, { signal: abort.signal });
    abort.abort();
    await fails("Canceled", canceled);
    await fails("Canceled", runtime.request("busy/wait", {}, { signal: AbortSignal.abort() }));
    await mesh.run(1_100);
    for (const call of waiting) await fails("Timeout", call);
    assert.equal(runtime.pendingCalls, 0);
  });
  await test.step("what can't be sent", async () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    await fails("InvalidParams", runtime.request("math/echo", loop));
    await fails("InvalidParams", runtime.request("math/echo", () => 10));
    await fails("PayloadTooLarge", runtime.request("math/echo", new Uint8Array((16 << 20) + 1)));
  });
});

Deno.test("CallContext.signal is aborted at the deadline, and when the caller gives up", async () => {
  await using mesh = new MemoryMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const reasons: string[] = [];
  let deadlineMs = 0;
  await a.runtime.addService({
    path: "slow",
    actions: {
      wait: (_: unknown, context) =>
        new Promise((resolve) => {
          deadlineMs = context.deadlineMs;
          context.signal.addEventListener("abort", () => {
            reasons.push(context.signal.reason.code);
            resolve(0);
          });
        }),
    },
  });
  await settle();
  const late = b.runtime.request("slow/wait", {}, { timeoutMs: 300 });
  await Promise.all([fails("Timeout", late), mesh.run(600)]);
  assert.ok(deadlineMs > 250 && deadlineMs <= 310, String(deadlineMs));
  const abort = new AbortController();
  const canceled = b.runtime.request("slow/wait", {}, { signal: abort.signal });
  await settle();
  abort.abort();
  await fails("Canceled", canceled);
  await mesh.run(50);
  // Which of the two ends noticed first that the deadline has passed does not matter.
  assert.match(reasons.join(), /^(Canceled|Timeout),Canceled$/);
  assert.equal(a.runtime.runningCalls, 0);
});

Deno.test("MessageCarrier sends a long value on a stream of its own, and rejects it over the limit", async () => {
  await using mesh = new MemoryMesh();
  const [a, b] = [mesh.add("a", { limits: { maxPayloadBytes: 1 << 20 } }), mesh.add("b")];
  await a.runtime.addService(math);
  await a.runtime.addService({ path: "big", actions: { make: () => new Uint8Array(2 << 20) } });
  await settle();
  const bytes = Uint8Array.from({ length: 700_000 }, (_, i) => i);
  const answer = await b.runtime.request("math/echo", bytes) as Uint8Array;
  assert.deepEqual(answer, bytes);
  await fails("PayloadTooLarge", b.runtime.request("math/echo", new Uint8Array(3 << 20)));
  await fails("PayloadTooLarge", b.runtime.request("big/make"));
});

Deno.test("NodeRuntime.request() is answered by a handler that throws an Error without text, here and elsewhere", async (test) => {
  await using mesh = new MemoryMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const withMessage = (error: Error, message: unknown) =>
    Object.defineProperty(error, "message", { value: message });
  const thrower = (error: () => unknown) => () => {
    throw error();
  };
  const unsayable = {
    toString() {
      throw new TypeError("unsayable");
    },
  };
  const silent = Object.defineProperty(new Error(), "message", {
    get() {
      throw new TypeError("no message");
    },
  });
  const errors: Record<string, [() => unknown, string, string]> = {
    number: [() => withMessage(new Error(), 7), "HandlerFailed", "7"],
    nothing: [() => withMessage(new Error(), undefined), "HandlerFailed", "undefined"],
    symbol: [() => withMessage(new Error(), Symbol("s")), "HandlerFailed", "Symbol(s)"],
    unsayable: [() => withMessage(new Error(), unsayable), "HandlerFailed", "the handler has failed"],
    getter: [() => silent, "HandlerFailed", "the handler has failed"],
    code: [() => withMessage(new ActionError(404 as never, ""), 1), "404", "1"],
    plain: [() => ({ message: 7 }), "HandlerFailed", "the handler has failed"],
  };
  const actions = Object.fromEntries(Object.entries(errors).map(([name, [error]]) => [name, thrower(error)]));
  await a.runtime.addService({ path: "odd", actions });
  await settle();
  for (const [name, [, code, message]] of Object.entries(errors)) {
    for (const { id, runtime } of [a, b]) {
      await test.step(`${name} for ${id}`, async () => {
        const call = runtime.request(`odd/${name}`, null, { timeoutMs: 1_000, retries: 0 });
        assert.equal((await mesh.until(fails(code, call))).message, message);
      });
    }
  }
});
