import assert from "node:assert/strict";
import { ActionError, type CallError, type CallOptions } from "../mod.ts";
import { MAX_ITEM_BYTES, receiveItems } from "../wire/item_stream.ts";
import { MemoryMesh, type MemoryNode, settle } from "../testing/memory_mesh.ts";
import { streamPair } from "../testing/memory_stream.ts";
import { failureOf, readAll } from "../testing/outcome.ts";

const LONG_LIFE: CallOptions = { timeoutMs: 60_000 };

/** What a source has been through. */
interface Source {
  given: number;
  isEnded: boolean;
}

/** Gives numbers without end. */
async function* count(source: Source, step: () => unknown = () => {}): AsyncGenerator<number> {
  try {
    for (;;) {
      await step();
      yield source.given++;
    }
  } finally {
    source.isEnded = true;
  }
}

async function meshOf(actions: Record<string, (params: never, context: never) => unknown>) {
  const mesh = new MemoryMesh();
  const [caller, provider] = [mesh.add("a"), mesh.add("b")];
  await provider.runtime.addService({ path: "flow", actions: actions as never });
  await settle();
  return { mesh, caller, provider };
}

const CALLERS: Record<string, (there: { caller: MemoryNode; provider: MemoryNode }) => MemoryNode> = {
  "from another node": ({ caller }) => caller,
  "from the same node": ({ provider }) => provider,
};

for (const [name, pick] of Object.entries(CALLERS)) {
  Deno.test(`NodeRuntime.request() streams both ways from any kind of source, ${name}`, async () => {
    const there = await meshOf({
      list: () => ReadableStream.from([1, "two", { three: 3 }, undefined, Uint8Array.of(4)]),
      generate: async function* (upTo: number) {
        for (let i = 0; i < upTo; i++) yield await Promise.resolve(i);
      },
      later: async () => await Promise.resolve(ReadableStream.from(["late"])),
      none: () => ReadableStream.from([]),
      sum: async (start: number, { stream }: { stream: ReadableStream<number> }) => {
        let sum = start;
        for await (const item of stream) sum += item;
        return sum;
      },
      echo: (_: unknown, { stream }: { stream: ReadableStream<unknown> }) => stream,
      double: async function* (_: unknown, { stream }: { stream: ReadableStream<number> }) {
        for await (const item of stream) yield 2 * item;
      },
    } as never);
    const { mesh } = there;
    await using _ = mesh;
    const { runtime } = pick(there);
    const ask = (action: string, params?: unknown, options?: CallOptions) =>
      runtime.request(`flow/${action}`, params, options);
    assert.deepEqual(await readAll(await ask("list")), [1, "two", { three: 3 }, undefined, Uint8Array.of(4)]);
    assert.deepEqual(await readAll(await ask("generate", 4)), [0, 1, 2, 3]);
    assert.deepEqual(await readAll(await ask("later")), ["late"]);
    assert.deepEqual(await readAll(await ask("none")), []);
    assert.equal(await ask("sum", 100, { stream: ReadableStream.from([1, 2, 3]) }), 106);
    const generated = (async function* () {
      yield* [1, 2, 3];
    })();
    assert.deepEqual(await readAll(await ask("double", null, { stream: generated })), [2, 4, 6]);
    const many = Array.from({ length: 5_000 }, (_, i) => ({ i, text: "x".repeat(i % 50) }));
    assert.deepEqual(await readAll(await ask("echo", null, { stream: ReadableStream.from(many) })), many);
    await settle();
    assert.equal(mesh.openStreams, 0);
  });
}

Deno.test("sendItems() stops while nobody reads, and goes on when somebody does", async () => {
  const source: Source = { given: 0, isEnded: false };
  const piece = "x".repeat(1_000);
  const { mesh, caller } = await meshOf({
    pour: async function* () {
      for await (const _ of count(source)) yield piece;
    },
  });
  await using _ = mesh;
  const items = await caller.runtime.request("flow/pour") as ReadableStream<string>;
  await settle();
  await settle();
  const stopped = source.given;
  assert.ok(stopped < 300, `${stopped} items of 1 kB wait in a window of 256 KiB`);
  const reader = items.getReader();
  for (let i = 0; i < 1_000; i++) assert.equal((await reader.read()).value, piece);
  await settle();
  assert.ok(source.given >= 1_000 && source.given < 1_300, String(source.given));
  await reader.cancel();
  await settle();
  assert.equal(source.isEnded, true);
});

