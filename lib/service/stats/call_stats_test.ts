import assert from "node:assert/strict";
import { ActionError } from "../errors.ts";
import { attached, settle } from "../testing/memory_mesh.ts";
import { failureOf } from "../testing/outcome.ts";
import { showPath } from "../topics/mod.ts";
import { ActionCounters } from "./action_counters.ts";
import { CallCounters, type CallStats, MAX_COUNTED_ACTIONS, OTHER_ACTIONS } from "./call_stats.ts";

/** What was counted on each side: `caller math/add OK=2 …`, in order of the text. */
function told({ caller, provider }: CallStats): readonly string[] {
  const lines = ([side, counters]: readonly [string, CallCounters]) =>
    Array.from(counters.entries(), ([path, action]) => {
      const outcomes = Object.entries(action.totals().outcomes).filter(([, count]) => count > 0);
      return [side, showPath(path), ...outcomes.map((pair) => pair.join("="))].join(" ");
    });
  return ([["caller", caller], ["provider", provider]] as const).flatMap(lines).sort();
}

const math = {
  path: "math",
  actions: {
    add: ({ a, b }: { a: number; b: number }) => a + b,
    sell: () => {
      throw new ActionError("OutOfStock", "no tea is left");
    },
    count: async function* () {
      yield await Promise.resolve(1);
    },
    bad: () => Symbol("nothing that can be sent"),
  },
};

Deno.test("CallStats counts calls of a node, of another one and of a program, on the side of each", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  await agent.runtime.addService(math);
  await settle();
  const sum = { a: 1, b: 2 };
  assert.equal(await agent.runtime.request("math/add", sum), 3);
  assert.equal(await other.runtime.request("math/add", sum), 3);
  assert.equal(await other.runtime.request("math/add", sum), 3);
  assert.equal(await program.runtime.request("math/add", sum), 3);
  assert.equal((await failureOf(other.runtime.request("math/sell"))).code, "OutOfStock");
  assert.equal((await failureOf(agent.runtime.request("math/bad"))).code, "InvalidResult");
  assert.equal((await failureOf(other.runtime.request("math/bad"))).code, "InvalidResult");
  for await (const item of await other.runtime.request("math/count") as AsyncIterable<number>) {
    assert.equal(item, 1);
  }
  assert.deepEqual(
    told(agent.runtime.stats),
    [
      "caller math/add OK=2",
      "caller math/bad InvalidResult=1",
      "provider math/add OK=4",
      "provider math/bad InvalidResult=2",
      "provider math/count OK=1",
      "provider math/sell OutOfStock=1",
    ],
  );
  assert.deepEqual(
    told(other.runtime.stats),
    [
      "caller math/add OK=2",
      "caller math/bad InvalidResult=1",
      "caller math/count OK=1",
      "caller math/sell OutOfStock=1",
    ],
  );
});

Deno.test("CallStats of an agent counts the calls that its programs serve", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  await program.runtime.addService(math);
  await settle();
  assert.equal(await other.runtime.request("math/add", { a: 1, b: 2 }), 3);
  assert.equal(await agent.runtime.request("math/add", { a: 1, b: 2 }), 3);
  assert.equal((await failureOf(other.runtime.request("math/sell"))).code, "OutOfStock");
  assert.deepEqual(
    told(agent.runtime.stats),
    [
      "caller math/add OK=1",
      "provider math/add OK=2",
      "provider math/sell OutOfStock=1",
    ],
  );
});

Deno.test("CallStats tells together what nobody offers, whoever asks for it, and counts nothing that every node has", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  await agent.runtime.addService(math);
  await settle();
  const codes: string[] = [];
  for (
    const [who, path] of [[other, "math/a"], [other, "math/b"], [program, "no/c"], [agent, "no/d"]] as const
  ) {
    codes.push((await failureOf(who.runtime.request(path, 0, { retries: 0 }))).code);
  }
  assert.deepEqual(codes, ["UnknownAction", "UnknownAction", "NoProvider", "NoProvider"]);
  await agent.runtime.members();
  await program.runtime.members();
  assert.deepEqual(told(agent.runtime.stats), ["caller  NoProvider=2", "provider  UnknownAction=2"]);
  assert.deepEqual(told(other.runtime.stats), ["caller  UnknownAction=2"]);
});

Deno.test("CallCounters has counters for as many actions as it may, and others that all the rest share", () => {
  const counters = new CallCounters(() => 0);
  for (let i = 0; i < MAX_COUNTED_ACTIONS + 50; i++) counters.of(`a/${i}`).record(0, 1, undefined);
  const all = new Map(counters.entries());
  assert.equal(all.size, MAX_COUNTED_ACTIONS + 1);
  assert.equal(all.get(OTHER_ACTIONS)?.totals().count, 50);
  assert.equal(counters.of("a/0"), all.get("a/0"));
});

Deno.test("ActionCounters names eight codes of a handler's own, and none that is no name", () => {
  const counters = new ActionCounters(0, (code) => code === "Timeout");
  for (let i = 0; i < 20; i++) counters.record(0, 1, `Own${i}`);
  for (const code of ["Timeout", 'a"b\n', "OK", "", "x".repeat(65)]) counters.record(0, 1, code);
  const { outcomes } = counters.totals();
  assert.deepEqual(Object.keys(outcomes).sort(), [
    ...["OK", "Own0", "Own1", "Own2", "Own3", "Own4", "Own5", "Own6", "Own7", "Timeout", "other"],
  ]);
  assert.deepEqual([outcomes["OK"], outcomes["Timeout"], outcomes["other"]], [0, 1, 16]);
});
