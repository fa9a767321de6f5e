import assert from "node:assert/strict";
import { ActionError } from "../mod.ts";
import { attached, MemoryMesh, type MemoryNode, settle } from "../testing/memory_mesh.ts";
import { failureOf } from "../testing/outcome.ts";

/** A service whose actions fail at first, and count how often they ran. */
function flaky(path: string) {
  let ran = 0;
  const stumble = (times: number) => {
    if (++ran <= times) throw new ActionError("Busy", "come again", { retryable: true });
    return ran;
  };
  return {
    definition: {
      path,
      actions: {
        once: (times: number) => stumble(times),
        again: { idempotent: true, handler: (times: number) => stumble(times) },
      },
    },
    ran: () => {
      const before = ran;
      ran = 0;
      return before;
    },
  };
}

Deno.test("LocalCaller tries again what RemoteCaller tries again: what is idempotent, as often as the caller lets it", async () => {
  const { mesh, agent, other, program } = await attached();
  await using _ = mesh;
  const here = flaky("here");
  await agent.runtime.addService(here.definition);
  const own = flaky("own");
  await program.runtime.addService(own.definition);
  await mesh.run(20);
  const ways = [
    ["here", agent.runtime, here],
    ["here", other.runtime, here],
    ["own", program.runtime, own],
  ] as const;
  for (const [path, runtime, service] of ways) {
    assert.equal(await mesh.until(runtime.request(`${path}/again`, 3)), 4);
    service.ran();
    assert.equal(await mesh.until(runtime.request(`${path}/once`, 1, { idempotent: true })), 2);
    service.ran();
    for (
      const [action, options, times] of [
        ["again", {}, 4],
        ["again", { retries: 1 }, 2],
        ["again", { retries: 0 }, 1],
        ["again", { idempotent: false }, 1],
        ["once", {}, 1],
      ] as const
    ) {
      const error = await mesh.until(failureOf(runtime.request(`${path}/${action}`, 9, options)));
      assert.deepEqual([error.code, service.ran()], ["Busy", times], `${path}/${action}`);
    }
  }
});

Deno.test("LocalCaller gives a handler that runs again parameters of its own, and keeps to deadline and signal", async () => {
  await using mesh = new MemoryMesh();
  const { runtime } = mesh.add("a");
  const seen: unknown[] = [];
  await runtime.addService({
    path: "eats",
    actions: {
      list: {
        idempotent: true,
        handler: (list: number[]) => {
          seen.push([...list]);
          list.length = 0;
          throw new ActionError("Busy", "come again", { retryable: true });
        },
      },
    },
  });
  await mesh.until(failureOf(runtime.request("eats/list", [1, 2], { retries: 2 })));
  assert.deepEqual(seen.splice(0), [[1, 2], [1, 2], [1, 2]]);
  const start = mesh.clock.now();
  await mesh.until(failureOf(runtime.request("eats/list", [], { retries: 100, timeoutMs: 400 })));
  assert.ok(mesh.clock.now() - start <= 400);
  assert.ok(seen.length < 10, `${seen.length} attempts in 400 ms`);
  const abort = new AbortController();
  const call = failureOf(runtime.request("eats/list", [], { signal: abort.signal }));
  await settle();
  abort.abort();
  assert.equal((await call).code, "Canceled");
  const stopped = failureOf(runtime.request("eats/list", []));
  await settle();
  await runtime.close();
  assert.equal((await stopped).code, "Stopped");
});

Deno.test("LocalCaller tells of a call that it has run when any of its tries may have, whatever ends it", async () => {
  for (
    const [what, code] of [
      ["finding no room", "Overloaded"],
      ["given up by its caller", "Canceled"],
      ["stopped with its node", "Stopped"],
      ["gone elsewhere, where it does not run", "Overloaded"],
    ] as const
  ) {
    await using mesh = new MemoryMesh();
    const [a, b] = [mesh.add("a"), mesh.add("b")];
    let ran = 0;
    const held = Promise.withResolvers<void>();
    const definition = {
      path: "work",
      concurrency: 1,
      queue: 0,
      actions: {
        do: {
          idempotent: true,
          handler: () => {
            ran++;
            throw new ActionError("Busy", "come again", { retryable: true });
          },
        },
        hold: () => held.promise,
      },
    };
    await a.runtime.addService(definition);
    await b.runtime.addService(definition);
    await mesh.run(20);
    const abort = new AbortController();
    const options = { retries: 2, signal: abort.signal, timeoutMs: 5_000 };
    const failing = failureOf(a.runtime.request("work/do", 1, options));
    await settle();
    assert.equal(ran, 1, what);
    const holding: Promise<unknown>[] = [];
    const hold = ({ runtime }: MemoryNode) =>
      holding.push(runtime.request("work/hold", undefined, { mode: "local" }).catch(() => {}));
    if (what === "finding no room") hold(a);
    else if (what === "given up by its caller") abort.abort();
    else if (what === "stopped with its node") await a.runtime.close();
    else {
      hold(b);
      a.runtime.services.get("mesh:work")?.pause();
    }
    await settle();
    const error = await mesh.until(failing);
    assert.deepEqual([error.code, error.executed, ran], [code, true, 1], what);
    held.resolve();
    await Promise.all(holding);
  }
});

Deno.test("LocalCaller goes elsewhere with what has been paused here meanwhile, and waits for a place", async () => {
  await using mesh = new MemoryMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  let end = () => {};
  for (const { id, runtime } of [a, b]) {
    await runtime.addService({
      path: "work",
      concurrency: 1,
      queue: 0,
      actions: {
        where: () => id,
        hold: () => new Promise<void>((resolve) => void (end = resolve)),
      },
    });
  }
  await settle();
  const held = a.runtime.request("work/hold");
  const full = a.runtime.request("work/where");
  await settle();
  end();
  assert.equal(await mesh.until(full), "a", "it surely did not run, and was tried again");
  await held;
  const again = a.runtime.request("work/hold");
  const moved = a.runtime.request("work/where");
  await settle();
  a.runtime.services.get("mesh:work")?.pause();
  assert.equal(await mesh.until(moved), "b");
  end();
  await again;
});
