import assert from "node:assert/strict";
import { CallError, Node, OverlayBootstrap, ServiceNotGrantedError } from "../../../mod.ts";
import { createScratch, freePort, untilPrinted, waitFor } from "../../lab/mod.ts";
import { RootlessMesh } from "../services/rootless_mesh.ts";

const CALLS = 100;

/** @returns who has answered that many calls, each once */
async function answerers(node: Pick<Node, "request">, path: string): Promise<string[]> {
  const names = new Set<string>();
  for (let i = 0; i < CALLS; i++) {
    names.add(String(await node.request(path, undefined, { timeoutMs: 2_000 })));
  }
  return [...names].sort();
}

Deno.test("a member that takes everything to be allowed is not called, leads nothing, and is not heard", async (test) => {
  await using mesh = await RootlessMesh.create("lawless", "lead");
  const { runtime } = mesh.overlay.services;
  await runtime.addService({
    path: "guarded",
    allow: "service:math",
    actions: { secret: () => "the secret" },
  });
  const programs = [
    mesh.startProgram("services/math_program.ts", "adder"),
    mesh.startProgram("services/leading_program.ts", "worker"),
  ];
  await Promise.all(programs.map((program) => untilPrinted(program, "ready")));
  await using caller = await mesh.join("caller");
  const heard = new Set<string>();
  let free = 0;
  for (const one of [runtime, caller]) {
    one.subscribe(">", ({ topic, data }) => void heard.add(`${topic} ${typeof data}`), { includePast: true });
    one.subscribe("free/count", () => void free++);
  }
  const lawless = mesh.startProgram("hostile/lawless_program.ts", "mallory");
  await untilPrinted(lawless, "ready");
  await waitFor(() => runtime.refusedAdverts >= 2 && free > 20, 10_000, { what: "it has tried" });
  const id = mesh.overlay.control.peers().find(({ name }) => name === "mallory")?.id ?? "";
  assert.match(id, /^ff/);

  await test.step("calls never go to it, not even by its name", async () => {
    for (const node of [runtime, caller]) {
      assert.deepEqual(await answerers(node, "math/name"), ["adder"]);
      assert.deepEqual(await answerers(node, "jobs/who"), ["worker"]);
      for (const mode of ["random", "proximity", "leader"] as const) {
        assert.notEqual(await node.request("math/name", undefined, { mode }).catch(() => ""), "mallory");
      }
      const all = await node.request("math/name", undefined, { mode: "all" }) as { readonly node: string }[];
      assert.deepEqual(all.map((answer) => answer.node), ["adder"]);
      await assert.rejects(
        node.request("math/name", undefined, { node: "mallory", retries: 0 }),
        (error) => error instanceof CallError && error.code === "NoProvider",
      );
    }
  });

  await test.step("it leads nothing, and is in no list and no name", () => {
    const providers = runtime.report().flatMap((service) => service.providers.map((one) => one.name));
    assert.ok(!providers.includes("mallory"), providers.join());
    assert.equal(runtime.report("jobs")[0]?.providers[0]?.isLeader, true);
    assert.ok(!mesh.overlay.services.offered().some(({ nodeId }) => nodeId === id));
  });

  await test.step("it does not pass for one that offers math", async () => {
    await lawless.until(({ stdout }) => stdout.split("secret Refused").length > 5, 10_000, "it has asked");
    assert.doesNotMatch(lawless.stdout, /the secret/);
  });

  await test.step("its events below the paths of others are not delivered, kept ones neither, and are counted", async () => {
    const before = runtime.refusedEvents;
    await waitFor(() => runtime.refusedEvents > before + 20, 10_000, { what: "it goes on" });
    const late: string[] = [];
    caller.subscribe("math/>", ({ topic }) => void late.push(topic), { includePast: true });
    for (let i = 0; i < 20; i++) {
      await runtime.publish("math/asked", i, { broadcastMode: "one_per_service" });
    }
    await waitFor(() => late.length >= 20, 10_000, { what: "a leader may publish there" });
    assert.deepEqual([...heard].sort(), ["free/count number", "math/asked number"]);
    assert.deepEqual(new Set(late), new Set(["math/asked"]));
    assert.doesNotMatch(lawless.stdout, /took an event/);
    const { services } = mesh.overlay.control.status();
    assert.ok(services.refused.adverts >= 2 && services.refused.events > 20);
  });

  await test.step("the same is called and heard once its token grants it", async () => {
    const granted = mesh.startProgram("hostile/lawless_program.ts", "granted", { offer: ["math", "jobs"] });
    await untilPrinted(granted, "ready");
    await waitFor(() => heard.has("math/evil number"), 10_000, { what: "it is heard" });
    await waitFor(() => runtime.report("math")[0]?.providers.length === 1, 10_000, {
      what: "a grant outranks",
    });
    assert.deepEqual(await answerers(caller, "math/name"), ["granted"]);
  });
});

