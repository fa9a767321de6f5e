import assert from "node:assert/strict";
import type { DataServersReport } from "../../../lib/api/mod.ts";
import { Node } from "../../../lib/agent/mod.ts";
import { NATS_SERVER, NEEDS_NATS } from "../../interop/nats/nats_process.ts";
import {
  IS_THOROUGH,
  Lab,
  labTest,
  PACKET_PLANE,
  startMesh,
  untilAllKnowAll,
  waitFor,
} from "../../lab/mod.ts";
import { ask, expectAnswer } from "./cli_in_process.ts";

type Count = { readonly id: string; readonly n: number };

const PROGRAM = NATS_SERVER.startsWith("/") ? ["--nats-server", NATS_SERVER] : [];
const NEEDS = [...PACKET_PLANE, ...NEEDS_NATS, "setpriv", ...IS_THOROUGH ? [] : ["thorough"]] as const;

labTest(
  "weft data replace: a host that is lost is replaced, nothing is lost, and when it comes back it does no harm",
  NEEDS,
  async () => {
    await using stack = new AsyncDisposableStack();
    const lab = stack.use(await Lab.create(["A", "B", "C", "D", "E"]));
    const { nodes } = await startMesh(lab, ["A", "B", "C", "D", "E"]);
    const [a, b, c, d, e] = nodes;
    assert(a !== undefined && b !== undefined && c !== undefined && d !== undefined && e !== undefined);
    await untilAllKnowAll(nodes);
    const lead = a.weft;
    await expectAnswer(lead, "data", "up", "b", "c", "d", ...PROGRAM);
    const program = stack.use(await Node.attach({ stateDir: lead.stateDir }));
    const counts = await waitFor(
      async () => await program.collection<Count>("counts", { key: "id" }).catch(() => undefined),
      30_000,
      { what: "the collection is made" },
    );
    const acknowledged = new Set<string>();
    let n = 0;
    const put = async () => {
      const id = `k${n++}`;
      await waitFor(async () => await counts.put({ id, n }, { id }).catch(() => undefined), 60_000, {
        what: `${id} is written`,
      });
      acknowledged.add(id);
    };
    for (let i = 0; i < 20; i++) await put();
    const status = async (): Promise<DataServersReport> =>
      JSON.parse(await expectAnswer(lead, "data", "status", "--json"));
    const allWhole = async (names: readonly string[]) =>
      await waitFor(
        async () => {
          const { servers } = await status();
          return servers.map(({ node }) => node).join() === names.join() &&
            servers.every(({ state, isCurrent }) => state === "running" && isCurrent === true);
        },
        60_000,
        { what: `${names} have whole copies` },
      );
    await allWhole(["b", "c", "d"]);
    const passwordsOf = (stateDir: string) =>
      Deno.readTextFileSync(`${stateDir}/nats-${networkOf(stateDir)}/server.conf`).match(/[0-9a-f]{64}/g) ??
        [];
    const passwords = new Set(passwordsOf(c.weft.stateDir));

    const refusal = async (...args: string[]) => {
      const { stdout, stderr } = await ask(lead, "data", "replace", ...args, "--json");
      return `${stdout}${stderr}`;
    };
    assert.match(await refusal("b", "e"), /b answers/);
    assert.match(await refusal("e", "b"), /it runs none/);
    await b.weft.kill();
    await c.weft.kill();
    await waitFor(
      async () => (await status()).servers.filter(({ state }) => state === "away").length === 2,
      60_000,
      { what: "two are away" },
    );
    assert.match(await refusal("b", "e"), /only 1 runs, and c does not/);
    await c.weft.start("up");
    await waitFor(
      async () => {
        const { servers } = await status();
        const [, two, three] = servers;
        return two?.isCurrent === true && three?.isCurrent === true;
      },
      60_000,
      { what: "the others are whole" },
    );
    assert.match(await refusal("b", "d"), /there already/);
    const { warnings } = await lead.status();
    const warning = warnings?.find(({ kind }) => kind === "data-server");
    assert.match(`${warning?.hint}`, /weft data replace b/);

    // Somebody writes all the while.
    let isWriting = true;
    let longestMs = 0;
    const writing = (async () => {
      while (isWriting) {
        const before = performance.now();
        await put();
        longestMs = Math.max(longestMs, performance.now() - before);
      }
    })();
    const begun = performance.now();
    await expectAnswer(lead, "data", "replace", "b", "e");
    await allWhole(["c", "d", "e"]);
    const tookMs = performance.now() - begun;
    isWriting = false;
    await writing;
    assert(tookMs < 60_000, `${tookMs} ms`);
    assert(longestMs < 40_000, `a write took ${longestMs} ms`);
    for (const password of passwordsOf(c.weft.stateDir)) assert(!passwords.has(password), "new passwords");

    // What it knows of old lets it in nowhere, and it puts aside what it had.
    await b.weft.start("up");
    await waitFor(
      () => Promise.resolve(folders(b.weft.stateDir).some((name) => name.endsWith("-replaced"))),
      60_000,
      { what: "it knows that it was replaced" },
    );
    assert.equal(folders(b.weft.stateDir).length, 1);
    for (let i = 0; i < 5; i++) await put();
    await allWhole(["c", "d", "e"]);

    // With one of those that were there before gone for good, too, what is acknowledged is still there.
    await c.weft.kill();
    for (let i = 0; i < 5; i++) await put();
    await waitFor(
      async () => (await status()).servers.some(({ node, state }) => node === "c" && state === "away"),
      60_000,
      { what: "it is away" },
    );
    await waitFor(
      async () => (await ask(lead, "data", "replace", "c", "b")).stderr === "" ? true : undefined,
      60_000,
      { what: "who was replaced is a host again" },
    );
    await allWhole(["b", "d", "e"]);
    await d.weft.kill();
    for (let i = 0; i < 5; i++) await put();
    const there = new Set((await Array.fromAsync(counts.list())).map(({ key }) => key));
    for (const id of acknowledged) assert(there.has(id), `${id} was answered`);
    const told = [a, b, c, d, e].map(({ weft: { process } }) => `${process.stdout}${process.stderr}`).join(
      "",
    );
    for (const password of [...passwords, ...passwordsOf(b.weft.stateDir)]) assert(!told.includes(password));
  },
);

function folders(stateDir: string): readonly string[] {
  return [...Deno.readDirSync(stateDir)].map(({ name }) => name).filter((name) => name.startsWith("nats-"));
}

function networkOf(stateDir: string): string {
  const [name = assert.fail("no folder of a server")] = folders(stateDir).filter((name) =>
    !name.endsWith("-replaced")
  );
  return name.slice("nats-".length);
}
