import assert from "node:assert/strict";
import { ActionError } from "../mod.ts";
import { settle } from "../testing/memory_mesh.ts";
import { fails } from "../testing/outcome.ts";
import { kindOf, meshOf } from "../testing/work_service.ts";

Deno.test("NodeRuntime.request() chooses a provider by each mode", async (test) => {
  const [mesh, caller, places] = await meshOf("abc");
  await using _ = mesh;
  const { runtime } = caller;
  const ask = async (times: number, options = {}) => {
    const answers: unknown[] = [];
    for (let i = 0; i < times; i++) answers.push(await runtime.request("work/take", i, options));
    return answers.join("");
  };
  await test.step("round-robin takes turns", async () => {
    assert.equal(await ask(6), "abcabc");
  });
  await test.step("random reaches all", async () => {
    const answers = await ask(60, { mode: "random" });
    assert.deepEqual([...new Set(answers)].sort(), ["a", "b", "c"]);
    assert.doesNotMatch(answers, /^(abc)+/);
  });
  await test.step("proximity takes the nearest", async () => {
    // The harness measures the first letter.
    assert.equal(await ask(3, { mode: "proximity" }), "aaa");
  });
  await test.step("node takes the one", async () => {
    assert.equal(await ask(2, { node: "b" }), "bb");
    await fails("NoProvider", runtime.request("work/take", 0, { node: "0", retries: 0 }));
  });
  await test.step("local takes this node or nobody", async () => {
    await fails("NoProvider", runtime.request("work/take", 0, { mode: "local" }));
    assert.equal(await places[0]?.node.runtime.request("work/take", 0, { mode: "local" }), "a");
  });
  await test.step("a service that runs here is called here, unless another node is named", async () => {
    const here = places[1]?.node.runtime;
    assert.equal(await here?.request("work/take"), "b");
    assert.equal(await here?.request("work/take", 0, { mode: "proximity" }), "b");
    assert.equal(await here?.request("work/take", 0, { node: "c" }), "c");
    assert.equal(await here?.request("work/take", 0, { node: "b" }), "b");
  });
  await test.step("all asks everyone, and tells who failed", async () => {
    places[1]?.node.runtime.services.get("mesh:work")?.pause();
    const asked = runtime.request("work/take", 0, { mode: "all", retries: 0 });
    const answers = await asked as { node: string; ok: boolean; error?: { code: string } }[];
    assert.deepEqual(
      answers.map(({ node, ok, error }) => [node, ok, error?.code]),
      [["a", true, undefined], ["b", false, "ServicePaused"], ["c", true, undefined]],
    );
  });
  await test.step("one that is paused is passed over", async () => {
    await settle();
    assert.doesNotMatch(await ask(4), /b/);
    assert.equal(await places[1]?.node.runtime.request("work/take") === "b", false);
  });
});

Deno.test("RemoteCaller spares a provider after five failures in a row, then lets one call through", async () => {
  const [mesh, caller, [a, b]] = await meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  a.node.isMute = true;
  const sentTo = { a: 0, b: 0 };
  mesh.watch = (from, to, message) => {
    if (from === caller.id && kindOf(message) === "request") sentTo[to as "a" | "b"]++;
  };
  const ask = (timeoutMs: number) => caller.runtime.request("work/take", 0, { timeoutMs, retries: 0 });
  // Muted ones are posted to unseen; every second call goes there.
  const outcomes: string[] = [];
  for (let i = 0; i < 10; i++) {
    outcomes.push(await mesh.until(ask(100).then(String, (error) => error.code)));
  }
  assert.equal(outcomes.filter((outcome) => outcome === "Timeout").length, 5);
  assert.equal(caller.runtime.directory.openBreakers(mesh.clock.now()), 1);
  for (let i = 0; i < 10; i++) assert.equal(await mesh.until(ask(100)), "b");
  await mesh.run(10_000);
  const trials = await mesh.until(
    Promise.all(Array.from({ length: 10 }, () => ask(100).then(String, (error) => error.code))),
  );
  assert.equal(trials.filter((outcome) => outcome === "Timeout").length, 1, "half open, one tries");
  a.node.isMute = false;
  await mesh.run(10_000);
  for (let i = 0; i < 4; i++) await ask(100);
  assert.equal(caller.runtime.directory.openBreakers(mesh.clock.now()), 0);
  assert.ok(a.ran.length > 0);
});

Deno.test("RemoteCaller opens no breaker for what handlers fail with, whatever its code", async () => {
  const [mesh, caller, [a]] = await meshOf("a");
  assert.ok(a);
  await using _ = mesh;
  await a.node.runtime.addService({
    path: "picky",
    actions: {
      fail: () => {
        throw new ActionError("Overloaded", "so it says");
      },
    },
  });
  await settle();
  for (let i = 0; i < 8; i++) {
    await fails("Broken", caller.runtime.request("work/fail"));
    await fails("Overloaded", caller.runtime.request("picky/fail", 0, { retries: 0 }));
  }
  assert.equal(caller.runtime.directory.openBreakers(mesh.clock.now()), 0);
});
