import assert from "node:assert/strict";
import { Encoding } from "../../proto/mod.ts";
import type { ServiceEvent } from "../mod.ts";
import { attached, settle } from "../testing/memory_mesh.ts";
import { NodeMessageEncoder } from "../wire/node_message.ts";
import type { ServiceRuntime } from "../service_runtime.ts";
import { plain } from "../wire/wire_value.ts";

Deno.test("PubSub delivers events of programs to all, and of all to programs, each once", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const second = mesh.attach(agent);
  const received: string[] = [];
  const everybody: [string, { runtime: ServiceRuntime }][] = [
    ["a", agent],
    ["b", other],
    ["p1", program],
    ["p2", second],
  ];
  for (const [name, { runtime }] of everybody) {
    runtime.subscribe("news/{id}", ({ data, params }) => void received.push(`${name}:${data}:${params.id}`));
  }
  await settle();
  for (const [name, { runtime }] of everybody) {
    received.length = 0;
    await runtime.publish("news/7", name);
    await settle();
    assert.deepEqual(received.sort(), ["a", "b", "p1", "p2"].map((who) => `${who}:${name}:7`), name);
  }
  received.length = 0;
  await program.runtime.publish("news/7", "x", { broadcastMode: "local_only" });
  await settle();
  assert.deepEqual(received, ["p1:x:7"]);
});

Deno.test("PubSub.publish() with one_per_service reaches one of the programs, agents and nodes of a service", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const second = mesh.attach(agent);
  const received: string[] = [];
  const places: [string, ServiceRuntime][] = [["p1", program.runtime], ["p2", second.runtime], [
    "b",
    other.runtime,
  ]];
  for (const [name, runtime] of places) {
    await runtime.addService({
      path: "mail",
      subscriptions: { "news/*": ({ data }: ServiceEvent) => void received.push(`${name}:${data}`) },
    });
  }
  second.runtime.subscribe("news/*", ({ data }) => void received.push(`loose:${data}`));
  await settle();
  const publish = async (runtime: ServiceRuntime, data: number) => {
    received.length = 0;
    await runtime.publish("news/1", data, { broadcastMode: "one_per_service" });
    await settle();
    return received.toSorted();
  };
  for (const [i, runtime] of [agent.runtime, program.runtime, second.runtime, other.runtime].entries()) {
    const got = await publish(runtime, i);
    assert.equal(got.length, 2, got.join());
    assert.ok(got.includes(`loose:${i}`), got.join());
  }
});

Deno.test("PubSub keeps what a program retains, also when the program is gone", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  await program.runtime.publish("state/x", "kept", { retain: true });
  await other.runtime.publish("state/y", "there", { retain: true });
  await settle();
  assert.equal(agent.runtime.advert().retains, true);
  mesh.detach(program);
  const late = mesh.attach(agent);
  await settle();
  for (const { runtime } of [agent, other, late]) {
    const past: unknown[] = [];
    runtime.subscribe("state/*", ({ data, isPast }) => void past.push(`${data}:${isPast}`), {
      includePast: true,
    });
    await mesh.run(50);
    assert.deepEqual(past.toSorted(), ["kept:true", "there:true"]);
  }
  await late.runtime.publish("state/x", undefined, { retain: true });
  await settle();
  assert.equal(agent.runtime.advert().retains, false);
});

Deno.test("NodeRuntime counts an event whose topic or data can't be read, of a node and of a program", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const received: unknown[] = [];
  agent.runtime.subscribe("news/>", ({ data }) => void received.push(data));
  const encoder = new NodeMessageEncoder();
  const say = (topic: string, data: string) =>
    encoder.encode({
      kind: "event",
      topic,
      data: plain(Encoding.JSON, new TextEncoder().encode(data)),
      publishedAt: 1,
      groups: [],
      past: false,
      retain: false,
    });
  let rejected = 0;
  for (const peer of [other.id, program.id]) {
    agent.runtime.handleMessage(peer, say("news/1", "1"));
    assert.equal(agent.runtime.rejected, rejected);
    agent.runtime.handleMessage(peer, say("news//1", "1"));
    assert.equal(agent.runtime.rejected, rejected + 1, `topic of ${peer}`);
    agent.runtime.handleMessage(peer, say("news/1", "{"));
    assert.equal(agent.runtime.rejected, rejected += 2, `data of ${peer}`);
  }
  assert.deepEqual(received, [1, 1]);
});
