import assert from "node:assert/strict";
import { Node } from "../../../lib/agent/mod.ts";
import { DataError } from "../../../lib/data/mod.ts";
import { NatsProcess, NEEDS_NATS } from "../../interop/nats/nats_process.ts";
import { createScratch, labTest, loopbackArgs, thisMachine, waitFor, WeftNode } from "../../lab/mod.ts";
import { expectAnswer } from "./cli_in_process.ts";

type Count = { readonly id: string; readonly n: number };

labTest(
  "weft --data: what servers of JetStream keep outlives the node that made it",
  NEEDS_NATS,
  async () => {
    await using opening = new AsyncDisposableStack();
    const { path: scratch } = opening.use(await createScratch("data-nats"));
    const password = "no-secret-of-anybody";
    const server = opening.use(
      new NatsProcess({ folder: scratch, lines: [`authorization { user: weft, password: ${password} }`] }),
    );
    await Deno.writeTextFile(`${scratch}/credentials`, `weft:${password}\n`, { mode: 0o600 });
    const withData = ["--data", server.url, "--data-credentials", `${scratch}/credentials`];
    const node = (name: string, ...args: string[]) =>
      opening.use(
        new WeftNode(thisMachine, {
          name,
          stateDir: `${scratch}/${name}`,
          args: [...loopbackArgs(), ...args],
        }),
      );
    const [lead, one, two] = [node("lead"), node("one", ...withData), node("two", ...withData)];
    const token = await lead.startLeader();
    // The servers are away at the start of both.
    await Promise.all([one.start("--join", token), two.start("--join", token)]);
    await expectAnswer(lead, "grant", "add", "one", "--offer", "data/>");
    await expectAnswer(lead, "grant", "add", "two", "--offer", "data/>");
    await using program = await Node.attach({ stateDir: one.stateDir });
    const before = performance.now();
    const away = await program.collection<Count>("counts", { key: "id" }).catch((error) => error);
    assert.ok(away instanceof DataError, String(away));
    assert.equal(away.code, "OwnerAway", away.message);
    assert.ok(performance.now() - before < 12_000);

    await server.start();
    const made = async () => await program.collection<Count>("counts", { key: "id" }).catch(() => undefined);
    const counts = await waitFor(made, 15_000, { what: "the servers are reached" });
    const { revision } = await counts.put({ id: "a", n: 1 });
    const providers = async () => {
      const list = JSON.parse(await expectAnswer(lead, "data", "list", "--json"));
      return list[0]?.owner === "one, two" || list[0]?.owner === "two, one";
    };
    await waitFor(providers, 15_000, { what: "both serve it" });
    await using outside = await Node.attach({ stateDir: lead.stateDir });
    const far = await outside.collection<Count>("counts", { key: "id" });
    const entry = await far.entry("a");
    assert.deepEqual([entry?.value, entry?.revision], [{ id: "a", n: 1 }, revision]);
    const watch = far.watch({ after: revision });
    await watch.ready;
    const told = (async () => {
      for await (const { key, revision } of watch) return [key, revision];
    })();

    await one.kill();
    const second = await waitFor(
      async () => await far.put({ id: "b", n: 2 }, { id: "put-b" }).catch(() => undefined),
      20_000,
      { what: "the other one serves it alone" },
    );
    assert.ok(second.revision > revision);
    assert.deepEqual(await told, ["b", second.revision]);
    assert.deepEqual((await Array.fromAsync(far.list())).map(({ key }) => key), ["a", "b"]);

    await server.kill();
    await server.start();
    const third = await waitFor(
      async () => await far.put({ id: "c", n: 3 }, { id: "put-c" }).catch(() => undefined),
      20_000,
      { what: "the server is back" },
    );
    assert.equal((await far.entry("c"))?.revision, third.revision);
    for (const { process } of [one, two]) assert.ok(!`${process.stdout}${process.stderr}`.includes(password));
  },
);
