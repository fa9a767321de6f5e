import assert from "node:assert/strict";
import { findProgram, Lab, labTest, NAMESPACES, NetworkNamespace, run, skippedLine, unmet } from "./mod.ts";

Deno.test("unmet() names what is missing, and nothing else", () => {
  assert.equal(unmet([]), undefined);
  assert.equal(unmet(["no-such-program-anywhere"]), "needs the program no-such-program-anywhere");
  assert.equal(findProgram("no-such-program-anywhere"), undefined);
  assert.equal(skippedLine("x", "y"), "skipped: x: y");
});

labTest("Lab joins its hosts over IPv4 and IPv6, and leaves nothing", [...NAMESPACES, "ping"], async () => {
  const names: string[] = [];
  let folder = "";
  {
    await using lab = await Lab.create(["A", "B", "C"]);
    const [a, b, c] = ["A", "B", "C"].map((name) => lab.host(name));
    assert(a && b && c);
    names.push(a.namespace.name, b.namespace.name, c.namespace.name);
    folder = lab.scratch.path;
    for (const address of [b.address4, c.address4, b.address6, c.address6]) {
      await a.namespace.expectRun(["ping", "-q", "-c", "1", "-W", "2", address]);
    }
    assert.deepEqual(await a.namespace.hasInterface("eth0"), true);
    // A process that nobody ends must not keep the lab from going away.
    a.namespace.spawn(["sleep", "600"]).finished.catch(() => {});
  }
  const left = (await run(["ip", "netns", "list"])).stdout;
  for (const name of names) assert(!left.includes(name), `${name} is still there`);
  await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
});

labTest("NetworkNamespace.create() removes what a dead process left", NAMESPACES, async () => {
  const gone = new Deno.Command("true").spawn();
  await gone.status;
  const leftOver = `weft-${gone.pid}-00000000-A`;
  await run(["ip", "netns", "add", leftOver]);
  await using namespace = await NetworkNamespace.create("A");
  const list = (await run(["ip", "netns", "list"])).stdout;
  assert(!list.includes(leftOver));
  assert(list.includes(namespace.name));
});
