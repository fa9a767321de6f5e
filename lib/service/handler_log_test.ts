import assert from "node:assert/strict";
import { LimitedLogger, silentLogger } from "../base/mod.ts";
import { ActionError, callError } from "./errors.ts";
import { MemoryMesh, settle } from "./testing/memory_mesh.ts";
import { fails, failureOf } from "./testing/outcome.ts";

type Line = Readonly<Record<string, unknown>>;

/** Two nodes, of which `a` fails in several ways, and what they log as a warning. */
async function failing() {
  const mesh = new MemoryMesh();
  const lines: Line[] = [];
  const warn = (message: string, fields: Line = {}) => void lines.push({ message, ...fields });
  mesh.log = new LimitedLogger({ ...silentLogger, warn }, mesh);
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const bug = () => {
    throw new TypeError("a bug");
  };
  await a.runtime.addService({
    path: "orders",
    actions: {
      bug,
      bugLater: () => Promise.resolve().then(bug),
      thrown: (params: unknown) => {
        throw params;
      },
      refuse: () => {
        throw new ActionError("OutOfStock", "No tea is left");
      },
      passOn: () => Promise.reject(callError("NoProvider", "nobody")),
    },
    subscriptions: { "news/now": bug, "news/later": () => Promise.reject(new RangeError("too late")) },
  });
  await settle();
  return { mesh, a, b, lines };
}

Deno.test("HandlerLog says which action has thrown what, and for whom", async () => {
  const { mesh, a, b, lines } = await failing();
  await using _ = mesh;
  for (
    const [runtime, action] of [[a.runtime, "bug"], [b.runtime, "bug"], [b.runtime, "bugLater"]] as const
  ) {
    await fails("HandlerFailed", runtime.request(`orders/${action}`, { secret: "s3cr3t" }));
  }
  assert.deepEqual(lines.map(({ error: _, ...fields }) => fields), [
    { message: "the handler of an action has failed", service: "orders", action: "bug" },
    { message: "the handler of an action has failed", service: "orders", action: "bug", from: "b" },
    { message: "the handler of an action has failed", service: "orders", action: "bugLater", from: "b" },
  ]);
  for (const { error } of lines) {
    assert.match(String(error), /^TypeError: a bug\n +at .*handler_log_test\.ts/);
    assert.ok(String(error).length <= 1_024);
  }
});

Deno.test("HandlerLog keeps parameters to itself, and what a handler fails with on purpose", async () => {
  const { mesh, b, lines } = await failing();
  await using _ = mesh;
  await fails("OutOfStock", b.runtime.request("orders/refuse"));
  await fails("NoProvider", b.runtime.request("orders/passOn", null, { retries: 0 }));
  assert.deepEqual(lines, []);
  await fails("HandlerFailed", b.runtime.request("orders/thrown", { secret: "s3cr3t" }));
  await fails("HandlerFailed", b.runtime.request("orders/thrown", "s3cr3t"));
  assert.deepEqual(lines.map(({ error }) => error), ["thrown: object", "thrown: string"]);
});

Deno.test("HandlerLog says which handler of an event has failed, and who has published it", async () => {
  const { mesh, a, b, lines } = await failing();
  await using _ = mesh;
  const handle = a.runtime.subscribe("news/now", () => {
    throw new Error("mine");
  });
  await b.runtime.publish("news/later", "s3cr3t");
  await a.runtime.publish("news/now", "s3cr3t");
  await settle();
  assert.equal(handle.failed, 1);
  assert.deepEqual(
    lines.map(({ message: _, error, ...fields }) => ({ ...fields, error: String(error).split("\n")[0] })),
    [
      { service: "orders", event: "news/now", error: "TypeError: a bug" },
      { event: "news/now", error: "Error: mine" },
      { service: "orders", event: "news/later", from: "b", error: "RangeError: too late" },
    ],
  );
});

Deno.test("HandlerLog bounds what one caller has it write", async () => {
  const { mesh, b, lines } = await failing();
  await using _ = mesh;
  for (let i = 0; i < 40; i++) await failureOf(b.runtime.request("orders/bug"));
  assert.equal(lines.length, 5);
});
