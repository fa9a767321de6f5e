import assert from "node:assert/strict";
import type { CallAnswer, ServiceDefinition } from "../mod.ts";
import { attached, MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { decodeNodeMessage, NO_VALUE, NodeMessageEncoder } from "../wire/node_message.ts";
import { failureOf, readAll } from "../testing/outcome.ts";
import { MAX_PENDING_OF_PROGRAM } from "../calls/mod.ts";
import type { ServiceRuntime } from "../service_runtime.ts";
import { plain } from "../wire/wire_value.ts";

/** A service whose answers say where it runs. */
function place(name: string, ran: string[] = []): ServiceDefinition {
  return {
    path: "place",
    version: "1.0.0",
    actions: {
      where: () => name,
      take: (id: string) => {
        ran.push(`${name}:${id}`);
        return name;
      },
      read: { idempotent: true, handler: () => name },
      hold: () => new Promise(() => {}),
      countTo: async function* (upTo: number) {
        for (let i = 0; i < upTo; i++) yield await Promise.resolve(i);
      },
      sum: async (_: unknown, { stream }) => {
        let sum = 0;
        for await (const item of stream ?? []) sum += item as number;
        return sum;
      },
      large: (bytes: Uint8Array) => bytes,
      fail: () => {
        throw new TypeError("a bug");
      },
    },
  } as ServiceDefinition;
}

Deno.test("ProgramGateway advertises a program's service, and every node and program can call it", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const ran: string[] = [];
  await program.runtime.addService(place("p", ran));
  await settle();
  const [told] = agent.runtime.advert().services;
  assert.deepEqual([told?.path, told?.version, told?.state], ["place", "1.0.0", "running"]);
  for (const { runtime } of [agent, other, program]) {
    assert.equal(await runtime.request("place/where"), "p");
    const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i);
    assert.deepEqual(await runtime.request("place/large", bytes), bytes);
    const failed = await failureOf(runtime.request("place/fail"));
    assert.deepEqual([failed.code, failed.message, failed.executed], ["HandlerFailed", "a bug", true]);
    assert.equal((await failureOf(runtime.request("place/nothing"))).code, "UnknownAction");
  }
  await program.runtime.removeService("place");
  await settle();
  assert.deepEqual(agent.runtime.advert().services, []);
  assert.equal((await failureOf(other.runtime.request("place/where", 0, { retries: 0 }))).code, "NoProvider");
  await settle();
  assert.deepEqual([mesh.openStreams, agent.runtime.pendingCalls, agent.runtime.runningCalls], [0, 0, 0]);
});

Deno.test("ProgramRuntime.request() calls other nodes through its agent, by mode and by node", async (test) => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const third = mesh.add("c");
  for (const node of [other, third]) await node.runtime.addService(place(node.id));
  await settle();
  const { runtime } = program;
  await test.step("round-robin", async () => {
    assert.equal(await runtime.request("place/where"), "b");
    assert.equal(await runtime.request("place/where"), "c");
  });
  await test.step("one node", async () => {
    assert.equal(await runtime.request("place/where", 0, { node: "c" }), "c");
    assert.equal((await failureOf(runtime.request("place/where", 0, { node: "nobody" }))).code, "NoProvider");
  });
  await test.step("all", async () => {
    assert.deepEqual(await runtime.request("place/where", 0, { mode: "all" }), [
      { node: "b", ok: true, result: "b" },
      { node: "c", ok: true, result: "c" },
    ]);
    assert.equal((await failureOf(runtime.request("nowhere/x", 0, { mode: "all" }))).code, "NoProvider");
  });
  await test.step("proximity", async () => {
    assert.equal(await runtime.request("place/where", 0, { mode: "proximity" }), "b");
  });
  await test.step("local finds nobody", async () => {
    const call = runtime.request("place/where", 0, { mode: "local", timeoutMs: 50 });
    assert.equal((await mesh.until(failureOf(call))).code, "NoProvider");
  });
  await test.step("the agent's own service", async () => {
    await agent.runtime.addService(place("a"));
    await settle();
    assert.equal(await runtime.request("place/where"), "a");
    assert.equal(await runtime.request("place/where", 0, { mode: "local" }), "a");
    assert.equal(await runtime.request("place/where", 0, { node: "a" }), "a");
    assert.equal(await runtime.request("place/where", 0, { node: "b" }), "b");
    const all = await runtime.request("place/where", 0, { mode: "all" }) as { node: string }[];
    assert.deepEqual(all.map(({ node }) => node), ["a", "b", "c"]);
  });
  await test.step("an idempotent action is tried again", async () => {
    await agent.runtime.removeService("place");
    await settle();
    const call = runtime.request("place/read");
    mesh.watch = (from, to) => from === "a" && (to === "b" || to === "c") ? false : undefined;
    await settle();
    mesh.watch = () => {};
    mesh.breakLink(agent, other);
    mesh.breakLink(agent, third);
    assert.match(String(await mesh.until(call)), /^[bc]$/);
  });
  assert.equal(program.runtime.pendingCalls, 0);
});

