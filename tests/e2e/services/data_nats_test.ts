import assert from "node:assert/strict";
import type { GivenServersReport } from "../../../lib/api/mod.ts";
import { Node } from "../../../lib/agent/mod.ts";
import { DataError } from "../../../lib/data/mod.ts";
import { NatsProcess, NEEDS_NATS } from "../../interop/nats/nats_process.ts";
import {
  createScratch,
  expectRun,
  labTest,
  loopbackArgs,
  thisMachine,
  waitFor,
  WeftNode,
} from "../../lab/mod.ts";
import { expectAnswer } from "./cli_in_process.ts";

type Count = { readonly id: string; readonly n: number };

labTest(
  "weft --data: what servers of JetStream keep outlives the node that made it",
  NEEDS_NATS,
  async () => {
    await using opening = new AsyncDisposableStack();
    const { path: scratch } = opening.use(await createScratch("data-nats"));
    const password = "no-secret-of-anybody";
    const rotated = "another-one-of-nobody";
    const lines = [`authorization { user: weft, password: ${password} }`];
    const server = opening.use(new NatsProcess({ folder: scratch, lines }));
    const write = (password: string) =>
      Deno.writeTextFile(`${scratch}/credentials`, `weft:${password}\n`, { mode: 0o600 });
    await write(password);
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

    const given = async (node: WeftNode): Promise<GivenServersReport> =>
      JSON.parse(await expectAnswer(node, "data", "status", "--json")).given;
    assert.match(`${(await given(one)).problem}`, /do not answer/);

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
    // One transaction has what is on the servers, and what a node without them keeps.
    const notes = await outside.collection<Count>("notes", { key: "id" });
    await outside.transaction(async (tx) => {
      const there = await tx.get(far, "a");
      await tx.put(far, { id: "a", n: (there?.n ?? NaN) + 9 });
      await tx.put(notes, { id: "a", n: there?.n ?? NaN });
    }, { id: "far-and-near" });
    assert.deepEqual([await far.get("a"), await notes.get("a")], [{ id: "a", n: 10 }, { id: "a", n: 1 }]);
    // Servers that are no cluster of their own say who leads the log all the same, from a version on.
    const { leader: _, ...back } = await given(two);
    assert.deepEqual(back, {
      servers: [`127.0.0.1:${server.port}`],
      isEncrypted: false,
      isReached: true,
    });

    // Another password there, and not here yet: that is said, and what waits is told in time.
    await server.kill();
    lines[0] = `authorization { user: weft, password: ${rotated} }`;
    await server.start();
    const refused = async () => /refuse the credentials/.test(`${(await given(two)).problem}`);
    await waitFor(refused, 15_000, { what: "it is said that they are refused" });
    const { warnings } = await two.status();
    assert.match(`${warnings?.find(({ kind }) => kind === "data-server")?.text}`, /refuse the credentials/);
    const late = performance.now();
    const unreached = await far.put({ id: "d", n: 4 }, { id: "put-d" }).catch((error) => error);
    assert.match(String(unreached?.code), /OwnerAway|OutcomeUnknown|Timeout/);
    assert.ok(performance.now() - late < 30_000);
    const bundle = `${scratch}/bugreport.tar.gz`;
    await expectAnswer(two, "bugreport", "--output", bundle);
    const report = await expectRun(["tar", "-xzOf", bundle]);
    assert.match(report, /data-server/);
    for (const secret of [password, rotated]) assert.ok(!report.includes(secret));
    await write(rotated);
    await waitFor(async () => (await given(two)).isReached, 15_000, { what: "it is let in" });
    await waitFor(
      async () => await far.put({ id: "d", n: 4 }, { id: "put-d" }).catch(() => undefined),
      20_000,
      { what: "writes go on" },
    );
    assert.equal((await far.entry("d"))?.value.n, 4);
    for (const { process } of [one, two]) {
      for (const secret of [password, rotated]) {
        assert.ok(!`${process.stdout}${process.stderr}`.includes(secret));
      }
    }
  },
);