Deno.test("Node.addService() gives a path to the first who asks, and refuses the second in words that help", async () => {
  await using mesh = await RootlessMesh.create("service-claims", "lead");
  await using first = await mesh.join("first");
  await using second = await mesh.join("second");
  const math = (name: string) => ({ path: "math", actions: { name: () => name } });
  await first.addService(math("first"));
  await assert.rejects(second.addService(math("second")), (error) => {
    assert.ok(error instanceof ServiceNotGrantedError, String(error));
    assert.equal(error.message, `Cannot offer math: first has it. ${error.hint}`);
    assert.match(error.hint ?? "", /`weft grant add second --offer math`/);
    return true;
  });
  await assert.rejects(second.publish("math/added", 1), (error) => {
    assert.ok(error instanceof CallError && error.code === "Refused", String(error));
    assert.match(
      `${error.message} ${error.hint}`,
      /first has the path .*weft grant add second --publish 'math\/>'/,
    );
    return true;
  });
  await waitFor(() => second.services("math").length === 1, 5_000, { what: "it is known" });
  assert.equal(await second.request("math/name"), "first");
  await using third = await mesh.join("third", { offer: ["shared"] });
  await using fourth = await mesh.join("fourth", { offer: ["shared"] });
  for (const node of [third, fourth]) {
    await node.addService({
      path: "shared",
      actions: { name: () => node.name },
    });
  }
  await waitFor(() => second.services("shared")[0]?.providers.length === 2, 5_000, {
    what: "both are known",
  });
  assert.deepEqual(await answerers(second, "shared/name"), ["fourth", "third"]);
});

Deno.test("Node.addService() runs a service here while no leader answers, offers it when one does, and asks no more after that", async () => {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await createScratch("service-claims-away"));
  const port = freePort();
  const options = (name: string, port: number) => ({
    name,
    stateDir: `${path}/${name}`,
    rootless: true,
    discovery: false,
    port,
    endpoints: `127.0.0.1:${port}`,
  });
  let leader = await OverlayBootstrap.initLeader(options("lead", port));
  await leader.start();
  const token = leader.joinToken();
  const other = stack.use(await Node.join(token, options("other", freePort())));
  const offering = options("offering", freePort());
  let node = await Node.join(token, offering);
  await leader.stop();
  const math = { path: "math", actions: { name: () => "offering" } };
  const startedAt = performance.now();
  await node.addService(math);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < 6_000, `${tookMs} ms`);
  assert.equal(await node.request("math/name"), "offering", "here it runs");
  assert.deepEqual(other.services("math"), []);

  leader = await OverlayBootstrap.load(options("lead", port));
  await leader.start();
  await waitFor(() => other.services("math").length === 1, 20_000, { what: "others know it" });
  assert.equal(await other.request("math/name"), "offering");

  await leader.stop();
  await node.stop();
  await waitFor(() => other.services("math").length === 0, 10_000, { what: "it is gone" });
  node = await Node.resume(offering);
  stack.defer(() => node.stop());
  const resumedAt = performance.now();
  await node.addService(math);
  assert.ok(performance.now() - resumedAt < 1_000, "what its record says it need not ask for");
  await waitFor(() => other.services("math").length === 1, 10_000, { what: "it is back without a leader" });
  assert.equal(await other.request("math/name"), "offering");
});