Deno.test("ProgramRuntime.request() reaches the leader of a service, wherever it is", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const led = (name: string): ServiceDefinition => ({ ...place(name), mode: "leader" });
  await agent.runtime.addService(led("a"));
  await other.runtime.addService(led("b"));
  await settle();
  assert.equal(await program.runtime.request("place/where"), "b");
  assert.equal(await program.runtime.request("place/where", 0, { mode: "leader" }), "b");
  await other.runtime.removeService("place");
  await settle();
  assert.equal(await program.runtime.request("place/where", 0, { mode: "leader" }), "a");
});

Deno.test("ServiceLeadership ranks a program's service as its agent's, which sends the heartbeats", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const [low, high, asking] = [mesh.add("b"), mesh.add("c"), mesh.add("a")];
  await low.runtime.addService({ ...place("b"), mode: "leader" });
  const programs = [mesh.attach(high), mesh.attach(high)];
  for (const [i, { runtime }] of programs.entries()) {
    await runtime.addService({ ...place(`c${i}`), mode: "leader" });
  }
  await mesh.run(12_000, 100);
  for (const node of [low, high, asking]) {
    assert.equal(node.runtime.leadership.leaderOf("mesh:place"), "c", node.id);
    // Of two programs it is the same one each time.
    for (let i = 0; i < 3; i++) assert.equal(await node.runtime.request("place/where"), "c0", node.id);
  }
  const [report] = high.runtime.report("place");
  assert.deepEqual(report?.providers.map(({ isLeader }) => isLeader), [false, true, true]);
});

Deno.test("ProviderChoice takes programs with the same service in turn, and before other nodes", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const second = mesh.attach(agent);
  await program.runtime.addService(place("p1"));
  await second.runtime.addService(place("p2"));
  await other.runtime.addService(place("b"));
  await settle();
  const ask = async (runtime: ServiceRuntime) => {
    const answers = new Set<unknown>();
    for (let i = 0; i < 6; i++) answers.add(await runtime.request("place/where"));
    return [...answers].sort().join();
  };
  assert.equal(await ask(agent.runtime), "p1,p2");
  assert.equal(await ask(program.runtime), "p1");
  assert.equal(await ask(other.runtime), "b");
  const all = await agent.runtime.request("place/where", 0, { mode: "all" }) as CallAnswer[];
  const answered = all.map((answer) => `${answer.node} ${answer.ok && answer.result}`).sort();
  assert.deepEqual(answered, ["a p1", "a p2", "b b"], "programs go by their node's name");
  const asked = new Set<unknown>();
  for (let i = 0; i < 4; i++) asked.add(await other.runtime.request("place/where", 0, { node: "a" }));
  assert.deepEqual([...asked].sort(), ["p1", "p2"]);
  // One that is paused leaves it to the other, and the agent still offers the service.
  second.runtime.services.get("mesh:place")?.pause();
  await settle();
  assert.equal(await ask(agent.runtime), "p1");
  assert.equal(agent.runtime.advert().services[0]?.state, "running");
  program.runtime.services.get("mesh:place")?.pause();
  await settle();
  assert.equal(agent.runtime.advert().services[0]?.state, "paused");
  assert.equal(await ask(agent.runtime), "b");
});

