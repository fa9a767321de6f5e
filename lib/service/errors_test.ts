import assert from "node:assert/strict";
import { ActionError, CallError, type ServiceRuntime } from "./mod.ts";
import { attached, type MemoryMesh, settle } from "./testing/memory_mesh.ts";
import { failureOf, readAll } from "./testing/outcome.ts";

/** What a failed call says of where and why. */
function place({ code, path, node, cause }: CallError): unknown {
  return [code, path, node, cause instanceof CallError ? place(cause) : undefined];
}

async function world() {
  const { mesh, agent, other, program } = await attached();
  await other.runtime.addService({
    path: "stock",
    actions: {
      take: () => Promise.reject(new ActionError("OutOfStock", "No tea is left")),
      bug: () => {
        throw new TypeError("a bug");
      },
    },
  });
  const orders = (runtime: ServiceRuntime, path: string) =>
    runtime.addService({
      path,
      actions: {
        place: () => runtime.request("stock/take"),
        wrap: () =>
          runtime.request("stock/take").catch((cause) => {
            throw new ActionError("NoOrder", "It can't be ordered", { cause });
          }),
        hide: () =>
          runtime.request("stock/take").catch((cause) => {
            throw new Error("something internal", { cause });
          }),
      },
    });
  await orders(agent.runtime, "orders");
  await orders(program.runtime, "shop");
  await mesh.run(20);
  return { mesh, agent, other, program };
}

const failed = (mesh: MemoryMesh, call: Promise<unknown>) => mesh.until(failureOf(call));

Deno.test("CallError says which call has failed and on which node, by name, here, elsewhere and in programs", async () => {
  const { mesh, agent, other, program } = await world();
  await using _ = mesh;
  const bug = (runtime: ServiceRuntime) => failed(mesh, runtime.request("stock/bug"));
  const there = ["HandlerFailed", "stock/bug", "b", undefined];
  assert.deepEqual(place(await bug(agent.runtime)), there);
  assert.deepEqual(place(await bug(program.runtime)), there);
  const here = await bug(other.runtime);
  assert.deepEqual([here.path, here.node], ["stock/bug", "b"]);
  assert.ok(here.cause instanceof TypeError, "what was thrown in this program is there as it was");
  assert.deepEqual(place(await failed(mesh, agent.runtime.request("nowhere/go", 1, { retries: 0 }))), [
    "NoProvider",
    "nowhere/go",
    undefined,
    undefined,
  ]);
  assert.equal((await failed(mesh, agent.runtime.request("a/b", 1, { node: "nobody" }))).path, "a/b");
  const forProgram = await failed(mesh, other.runtime.request("shop/none"));
  assert.deepEqual(place(forProgram), ["UnknownAction", "shop/none", "a", undefined]);
});

Deno.test("CallError has the call that failed a handler as its cause, and nothing of what else did", async () => {
  const { mesh, agent, other, program } = await world();
  await using _ = mesh;
  const stock = ["OutOfStock", "stock/take", "b", undefined];
  for (const { runtime } of [agent, other, program]) {
    for (const path of ["orders", "shop"]) {
      const error = await failed(mesh, runtime.request(`${path}/place`));
      const node = path === "shop" && runtime === program.runtime ? undefined : "a";
      assert.deepEqual(place(error), ["OutOfStock", `${path}/place`, node, stock]);
      assert.ok(error.cause instanceof CallError && error.cause.message === "No tea is left");
      const wrapped = await failed(mesh, runtime.request(`${path}/wrap`));
      assert.deepEqual([wrapped.code, wrapped.path, wrapped.node], ["NoOrder", `${path}/wrap`, node]);
      const hidden = await failed(mesh, runtime.request(`${path}/hide`));
      assert.deepEqual([hidden.code, hidden.message], ["HandlerFailed", "something internal"]);
    }
  }
  const wrapped = await failed(mesh, other.runtime.request("orders/wrap"));
  assert.ok(wrapped.cause instanceof CallError);
  assert.deepEqual([wrapped.cause.code, wrapped.cause.path], ["OutOfStock", "stock/take"]);
  assert.equal((await failed(mesh, other.runtime.request("orders/hide"))).cause, undefined);
});

Deno.test("errors of calls name members", async () => {
  const { mesh, agent, other } = await world();
  await using _ = mesh;
  mesh.part(agent, other);
  const lost = await failed(mesh, agent.runtime.request("stock/take", 1, { timeoutMs: 500 }));
  assert.deepEqual([lost.message, lost.node], ["Cannot reach b", "b"]);
});

Deno.test("HandlerLog hears of what a stream throws, of answers that can't be sent and of schemas that throw", async () => {
  const { mesh, agent, other } = await attached();
  await using _ = mesh;
  const lines: unknown[] = [];
  mesh.log = {
    ...mesh.log,
    warn: (message, { error, problem, ...fields } = {}) =>
      void lines.push([message, fields, String(error ?? problem).split("\n")[0]]),
  };
  const provider = mesh.add("c");
  await provider.runtime.addService({
    path: "feed",
    actions: {
      items: async function* () {
        yield await Promise.resolve(1);
        throw new RangeError("torn");
      },
      closure: () => ({ secret: "s3cr3t", run: () => 1 }),
    },
  });
  await settle();
  for (const { runtime } of [provider, other, agent]) {
    const from = runtime === provider.runtime ? {} : { from: runtime === other.runtime ? "b" : "a" };
    const items = await mesh.until(runtime.request("feed/items"));
    assert.equal((await failed(mesh, readAll(items))).code, "HandlerFailed");
    await failed(mesh, runtime.request("feed/closure"));
    assert.deepEqual(lines.splice(0), [
      [
        "the handler of an action has failed",
        { service: "feed", action: "items", ...from },
        "RangeError: torn",
      ],
      [
        "the handler of an action has answered with what can't be sent",
        { service: "feed", action: "closure", ...from },
        "Cannot send the value: run is a function",
      ],
    ]);
  }
});
