import assert from "node:assert/strict";
import { attached, MemoryMesh, settle } from "../testing/memory_mesh.ts";
import { fails } from "../testing/outcome.ts";

/** A service that does nothing. */
const at = (path: string, version = "1.4.0") => ({ path, version, actions: { which: () => version } });

Deno.test("waitFor() resolves when somebody who answers runs the service, in a version that is wanted", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  let isThere = false;
  const waiting = a.runtime.waitFor(["orders", { path: "stock", version: "^2" }]).then(() => isThere = true);
  await mesh.run(1_000);
  await a.runtime.addService(at("orders"));
  const old = await b.runtime.addService(at("stock"));
  await mesh.run(1_000);
  assert.equal(isThere, false, "1.4.0 is not ^2");
  await b.runtime.removeService("stock");
  await b.runtime.addService(at("stock", "2.0.1"));
  await mesh.until(waiting);
  assert.equal(old.state, "stopped");
  await a.runtime.waitFor("orders", { version: "~1.4" });
  mesh.part(a, b);
  const reason = await fails("Timeout", mesh.until(a.runtime.waitFor("stock", { timeoutMs: 500 })));
  assert.match(reason.message, /500 ms.*whoever offers stock does not answer/);
  const again = a.runtime.waitFor("stock");
  await mesh.run(500);
  mesh.part(a, b, false);
  await mesh.until(again);
});

Deno.test("waitFor() says what is missing and why, and ends with its signal and with the node", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  (await b.runtime.addService(at("paused"))).pause();
  await b.runtime.addService(at("old"));
  await settle();
  const services = ["paused", { path: "old", version: "^2" }, "none"];
  const { message } = await fails("Timeout", mesh.until(a.runtime.waitFor(services, { timeoutMs: 50 })));
  assert.equal(
    message,
    "Waited 50 ms in vain: paused is paused wherever it is; old is offered as 1.4.0, and not as ^2; nobody offers none",
  );
  const given = new AbortController();
  const aborted = a.runtime.waitFor("none", { signal: given.signal });
  given.abort();
  await fails("Canceled", aborted);
  const ended = a.runtime.waitFor("none");
  await a.runtime.close();
  await fails("Canceled", ended);
  await assert.rejects(b.runtime.waitFor("none", { version: "no range!" }), { code: "InvalidService" });
  await assert.rejects(b.runtime.waitFor("no path"), { code: "InvalidTopic" });
});

Deno.test("an attached program waits for what its agent knows, itself included", async () => {
  const { mesh, other, program } = await attached();
  await using _ = mesh;
  const waiting = program.runtime.waitFor(["stock", "mine"]);
  await mesh.run(2_500);
  await program.runtime.addService(at("mine"));
  await other.runtime.addService(at("stock"));
  await mesh.until(waiting);
  const { message } = await fails("Timeout", mesh.until(program.runtime.waitFor("none", { timeoutMs: 700 })));
  assert.match(message, /nobody offers none/);
});

Deno.test("a service with dependencies starts, and listens, when they are there", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const seen: string[] = [];
  const adding = a.runtime.addService({
    ...at("orders"),
    dependencies: [{ path: "stock", version: "^1" }, "payments"],
    start: () => void seen.push("started"),
    subscriptions: { "stock/empty": () => void seen.push("heard") },
  });
  await b.runtime.addService(at("stock"));
  await mesh.run(1_000);
  await b.runtime.publish("stock/empty");
  await settle();
  assert.deepEqual(seen, []);
  await fails("NoProvider", mesh.until(b.runtime.request("orders/which", 1, { retries: 0 })));
  await b.runtime.addService(at("payments"));
  assert.equal((await mesh.until(adding)).state, "running");
  await settle();
  await b.runtime.publish("stock/empty");
  await settle();
  assert.deepEqual(seen, ["started", "heard"]);
});

Deno.test("a service whose dependencies don't come is not added, and one that is taken away meanwhile does not start", async () => {
  const mesh = new MemoryMesh();
  await using _ = mesh;
  const a = mesh.add("a");
  const service = { ...at("orders"), dependencies: ["stock"], dependencyTimeoutMs: 300 };
  const { message } = await fails("Timeout", mesh.until(a.runtime.addService(service)));
  assert.match(message, /nobody offers stock/);
  assert.deepEqual(a.runtime.report(), []);
  const adding = a.runtime.addService({ ...service, dependencyTimeoutMs: 60_000 });
  adding.catch(() => {});
  await settle();
  await a.runtime.removeService("orders");
  await a.runtime.addService(at("stock"));
  await assert.rejects(mesh.until(adding), { code: "InvalidService" });
  assert.deepEqual(a.runtime.report().map(({ path }) => path), ["stock"]);
});
