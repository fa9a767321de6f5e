import assert from "node:assert/strict";
import { SeededRandom, silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import type { CallOptions, ServiceDefinition } from "../mod.ts";
import { NodeRuntime } from "../node/mod.ts";
import { peerId } from "../ports.ts";
import { fakeLinks } from "../testing/fake_links.ts";
import { MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { ALL_RIGHTS, rightsOf } from "../testing/memory_rights.ts";
import { fails, failureOf } from "../testing/outcome.ts";
import { EMPTY_ADVERT } from "../wire/mod.ts";
import { decodeNodeMessage, NodeMessageEncoder } from "../wire/node_message.ts";

/** A few of them fill what a stream takes unread. */
const PIECE = "x".repeat(16_000);

/** A service whose one answer never ends, and what became of it. */
function endless() {
  const seen = { isEnded: false, isParamsEnded: false, signal: new AbortController().signal };
  const service: ServiceDefinition = {
    path: "flow",
    actions: {
      count: async function* (_: unknown, { signal }: { signal: AbortSignal }) {
        seen.signal = signal;
        try {
          for (;;) yield await Promise.resolve(PIECE);
        } finally {
          seen.isEnded = true;
        }
      },
    },
  };
  const params = async function* () {
    try {
      for (let i = 0;; i++) {
        yield i;
        await settle();
      }
    } finally {
      seen.isParamsEnded = true;
    }
  };
  return { seen, service, params };
}

/** Where a call comes from, and where it goes. */
const WAYS = ["a node to another", "a node to itself", "a program to another node", "a node to a program"];

async function flowing(way: string) {
  const mesh = new MemoryMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const program = mesh.attach(way.startsWith("a program") ? a : b);
  const caller = way.startsWith("a program") ? program : a;
  const provider = way.endsWith("itself") ? a : way.endsWith("to a program") ? program : b;
  const { seen, service, params } = endless();
  await provider.runtime.addService(service);
  await settle();
  const ask = async (options: CallOptions) => {
    const items = await caller.runtime.request("flow/count", null, options);
    const reader = (items as ReadableStream<string>).getReader();
    assert.equal((await reader.read()).value, PIECE);
    return reader;
  };
  return { mesh, seen, ask, params };
}

for (const way of WAYS) {
  Deno.test(`An abort ends a stream that has begun, from ${way}`, async () => {
    const { mesh, seen, ask, params } = await flowing(way);
    await using _ = mesh;
    const abort = new AbortController();
    const stream = way.endsWith("itself") ? {} : { stream: params() };
    const reader = await ask({ signal: abort.signal, ...stream });
    await mesh.run(20_000, 500);
    assert.equal(seen.isEnded, false, "the deadline that nobody has given is one for the answer to begin");
    abort.abort();
    assert.equal((await failureOf(reader.read())).code, "Canceled");
    await mesh.run(50);
    assert.deepEqual([seen.isEnded, seen.signal.aborted, mesh.openStreams], [true, true, 0]);
    if (!way.endsWith("itself")) assert.equal(seen.isParamsEnded, true);
  });

  Deno.test(`The deadline ends a stream that has begun, from ${way}`, async () => {
    const { mesh, seen, ask } = await flowing(way);
    await using _ = mesh;
    const reader = await ask({ timeoutMs: 500 });
    await mesh.run(400);
    assert.equal((await reader.read()).done, false);
    await mesh.run(150);
    assert.equal((await failureOf(reader.read())).code, "Timeout");
    await mesh.run(50);
    assert.deepEqual([seen.isEnded, seen.signal.aborted, mesh.openStreams], [true, true, 0]);
  });
}

Deno.test("A stream that has ended leaves nothing at its caller's signal, nor a timer", async () => {
  await using mesh = new MemoryMesh();
  const [caller, provider] = [mesh.add("a"), mesh.add("b")];
  await provider.runtime.addService({ path: "flow", actions: { two: () => ReadableStream.from([1, 2]) } });
  await settle();
  // The provider has a timer for each caller's window from its first call on.
  await Array.fromAsync(await caller.runtime.request("flow/two") as ReadableStream<number>);
  await mesh.run(200);
  for (const node of [caller, provider]) {
    let listeners = 0;
    const { signal } = new AbortController();
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    Object.assign(signal, {
      addEventListener: (...rest: Parameters<typeof add>) => (listeners++, add(...rest)),
      removeEventListener: (...rest: Parameters<typeof remove>) => (listeners--, remove(...rest)),
    });
    const timers = mesh.timers.size;
    const items = await node.runtime.request("flow/two", null, { signal, timeoutMs: 60_000 });
    assert.deepEqual(await Array.fromAsync(items as ReadableStream<number>), [1, 2]);
    await mesh.run(200);
    assert.deepEqual([listeners, mesh.timers.size], [0, timers]);
  }
});

Deno.test("CallServer ends a stream of answers that its caller cancels by message", async () => {
  const { mesh, seen, ask } = await flowing("a node to another");
  await using _ = mesh;
  const [a, b] = [...mesh.nodes.values()];
  assert.ok(a && b);
  await ask({});
  const cancel = { kind: "cancel", number: 1, callerRun: a.runtime.run } as const;
  b.runtime.handleMessage(a.id, new NodeMessageEncoder().encode({ ...cancel, callerRun: 7 }));
  await settle();
  assert.equal(seen.isEnded, false);
  b.runtime.handleMessage(a.id, new NodeMessageEncoder().encode(cancel));
  await settle();
  assert.deepEqual([seen.isEnded, seen.signal.aborted, mesh.openStreams], [true, true, 0]);
});

Deno.test("A stream that can't be opened, since there are as many as there may be, is Overloaded at both ends", async () => {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const answers: (string | undefined)[] = [];
  const other = peerId("b");
  const runtime = new NodeRuntime({
    clock,
    timers,
    random: new SeededRandom(1),
    log: silentLogger,
    links: fakeLinks({
      post: (_, bytes) => {
        const message = decodeNodeMessage(bytes);
        if (message?.kind === "response") answers.push(message.failure?.code);
        return "queued";
      },
      openStream: () => undefined,
      linked: () => [other],
    }),
    peers: {
      ...rightsOf(peerId("a"), () => ALL_RIGHTS),
      self: peerId("a"),
      nameOf: () => undefined,
      find: () => undefined,
      isHealthy: () => true,
      isOperator: () => false,
      selector: () => () => true,
    },
  });
  const work = {
    path: "mesh:there",
    version: "1",
    description: "",
    state: "running",
    actions: [{ name: "take", idempotent: false }],
    events: [],
    elects: false,
    port: 0,
    protocol: "tcp",
  } as const;
  runtime.setAdverts(other, [{ ...EMPTY_ADVERT, run: 5, services: [work] }]);
  const options = { retries: 0 };
  await fails(
    "Overloaded",
    runtime.request("there/take", 1, { ...options, stream: ReadableStream.from([1]) }),
  );
  await fails("Overloaded", runtime.request("there/take", new Uint8Array(100_000), options));
  await runtime.addService({
    path: "flow",
    actions: { pour: () => ReadableStream.from([1]), long: () => new Uint8Array(100_000) },
  });
  for (const [i, action] of ["pour", "long"].entries()) {
    runtime.handleMessage(
      other,
      new NodeMessageEncoder().encode({
        kind: "request",
        number: i + 1,
        callerRun: 7,
        providerRun: 0,
        path: `mesh:flow/${action}`,
        params: { encoding: 0, data: new Uint8Array(0), compression: 0, detachedBytes: 0, plainBytes: 0 },
        timeoutMs: 1_000,
        streamsParams: false,
        routing: undefined,
        caller: "",
      }),
    );
    await settle();
  }
  assert.deepEqual(answers, ["Overloaded", "Overloaded"]);
  await runtime.close();
});

const BROKEN: Record<string, () => unknown> = {
  "has an iterator that is no function": () => ({ [Symbol.asyncIterator]: 5 }),
  "has an iterator that throws": () => ({
    [Symbol.asyncIterator]() {
      throw new TypeError("it has no items");
    },
  }),
  "has an iterator that is no object": () => ({ [Symbol.asyncIterator]: () => 5 }),
  "is a proxy that throws whatever it is asked": () =>
    new Proxy({}, {
      has() {
        throw new TypeError("it is nothing");
      },
    }),
  "is read by somebody else": () => {
    const stream = ReadableStream.from([1]);
    stream.getReader();
    return stream;
  },
  "gives no results": () => ({ [Symbol.asyncIterator]: () => ({ next: () => 5 }) }),
  "throws when it is read": () => ({
    [Symbol.asyncIterator]: () => ({
      next() {
        throw new TypeError("it has no items");
      },
    }),
  }),
};

for (const [what, make] of Object.entries(BROKEN)) {
  Deno.test(`A call whose handler answers with what ${what} ends at once, here and there`, async () => {
    await using mesh = new MemoryMesh();
    const [there, here] = [mesh.add("a"), mesh.add("b")];
    await here.runtime.addService({ path: "flow", actions: { broken: make } });
    await settle();
    const before = mesh.clock.now();
    for (const { runtime } of [there, here]) {
      for (const options of [{}, { timeoutMs: 60_000 }]) {
        const outcome = mesh.until(
          runtime.request("flow/broken", null, options).then((items) =>
            items instanceof ReadableStream && !items.locked ? Array.fromAsync(items) : undefined
          ).then(() => "answered", (error) => error instanceof Error ? "failed" : assert.fail(String(error))),
          1_000,
        );
        assert.ok(["answered", "failed"].includes(await outcome));
      }
    }
    assert.ok(mesh.clock.now() - before < 1_000);
    assert.equal(here.runtime.runningCalls, 0);
  });
}
