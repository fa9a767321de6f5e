import assert from "node:assert/strict";
import { VirtualClock } from "../base/mod.ts";
import {
  compilePolicy,
  MessageGuard,
  type PolicyEvaluator,
  type PolicyRoster,
  readPolicyDocument,
  readProgram,
} from "../policy/mod.ts";
import { CallError } from "./errors.ts";
import type { ServiceDefinition } from "./service_definition.ts";
import { MemoryMesh, type MemoryNode, settle } from "./testing/memory_mesh.ts";

const NAMES = ["web", "db-1", "db-2", "inspect"];

/** @returns the program of rules of one policy, for nodes whose ids are their names */
function program(...rules: readonly object[]): PolicyEvaluator {
  const members = NAMES.map((name) => ({
    id: name,
    name,
    labels: { role: name.startsWith("db") ? "db" : "web" },
    addresses: [],
    roles: [],
    services: [],
    blocks: [],
  }));
  const roster: PolicyRoster = { members, networks: [] };
  const document = readPolicyDocument({ policies: [{ name: "tier", rules }] });
  return readProgram(compilePolicy(document, roster, { revision: "0123456789abcdef" }).bytes);
}

class PolicedMesh {
  readonly mesh = new MemoryMesh();
  readonly guards = new Map<string, MessageGuard>();

  /** @param lawless runs another program, which asks nobody */
  add(name: string, lawless = false): MemoryNode {
    const guard = new MessageGuard({ clock: this.mesh.clock, nameOf: (id) => id });
    this.guards.set(name, guard);
    return this.mesh.add(name, lawless ? {} : { policy: guard });
  }

  use(evaluator: PolicyEvaluator | undefined, trial?: PolicyEvaluator): void {
    for (const [name, guard] of this.guards) {
      guard.use(evaluator, trial);
      this.mesh.nodes.get(name as never)?.runtime.handlePolicyChange();
    }
  }
}

const orders = (name: string, path = "orders"): ServiceDefinition => ({
  path,
  actions: { who: () => name, list: () => [name] },
});

async function failureOf(call: Promise<unknown>): Promise<CallError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof CallError) return error;
    throw error;
  }
  throw new Error("it has not failed");
}