Deno.test("ProgramGateway fails the calls of a program that is gone, and withdraws its services", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  await program.runtime.addService(place("p"));
  await settle();
  const calls = [agent, other].map(({ runtime }) => failureOf(runtime.request("place/hold")));
  await settle();
  assert.deepEqual([program.runtime.runningCalls, agent.runtime.runningCalls], [2, 1]);
  mesh.detach(program);
  for (const call of calls) {
    const { code, executed } = await mesh.until(call);
    assert.deepEqual([code, executed], ["OutcomeUnknown", true]);
  }
  await settle();
  assert.deepEqual(agent.runtime.advert().services, []);
  assert.deepEqual([agent.runtime.pendingCalls, agent.runtime.runningCalls], [0, 0]);
  const late = await failureOf(program.runtime.request("nowhere/x", 0, { retries: 0 }));
  assert.equal(late.code, "Unreachable");
});

Deno.test("ProgramRuntime aborts the signal of a handler whose caller has given up", async () => {
  const { mesh, other, program } = await attached();
  await using _ = mesh;
  let isAborted = false;
  await program.runtime.addService({
    path: "place",
    actions: {
      hold: (_: unknown, { signal }) =>
        new Promise((resolve) =>
          signal.addEventListener("abort", () => {
            isAborted = true;
            resolve(0);
          })
        ),
    },
  });
  await settle();
  const abort = new AbortController();
  const call = failureOf(other.runtime.request("place/hold", 0, { signal: abort.signal }));
  await settle();
  abort.abort();
  assert.equal((await call).code, "Canceled");
  await settle();
  assert.equal(isAborted, true);
});

Deno.test("ProgramRuntime.request() streams parameters and answers, as caller and as provider", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  await program.runtime.addService(place("p"));
  await other.runtime.addService({ ...place("b"), path: "far" });
  await settle();
  const ways: [ServiceRuntime, string][] = [
    [other.runtime, "place"],
    [agent.runtime, "place"],
    [program.runtime, "far"],
  ];
  for (const [runtime, path] of ways) {
    assert.deepEqual(
      await readAll(await runtime.request(`${path}/countTo`, 500)),
      Array.from({ length: 500 }, (_, i) => i),
    );
    assert.equal(await runtime.request(`${path}/sum`, 0, { stream: ReadableStream.from([1, 2, 3]) }), 6);
  }
  await settle();
  await settle();
  assert.equal(mesh.openStreams, 0);
});

Deno.test("NodeRuntime ignores answers that a program forges, and the routing and adverts of members", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const impostor = mesh.attach(agent);
  await program.runtime.addService(place("p"));
  await settle();
  const encoder = new NodeMessageEncoder();
  const call = agent.runtime.request("place/hold", 0, { timeoutMs: 200 });
  await settle();
  for (let number = 1; number < 10; number++) {
    const answer = encoder.encode({
      kind: "response",
      number,
      callerRun: agent.runtime.run,
      result: plain(1, new TextEncoder().encode('"forged"')),
      failure: undefined,
      streamsResult: false,
    });
    agent.runtime.handleMessage(impostor.id, answer);
  }
  assert.equal((await mesh.until(failureOf(call))).code, "Timeout");
  // A member that sends the routing of a program gets no further than any other.
  const third = mesh.add("c");
  const ran: string[] = [];
  await third.runtime.addService(place("c", ran));
  await settle();
  const request = encoder.encode({
    kind: "request",
    number: 1,
    callerRun: 5,
    providerRun: 0,
    path: "mesh:place/take",
    params: NO_VALUE,
    timeoutMs: 1_000,
    streamsParams: false,
    caller: "",
    routing: { mode: "", node: "c", idempotent: false, retries: undefined, version: "" },
  });
  agent.runtime.handleMessage(other.id, request);
  await settle();
  assert.deepEqual(ran, []);
  // What it tells of itself it tells of itself alone: there are no peers in an advert.
  agent.runtime.handleMessage(
    other.id,
    encoder.encode({ kind: "discovery", advert: third.runtime.advert() }),
  );
  const { directory, programs } = agent.runtime;
  assert.deepEqual(directory.providers("mesh:place").map(({ peer }) => peer), ["c"]);
  assert.deepEqual(programs.directory.providers("mesh:place").map(({ peer }) => peer), [program.id]);
});

