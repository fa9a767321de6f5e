import assert from "node:assert/strict";
import type { CallOptions } from "../mod.ts";
import { attached, MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { fails, failureOf } from "../testing/outcome.ts";
import { kindOf, meshOf, offer } from "../testing/work_service.ts";

/** A caller and providers of which `a`, whose turn is first, is frozen: its link stands, and it answers nothing. */
async function frozen(names: string) {
  const [mesh, caller, places] = await meshOf(names);
  const silent = new Set<string>(["a"]);
  /** Whom the caller has sent what. */
  const sent: string[] = [];
  mesh.watch = (from, to, message) => {
    if (from === caller.id) sent.push(`${kindOf(message)} ${to}`);
    return !silent.has(from) && !silent.has(to);
  };
  const ask = async (path: string, options: CallOptions = {}) => {
    const before = mesh.clock.now();
    const answer = await mesh.until(caller.runtime.request(path, 1, options));
    return { answer, tookMs: mesh.clock.now() - before };
  };
  return { mesh, caller, places, silent, sent, ask };
}

Deno.test("An idempotent call asks another provider when one has taken its share of the time", async () => {
  const { mesh, caller, ask } = await frozen("ab");
  await using _ = mesh;
  const { answer, tookMs } = await ask("work/read");
  assert.equal(answer, "b");
  assert.ok(tookMs >= 2_500 && tookMs <= 2_600, `${tookMs} ms of 10,000, with 3 retries`);
  assert.equal(caller.runtime.pendingCalls, 0);
  assert.equal(caller.runtime.directory.openBreakers(mesh.clock.now()), 0);
});

Deno.test("An idempotent call comes through when all providers but one are frozen", async () => {
  const { mesh, silent, ask } = await frozen("abcd");
  await using _ = mesh;
  for (const name of "abc") silent.add(name);
  const { answer, tookMs } = await ask("work/read", { timeoutMs: 4_000 });
  assert.equal(answer, "d");
  assert.ok(tookMs >= 3_000 && tookMs <= 3_200, String(tookMs));
});

Deno.test("A provider that is slow, and not frozen, is still heard after another one was asked", async () => {
  const [mesh, caller, [a, b]] = await meshOf("ab");
  assert.ok(a && b);
  await using _ = mesh;
  const canceled: string[] = [];
  mesh.watch = (_, to, message) => void (kindOf(message) === "cancel" && canceled.push(to));
  const call = caller.runtime.request("work/holdRead", 1);
  await mesh.run(3_000);
  assert.deepEqual([a.ran, b.ran], [[1], [1]]);
  a.release();
  assert.equal(await mesh.until(call), "a");
  assert.deepEqual(canceled, ["b"]);
  assert.equal(caller.runtime.pendingCalls, 0);
});

Deno.test("A provider that always is overdue is spared after five calls", async () => {
  const { mesh, caller, ask } = await frozen("ab");
  await using _ = mesh;
  for (let i = 0; i < 10; i++) assert.equal((await ask("work/read", { timeoutMs: 400 })).answer, "b");
  assert.equal(caller.runtime.directory.openBreakers(mesh.clock.now()), 1);
  assert.equal((await ask("work/read")).tookMs, 0);
});

Deno.test("CallOptions.attemptTimeoutMs gives a provider up for another one", async () => {
  const { mesh, caller, silent, sent, ask } = await frozen("ab");
  await using _ = mesh;
  const { answer, tookMs } = await ask("work/read", { attemptTimeoutMs: 200 });
  assert.equal(answer, "b");
  assert.ok(tookMs >= 200 && tookMs <= 250, String(tookMs));
  assert.deepEqual(sent, ["request a", "cancel a", "request b"]);
  silent.add("b");
  const error = await mesh.until(
    failureOf(caller.runtime.request("work/read", 1, { attemptTimeoutMs: 200, retries: 1, timeoutMs: 900 })),
  );
  assert.deepEqual([error.code, error.executed], ["Timeout", true]);
});

Deno.test("CallOptions.hedgeAfterMs asks another provider, and the first answer counts", async () => {
  const { mesh, caller, ask } = await frozen("ab");
  await using _ = mesh;
  for (let i = 0; i < 12; i++) {
    const { answer, tookMs } = await ask("work/read", { hedgeAfterMs: 50 });
    assert.equal(answer, "b");
    assert.ok(tookMs <= 100, String(tookMs));
  }
  const open = caller.runtime.directory.openBreakers(mesh.clock.now());
  assert.equal(open, 0, "to be slower once is no failure");
  for (const wrong of [{ hedgeAfterMs: 0 }, { attemptTimeoutMs: 1.5 }]) {
    await assert.rejects(caller.runtime.request("work/read", 1, wrong), { code: "InvalidService" });
  }
});

Deno.test("A call that is not idempotent, or has no tries left, is asked of one provider only", async () => {
  const { mesh, caller, places: [a], sent } = await frozen("ab");
  await using _ = mesh;
  const options = { timeoutMs: 1_000, hedgeAfterMs: 50, attemptTimeoutMs: 100 };
  await mesh.until(fails("Timeout", caller.runtime.request("work/take", 1, options)));
  assert.deepEqual(sent, ["request a", "cancel a"]);
  assert.equal(await mesh.until(caller.runtime.request("work/read", 1, { ...options, retries: 0 })), "b");
  await mesh.until(fails("Timeout", caller.runtime.request("work/read", 1, { ...options, retries: 0 })));
  assert.deepEqual(sent.slice(2), ["request b", "request a", "cancel a"]);
  assert.deepEqual(a?.ran, []);
});

Deno.test("What a handler fails with ends a call, whoever else is asked; what may go well elsewhere does not", async () => {
  const { mesh, caller, places: [, b] } = await frozen("ab");
  await using _ = mesh;
  await b?.node.runtime.removeService("work");
  let code = "";
  await offer(mesh.add("c"), {
    actions: {
      read: {
        idempotent: true,
        handler: () => {
          if (code !== "") throw new TypeError("it does not work");
          return "c";
        },
      },
    },
  });
  code = "HandlerFailed";
  await settle();
  const before = mesh.clock.now();
  await mesh.until(fails("HandlerFailed", caller.runtime.request("work/read", 1, { hedgeAfterMs: 50 })));
  assert.ok(mesh.clock.now() - before <= 100);
  assert.equal(caller.runtime.pendingCalls, 0);
});

Deno.test("Giving a call up ends all of its attempts", async () => {
  const { mesh, caller, sent } = await frozen("abc");
  await using _ = mesh;
  const abort = new AbortController();
  const { signal } = abort;
  const call = fails("Canceled", caller.runtime.request("work/holdRead", 1, { signal, hedgeAfterMs: 50 }));
  await mesh.run(200);
  assert.equal(caller.runtime.pendingCalls, 3);
  sent.length = 0;
  abort.abort();
  assert.equal((await call).executed, true);
  assert.deepEqual(sent.sort(), ["cancel a", "cancel b", "cancel c"]);
  assert.equal(caller.runtime.pendingCalls, 0);
});

Deno.test("Five timeouts of one action leave the others of its service where they are", async () => {
  await using mesh = new MemoryMesh();
  const [caller, a] = [mesh.add("0"), mesh.add("a")];
  await a.runtime.addService({
    path: "work",
    actions: { hang: () => new Promise(() => {}), quick: () => "a" },
  });
  await settle();
  for (let i = 0; i < 6; i++) {
    await mesh.until(
      fails(/Timeout|Unreachable/, caller.runtime.request("work/hang", 1, { timeoutMs: 50, retries: 0 })),
    );
  }
  assert.equal(caller.runtime.directory.openBreakers(mesh.clock.now()), 1);
  assert.equal(await mesh.until(caller.runtime.request("work/quick")), "a");
});

Deno.test("A program's agent tries as often, and for as long, as the program says", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  await offer(other);
  await offer(mesh.add("c"));
  await settle();
  mesh.watch = (from, to) => from !== other.id && to !== other.id;
  for (const options of [{ hedgeAfterMs: 50 }, { attemptTimeoutMs: 50 }]) {
    for (let i = 0; i < 3; i++) {
      const before = mesh.clock.now();
      assert.equal(await mesh.until(program.runtime.request("work/read", 1, options)), "c");
      assert.ok(mesh.clock.now() - before <= 100);
    }
  }
  assert.equal(agent.runtime.pendingCalls, 0);
});