Deno.test("a call that the policy denies fails at the caller with the rule, and nothing is sent", async () => {
  const policed = new PolicedMesh();
  const [web, db] = [policed.add("web"), policed.add("db-1")];
  await db.runtime.addService(orders("db-1"));
  await policed.mesh.run(50);
  policed.use(program({ deny: { from: "name=web", to: "service:orders/who" } }, {
    allow: { from: "*", to: "service:orders" },
  }));
  const before = policed.mesh.posted;
  const error = await failureOf(policed.mesh.until(web.runtime.request("orders/who")));
  assert.deepEqual([error.code, error.rule, error.retryable], ["Refused", "tier#1", false]);
  assert.match(error.message, /rule tier#1 denies/);
  assert.equal(policed.mesh.posted, before);
  assert.deepEqual(await policed.mesh.until(web.runtime.request("orders/list")), ["db-1"]);
  const denial = policed.guards.get("web")?.pollDenial();
  assert.deepEqual([denial?.rule, denial?.direction, denial?.path], ["tier#1", "out", "mesh:orders/who"]);
});

Deno.test("a provider refuses the calls and drops the events of a node that ignores its own side", async () => {
  const policed = new PolicedMesh();
  const [web, db] = [policed.add("web", true), policed.add("db-1")];
  let ran = 0;
  await db.runtime.addService({ path: "orders", actions: { pay: () => ran++ } });
  const heard: unknown[] = [];
  db.runtime.subscribe("metrics/*", ({ data }) => void heard.push(data));
  await policed.mesh.run(50);
  policed.use(program({ deny: { from: "name=web", to: "role=db" } }));
  const error = await failureOf(policed.mesh.until(web.runtime.request("orders/pay", { amount: 1 })));
  assert.deepEqual([error.code, error.rule, ran], ["Refused", undefined, 0]);
  assert.doesNotMatch(error.message, /tier/);
  const report = await policed.mesh.until(web.runtime.publish("metrics/cpu", 1));
  await policed.mesh.run(50);
  assert.deepEqual([report.sent, heard, db.runtime.refusedEvents], [1, [], 1]);
});

Deno.test("a provider that may not be called is not chosen, in no mode", async () => {
  const policed = new PolicedMesh();
  const web = policed.add("web");
  for (const name of ["db-1", "db-2"]) await policed.add(name).runtime.addService(orders(name));
  await policed.mesh.run(50);
  policed.use(program({ deny: { from: "*", to: "name=db-1" } }));
  for (const mode of ["round-robin", "random", "proximity"] as const) {
    for (let i = 0; i < 6; i++) {
      assert.equal(await policed.mesh.until(web.runtime.request("orders/who", undefined, { mode })), "db-2");
    }
  }
  const all = await policed.mesh.until(web.runtime.request("orders/who", undefined, { mode: "all" }));
  assert.deepEqual(all, [{ node: "db-2", ok: true, result: "db-2" }]);
});

Deno.test("a redirect chooses the provider, or calls another service in its place", async () => {
  const policed = new PolicedMesh();
  const [web] = [policed.add("web")];
  for (const name of ["db-1", "db-2"]) await policed.add(name).runtime.addService(orders(name));
  await policed.add("inspect").runtime.addService(orders("inspected", "audit/orders"));
  await policed.mesh.run(50);
  policed.use(program({ redirect: { from: "name=web", to: "service:orders", via: "name=db-2" } }));
  for (let i = 0; i < 4; i++) {
    assert.equal(await policed.mesh.until(web.runtime.request("orders/who")), "db-2");
  }
  policed.use(program({ redirect: { from: "name=web", to: "service:orders", via: "service:audit/orders" } }));
  assert.equal(await policed.mesh.until(web.runtime.request("orders/who")), "inspected");
});

Deno.test("events go to whom the policy lets hear them, and a publisher that nobody may hear is told the rule", async () => {
  const policed = new PolicedMesh();
  const nodes = NAMES.map((name) => policed.add(name));
  const heard: string[] = [];
  for (const node of nodes.slice(1)) node.runtime.subscribe("metrics/>", () => void heard.push(node.id));
  await policed.mesh.run(50);
  policed.use(program({ deny: { from: "name=web", to: "name=db-1", protocol: "event" } }, {
    allow: { from: "*", to: "*" },
  }));
  const report = await policed.mesh.until(nodes[0]?.runtime.publish("metrics/cpu", 1) ?? Promise.reject());
  await policed.mesh.run(50);
  assert.deepEqual([report.sent, heard.toSorted()], [2, ["db-2", "inspect"]]);
  policed.use(program({ deny: { from: "name=web", to: "topic:metrics/>" } }));
  const error = await failureOf(nodes[0]?.runtime.publish("metrics/cpu", 1) ?? Promise.reject());
  assert.deepEqual([error.code, error.rule], ["Refused", "tier#1"]);
});

Deno.test("streams that are under way end when a policy takes them away, others go on", async () => {
  const policed = new PolicedMesh();
  const [web, db] = [policed.add("web"), policed.add("db-1")];
  let aborted = 0;
  await db.runtime.addService({
    path: "feed",
    actions: {
      ticks: async function* (_: unknown, { signal }) {
        signal.addEventListener("abort", () => aborted++);
        for (let i = 0; !signal.aborted; i++) {
          yield i;
          await settle();
        }
      },
    },
  });
  await policed.mesh.run(50);
  const stream = await policed.mesh.until(web.runtime.request<ReadableStream<number>>("feed/ticks"));
  const reader = stream.getReader();
  assert.equal((await reader.read()).value, 0);
  policed.use(program({ allow: { from: "name=web", to: "service:feed" } }));
  assert.equal((await reader.read()).done, false);
  policed.use(program({ deny: { from: "name=web", to: "service:feed" } }));
  await assert.rejects(async () => {
    for (;;) if ((await reader.read()).done) return;
  }, CallError);
  assert.equal(aborted, 1);
  assert.equal(policed.mesh.openStreams, 0);
});

Deno.test("a limit lets its burst through, and what is too much is told apart from what is denied", async () => {
  const policed = new PolicedMesh();
  const [web, db] = [policed.add("web"), policed.add("db-1")];
  await db.runtime.addService(orders("db-1"));
  await policed.mesh.run(50);
  policed.use(program({ limit: { from: "*", to: "service:orders", rate: "1/s", burst: "3" } }));
  const call = () => web.runtime.request("orders/who", undefined, { retries: 0 });
  for (let i = 0; i < 3; i++) assert.equal(await policed.mesh.until(call()), "db-1");
  const error = await failureOf(policed.mesh.until(call()));
  assert.deepEqual([error.code, error.retryable, error.rule], ["Overloaded", true, "tier#1"]);
  await policed.mesh.run(1_100);
  assert.equal(await policed.mesh.until(call()), "db-1");
});

Deno.test("a trial denies nothing and is logged", async () => {
  const policed = new PolicedMesh();
  const [web, db] = [policed.add("web"), policed.add("db-1")];
  await db.runtime.addService(orders("db-1"));
  await policed.mesh.run(50);
  policed.use(undefined, program({ deny: { from: "*", to: "role=db" } }));
  assert.equal(await policed.mesh.until(web.runtime.request("orders/who")), "db-1");
  assert.equal(policed.guards.get("db-1")?.pollDenial()?.isTrial, true);
  assert.equal(policed.guards.get("web")?.pollDenial()?.isTrial, true);
});

Deno.test("MessageGuard logs so much of one source, and of all", () => {
  const guard = new MessageGuard({ clock: new VirtualClock(), nameOf: (id) => id });
  guard.use(program({ deny: { from: "*", to: "role=db" } }));
  for (let i = 0; i < 100; i++) guard.admitConnection("in", "web", "db-1", 1_000 + i);
  guard.admitConnection("in", "inspect", "db-1", 22);
  guard.admitConnection("in", "inspect", "db-1", 22);
  const denials = [];
  for (let next = guard.pollDenial(); next !== undefined; next = guard.pollDenial()) denials.push(next);
  assert.deepEqual([denials.length, denials.at(-1)?.count], [33, 2]);
  assert.equal(guard.counts().get(0)?.flows, 102);
});