Deno.test("CallContext.stream lets its source wait until the handler reads", async () => {
  const source: Source = { given: 0, isEnded: false };
  const go = Promise.withResolvers<void>();
  const { mesh, caller } = await meshOf({
    slow: async (_: never, { stream }: { stream: ReadableStream<string> }) => {
      await go.promise;
      for await (const _ of stream) break;
      return "enough";
    },
  } as never);
  await using _ = mesh;
  const piece = "x".repeat(10_000);
  const stream = (async function* () {
    for await (const _ of count(source)) yield piece;
  })();
  const call = caller.runtime.request("flow/slow", null, { stream });
  await settle();
  assert.ok(source.given < 40, String(source.given));
  go.resolve();
  assert.equal(await call, "enough");
  await settle();
  assert.equal(source.isEnded, true);
  assert.equal(mesh.openStreams, 0);
});

Deno.test("sendItems() ends its source when the consumer goes away, also while the source waits", async () => {
  const [busy, idle]: [Source, Source] = [{ given: 0, isEnded: false }, { given: 0, isEnded: false }];
  const signals: AbortSignal[] = [];
  let isCanceled = false;
  const { mesh, caller } = await meshOf({
    busy: () => count(busy),
    idle: (_: never, { signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      const isOver = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      return count(idle, () => idle.given < 2 || isOver);
    },
    silent: () =>
      new ReadableStream({
        cancel() {
          isCanceled = true;
        },
      }),
  } as never);
  await using _ = mesh;
  for (const action of ["busy", "idle"]) {
    const items = await caller.runtime.request(`flow/${action}`) as ReadableStream<number>;
    const reader = items.getReader();
    assert.deepEqual([(await reader.read()).value, (await reader.read()).value], [0, 1]);
    await settle();
    await reader.cancel();
    await settle();
  }
  assert.deepEqual([busy.isEnded, idle.isEnded], [true, true]);
  assert.equal(signals[0]?.aborted, true);
  const silent = await caller.runtime.request("flow/silent") as ReadableStream<number>;
  await silent.cancel();
  await settle();
  assert.equal(isCanceled, true);
  assert.equal(mesh.openStreams, 0);
});

Deno.test("receiveItems() throws what the source threw, after its items and with its code", async () => {
  const { mesh, caller, provider } = await meshOf({
    stumble: async function* () {
      yield 1;
      yield await Promise.resolve(2);
      throw new ActionError("OutOfStock", "No tea is left");
    },
    unsayable: async function* () {
      yield await Promise.resolve(1);
      yield () => 10;
    },
    collect: async (_: never, { stream }: { stream: ReadableStream<unknown> }) => await readAll(stream),
  } as never);
  await using _ = mesh;
  const items = await caller.runtime.request("flow/stumble") as ReadableStream<number>;
  const reader = items.getReader();
  assert.deepEqual([(await reader.read()).value, (await reader.read()).value], [1, 2]);
  const error = await failureOf(reader.read());
  assert.deepEqual([error.code, error.message], ["OutOfStock", "No tea is left"]);
  const unsayable = await caller.runtime.request("flow/unsayable");
  assert.equal((await failureOf(readAll(unsayable))).code, "InvalidResult");
  const stream = new ReadableStream({
    start: (controller) => controller.enqueue(1),
    pull: (controller) => controller.error(new ActionError("Torn", "no more")),
  });
  const call = caller.runtime.request("flow/collect", null, { stream });
  assert.equal((await failureOf(call)).code, "Torn");
  // A stream that somebody reads already can't be sent; that is the caller's mistake, and told to both.
  const locked = ReadableStream.from([1]);
  locked.getReader();
  assert.equal(
    (await failureOf(caller.runtime.request("flow/collect", null, { stream: locked }))).code,
    "HandlerFailed",
  );
  await settle();
  assert.deepEqual([provider.runtime.runningCalls, mesh.openStreams], [0, 0]);
});

Deno.test("receiveItems() fails with StreamBroken when the link is lost, and the source is ended", async () => {
  const [given, taken]: [Source, Source] = [{ given: 0, isEnded: false }, { given: 0, isEnded: false }];
  let failedWith = "";
  const { mesh, caller, provider } = await meshOf({
    pour: () => count(given),
    take: async (_: never, { stream }: { stream: ReadableStream<unknown> }) => {
      try {
        for await (const _ of stream);
      } catch (error) {
        failedWith = (error as CallError).code;
        throw error;
      }
    },
  } as never);
  await using _ = mesh;
  const items = await caller.runtime.request("flow/pour") as ReadableStream<number>;
  const reader = items.getReader();
  await reader.read();
  const call = failureOf(caller.runtime.request("flow/take", null, { stream: count(taken, settle) }));
  await settle();
  mesh.breakLink(caller, provider);
  assert.equal((await failureOf(reader.read())).code, "StreamBroken");
  assert.equal((await call).code, "OutcomeUnknown");
  await settle();
  await settle();
  assert.equal(failedWith, "StreamBroken");
  assert.deepEqual([given.isEnded, taken.isEnded], [true, true]);
  assert.deepEqual([provider.runtime.runningCalls, caller.runtime.pendingCalls, mesh.openStreams], [0, 0, 0]);
});

Deno.test("NodeRuntime.request() ends the source of its stream when it is given up", async () => {
  const source: Source = { given: 0, isEnded: false };
  const { mesh, caller } = await meshOf({ never: () => new Promise(() => {}) });
  await using _ = mesh;
  const stream = count(source, settle);
  const call = failureOf(caller.runtime.request("flow/never", null, { stream, timeoutMs: 100 }));
  await mesh.run(200);
  assert.equal((await call).code, "Timeout");
  await settle();
  await settle();
  assert.deepEqual([source.isEnded, mesh.openStreams], [true, 0]);
});

Deno.test("CallServer ends the source of a stream that the handler never reads, when it answers or fails", async () => {
  const { mesh, caller } = await meshOf({
    ignore: () => "fine",
    throws: () => {
      throw new ActionError("No", "no");
    },
  });
  await using _ = mesh;
  const big = "x".repeat(100_000);
  const outcomes: string[] = [];
  for (const action of ["ignore", "throws", "missing"]) {
    const source: Source = { given: 0, isEnded: false };
    const stream = (async function* () {
      for await (const _ of count(source)) yield big;
    })();
    const call = caller.runtime.request(`flow/${action}`, null, { stream });
    outcomes.push(String(await call.catch((error) => error.code)));
    await settle();
    assert.deepEqual([action, source.isEnded, mesh.openStreams], [action, true, 0]);
  }
  assert.deepEqual(outcomes, ["fine", "No", "UnknownAction"]);
});

Deno.test("sendItems() fails with PayloadTooLarge at an item that is too long", async () => {
  const { mesh, caller } = await meshOf({
    huge: async function* () {
      yield await Promise.resolve("small");
      yield new Uint8Array(MAX_ITEM_BYTES + 1);
    },
    largest: () => ReadableStream.from([new Uint8Array(MAX_ITEM_BYTES)]),
  });
  await using _ = mesh;
  const huge = await caller.runtime.request("flow/huge");
  assert.equal((await failureOf(readAll(huge))).code, "PayloadTooLarge");
  const [largest] = await readAll(await caller.runtime.request("flow/largest"));
  assert.equal((largest as Uint8Array).length, MAX_ITEM_BYTES);
});

Deno.test("receiveItems() survives hostile bytes", async (test) => {
  const frames: Record<string, [number[], string]> = {
    "a length that announces four gigabytes": [[0xff, 0xff, 0xff, 0xff, 1], "PayloadTooLarge"],
    "a length just over the bound": [[0x00, 0x10, 0x10, 0x01], "PayloadTooLarge"],
    "an end within the length": [[0, 0], "StreamBroken"],
    "an end within the item": [[0, 0, 0, 9, 1, 2], "StreamBroken"],
    "an item that is no message": [[0, 0, 0, 2, 0xff, 0xff], "Incompatible"],
    "an item that is said to be elsewhere": [[0, 0, 0, 4, 0x0a, 2, 0x20, 5], "Incompatible"],
    "an item of an unknown encoding": [[0, 0, 0, 4, 0x0a, 2, 0x08, 9], "Incompatible"],
    "an item that is no JSON": [[0, 0, 0, 7, 0x0a, 5, 0x08, 1, 0x12, 1, 0x7b], "Incompatible"],
  };
  for (const [name, [bytes, code]] of Object.entries(frames)) {
    await test.step(name, async () => {
      const [near, far] = streamPair();
      await far.write(Uint8Array.from(bytes));
      far.end();
      assert.equal((await failureOf(readAll(receiveItems(near)))).code, code);
    });
  }
  await test.step("an empty item is no value", async () => {
    const [near, far] = streamPair();
    await far.write(new Uint8Array(4));
    far.end();
    assert.deepEqual(await readAll(receiveItems(near)), [undefined]);
  });
  await test.step("cuts anywhere", async () => {
    const [near, far] = streamPair();
    const item = [0, 0, 0, 7, 0x0a, 5, 0x08, 1, 0x12, 1, 0x37];
    for (const byte of [...item, ...item]) await far.write(Uint8Array.of(byte));
    far.end();
    assert.deepEqual(await readAll(receiveItems(near)), [7, 7]);
  });
});

Deno.test("sendItems() sends 32 MiB with few of them on the way", async () => {
  const source: Source = { given: 0, isEnded: false };
  const piece = new Uint8Array(32_768);
  const { mesh, caller } = await meshOf({
    pour: async function* () {
      for await (const i of count(source)) {
        if (i === 1_024) return;
        yield piece;
      }
    },
  });
  await using _ = mesh;
  let read = 0, ahead = 0;
  for await (
    const item of await caller.runtime.request("flow/pour", null, LONG_LIFE) as ReadableStream<Uint8Array>
  ) {
    assert.equal(item.length, piece.length);
    read++;
    ahead = Math.max(ahead, source.given - read);
  }
  assert.equal(read, 1_024);
  // The window of the stream in memory is 256 KiB.
  assert.ok(ahead <= 16, `${ahead} items of 32 KiB were ahead`);
});

Deno.test("callLocal() fails when what was answered can't be read, and its call leaves the bulkhead once", async () => {
  await using mesh = new MemoryMesh();
  const { runtime } = mesh.add("a");
  const broken = {
    [Symbol.asyncIterator]() {
      throw new TypeError("it has no items");
    },
  };
  let running = 0;
  await runtime.addService({
    path: "flow",
    concurrency: 1,
    actions: {
      broken: () => broken,
      brokenLater: () => Promise.resolve(broken),
      brokenThen: () => ({
        then() {
          throw new TypeError("it promises nothing");
        },
      }),
      hold: () => {
        running++;
        return new Promise(() => {});
      },
    },
  });
  for (const action of ["broken", "brokenLater", "brokenThen"]) {
    const error = await mesh.until(failureOf(runtime.request(`flow/${action}`)));
    assert.deepEqual([error.code, error.executed], ["HandlerFailed", true], action);
    assert.match(error.message, /^it (has no items|promises nothing)$/);
  }
  const held = [1, 2].map(() => failureOf(runtime.request("flow/hold", null, { timeoutMs: 100 })));
  await settle();
  assert.equal(running, 1, "the bound holds as before");
  await mesh.run(200);
  for (const { code } of await Promise.all(held)) assert.equal(code, "Timeout");
});