Deno.test("ProgramGateway advertises a program again that has attached again", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  await program.runtime.addService(place("p"));
  await settle();
  mesh.detach(program);
  await settle();
  assert.equal((await failureOf(other.runtime.request("place/where", 0, { retries: 0 }))).code, "NoProvider");
  const again = mesh.attach(agent);
  await again.runtime.addService(place("again"));
  await settle();
  assert.equal(await other.runtime.request("place/where"), "again");
});

Deno.test("RemoteCaller bounds the calls that wait for one program, and serves the others", async () => {
  const { mesh, agent, other, program: stopped } = await attached();
  await using _ = mesh;
  const running = mesh.attach(agent);
  await stopped.runtime.addService({ ...place("stopped"), path: "stopped" });
  await running.runtime.addService(place("running"));
  await settle();
  mesh.watch = (_, to) => to !== stopped.id;
  const calls = Array.from(
    { length: MAX_PENDING_OF_PROGRAM },
    () => failureOf(other.runtime.request("stopped/where", 0, { timeoutMs: 1_000, retries: 0 })),
  );
  await settle();
  assert.equal(agent.runtime.pendingCalls, MAX_PENDING_OF_PROGRAM);
  const beyond = [other, agent].map(({ runtime }) =>
    failureOf(runtime.request("stopped/where", 0, { timeoutMs: 1_000, retries: 0 }))
  );
  for (const { code, executed } of await Promise.all(beyond)) {
    assert.deepEqual([code, executed], ["Overloaded", false]);
  }
  assert.equal(await other.runtime.request("place/where"), "running");
  await mesh.run(1_500);
  assert.ok((await Promise.all(calls)).every(({ code }) => code === "Timeout"));
  mesh.watch = () => {};
  await mesh.run(30_000);
  assert.equal(agent.runtime.pendingCalls, 0);
  assert.equal(await other.runtime.request("stopped/where"), "stopped", "there is room again");
});

Deno.test("ProgramGateway answers a program whose deadline passes with Timeout, and one that gives up with Canceled", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  await other.runtime.addService(place("b"));
  await settle();
  const codes: (string | undefined)[] = [];
  mesh.watch = (_, to, bytes) => {
    const message = decodeNodeMessage(bytes);
    if (to === program.id && message?.kind === "response") codes.push(message.failure?.code);
  };
  const encoder = new NodeMessageEncoder();
  const call = (number: number, timeoutMs: number) =>
    agent.runtime.handleMessage(
      program.id,
      encoder.encode({
        kind: "request",
        number,
        callerRun: 5,
        providerRun: 0,
        path: "mesh:place/hold",
        params: NO_VALUE,
        timeoutMs,
        streamsParams: false,
        caller: "",
        routing: undefined,
      }),
    );
  // As often as the agent looks at the deadlines of its callers, so that it does that first.
  call(1, 100);
  await mesh.run(150);
  assert.deepEqual(codes, ["Timeout"]);
  call(2, 10_000);
  await settle();
  agent.runtime.handleMessage(program.id, encoder.encode({ kind: "cancel", number: 2, callerRun: 5 }));
  await settle();
  assert.deepEqual(codes, ["Timeout", "Canceled"]);
});
