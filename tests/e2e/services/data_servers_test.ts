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
import { openMesh } from "./owner_mesh.ts";

type Count = { readonly id: string; readonly n: number };

const NEEDS = [...NEEDS_NATS, "setpriv"] as const;
/** A program that is named is run from where it is. */
const PROGRAM = NATS_SERVER.startsWith("/") ? ["--nats-server", NATS_SERVER] : [];

labTest(
  "weft data up: one member runs a server, which others' collections are made on, and which ends with its agent",
  NEEDS,
  async () => {
    await using mesh = await openMesh("data-servers");
    const { lead, store } = mesh;
    const several = await ask(store, "data", "up");
    assert.match(several.stderr, /no leader/);
    const rootless = await ask(lead, "data", "up", "--replicas", "3", ...PROGRAM);
    assert.match(rootless.stderr, /no interface/);
    await expectAnswer(lead, "data", "up", "store", ...PROGRAM);
    const report = await statusOf(lead);
    const [server] = report.servers;
    assert.deepEqual([report.replicas, report.hasQuorum, server?.node, server?.state], [
      1,
      true,
      "store",
      "running",
    ]);
    assert.match(server?.version ?? "", /^\d+\.\d+\.\d+/);
    // The other member names no URL, and keeps nothing.
    await using program = await Node.attach({ stateDir: lead.stateDir });
    const counts = await waitFor(
      async () => await program.collection<Count>("counts", { key: "id" }).catch(() => undefined),
      15_000,
      { what: "the collection is made on the server" },
    );
    const { revision } = await counts.put({ id: "a", n: 1 });
    const [listed] = JSON.parse(await expectAnswer(lead, "data", "list", "--json"));
    assert.equal(listed?.owner, "store");
    // A queue is there, too, so that a handler's write and the end of its message are one.
    const jobs = await program.queue<string>("jobs", { leaseMs: 2_000 });
    assert.equal(jobs.owner, "store");
    for (const id of ["one", "two"]) await jobs.push(id, { id });

    const pid = serverOf(store.stateDir);
    assert(pid !== undefined, "the server's process");
    assert(!readArguments(pid).includes("password"));
    const folder = natsFolder(store.stateDir);
    assert.equal((Deno.statSync(`${store.stateDir}/${folder}/server.conf`).mode ?? 0) & 0o077, 0);
    Deno.kill(pid, "SIGKILL");
    await waitFor(
      () => {
        const now = serverOf(store.stateDir);
        return Promise.resolve(now !== undefined && now !== pid);
      },
      15_000,
      { what: "it is started again" },
    );
    const second = await waitFor(
      async () => await counts.put({ id: "b", n: 2 }, { id: "put-b" }).catch(() => undefined),
      20_000,
      { what: "writes go on" },
    );
    assert(second.revision > revision);

    const handled: string[] = [];
    await using worker = jobs.work(async (message) => {
      handled.push(message.value);
      await message.commit((tx) => tx.put(counts, { id: `job-${message.value}`, n: 1 }));
    });
    const isDone = async () => {
      const { waiting, leased } = await jobs.describe().catch(() => ({ waiting: 1, leased: 1 }));
      return waiting + leased === 0;
    };
    await waitFor(isDone, 20_000, { what: "what was pushed before the server was killed is done" });
    await worker.stop();
    assert.deepEqual(handled.toSorted(), ["one", "two"]);

    // Without its agent it ends, and what it has kept is there afterwards.
    await store.kill();
    await waitFor(() => Promise.resolve(serverOf(store.stateDir) === undefined), 15_000, { what: "it ends" });
    await store.start("up");
    const third = await waitFor(
      async () => await counts.put({ id: "c", n: 3 }, { id: "put-c" }).catch(() => undefined),
      30_000,
      { what: "it goes on" },
    );
    assert(third.revision > second.revision);
    assert.deepEqual((await Array.fromAsync(counts.list())).map(({ key }) => key), [
      ...["a", "b", "c", "job-one", "job-two"],
    ]);

    assert.match((await ask(lead, "data", "down")).stderr, /they keep counts and jobs/);
    await expectAnswer(lead, "data", "down", "--force");
    const isStopped = () => Promise.resolve(serverOf(store.stateDir) === undefined);
    await waitFor(isStopped, 15_000, { what: "it is stopped" });
    const stopped = await statusOf(lead);
    assert.deepEqual([stopped.servers, stopped.former], [[], ["store"]]);
    const config = Deno.readTextFileSync(`${store.stateDir}/${folder}/server.conf`);
    const [, password = assert.fail()] = /password: "([0-9a-f]{64})"/.exec(config) ?? [];
    for (const { process } of [lead, store]) assert(!`${process.stdout}${process.stderr}`.includes(password));

    // Nobody else is taken in the place of who keeps something, unless that is given up.
    const elsewhere = await ask(lead, "data", "up", "lead", ...PROGRAM);
    assert.match(elsewhere.stderr, /that were stopped keep collections, on store\n.*`weft data up` goes on/s);
    await expectAnswer(lead, "data", "up");
    const again = await waitFor(
      async () => await counts.put({ id: "d", n: 4 }, { id: "put-d" }).catch(() => undefined),
      30_000,
      { what: "it goes on where it was" },
    );
    assert(again.revision > third.revision);
    await expectAnswer(lead, "data", "down", "--force");
    await waitFor(isStopped, 15_000, { what: "it is stopped once more" });
    await expectAnswer(lead, "data", "up", "store", "--force", ...PROGRAM);
    const anew = await waitFor(
      async () => await program.collection<Count>("counts", { key: "id" }).catch(() => undefined),
      30_000,
      { what: "the collection is made anew" },
    );
    await waitFor(
      async () => await anew.put({ id: "e", n: 5 }, { id: "put-e" }).catch(() => undefined),
      30_000,
      { what: "what is there is another one" },
    );
    assert.deepEqual((await Array.fromAsync(anew.list())).map(({ key }) => key), ["e"]);
    const aside = Deno.readDirSync(`${store.stateDir}/${folder}-replaced`);
    assert([...aside].some(({ name }) => name.startsWith("data-shared-")), "the copy is put aside, too");
    assert.match((await ask(lead, "data", "drop", "counts", "--force")).stderr, /owned by store/);
    await expectAnswer(store, "data", "drop", "counts", "--force");
    assert.match(await expectAnswer(lead, "data", "down"), /kept nothing/);
    assert.equal((await statusOf(lead)).former, undefined);
  },
);

labTest(
  "weft data up: three members keep collections in the mesh, also without one of them, and not without two",
  [...PACKET_PLANE, ...NEEDS, ...IS_THOROUGH ? [] : ["thorough"]],
  async () => {
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C", "D"]);
    const [a, b, c, d] = nodes;
    assert(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
    await untilAllKnowAll(nodes);
    await expectAnswer(a.weft, "data", "up", "b", "c", "d", ...PROGRAM);
    const report = await statusOf(a.weft);
    assert.deepEqual(report.servers.map(({ state }) => state), ["running", "running", "running"]);
    // They listen in the mesh alone.
    const sockets = await b.host.namespace.expectRun(["ss", "-Hltn"]);
    const ours = sockets.split("\n").filter((line) => /:(24222|26222)\s/.test(line));
    assert.deepEqual(ours.map((line) => line.split(/\s+/)[3]?.replace(/:\d+$/, "")), [b.address, b.address]);

    await using program = await Node.attach({ stateDir: a.weft.stateDir });
    const counts = await waitFor(
      async () => await program.collection<Count>("counts", { key: "id" }).catch(() => undefined),
      30_000,
      { what: "the collection is made" },
    );
    let n = 0;
    const acknowledged = new Set<string>();
    const put = async () => {
      const id = `k${n++}`;
      const done = await waitFor(
        async () => await counts.put({ id, n }, { id }).catch(() => undefined),
        40_000,
        { what: `${id} is written` },
      );
      if (done !== undefined) acknowledged.add(id);
    };
    for (let i = 0; i < 20; i++) await put();
    const leads = await waitFor(
      async () => {
        const { servers } = await statusOf(a.weft);
        return servers.find(({ isLeader }) => isLeader === true)?.node;
      },
      20_000,
      { what: "one leads" },
    );
    const leader = [b, c, d].find(({ weft }) => weft.name === leads) ?? assert.fail(leads);
    const others = [b, c, d].filter((node) => node !== leader);
    await leader.weft.kill();
    for (let i = 0; i < 20; i++) await put();
    const seen = await waitFor(
      async () => {
        const { warnings } = await a.weft.status();
        return warnings?.find(({ kind }) => kind === "data-server");
      },
      40_000,
      { what: "the leader of the network warns" },
    );
    assert.match(seen.text, /away/);
    await others[0]?.weft.kill();
    const before = performance.now();
    const refused = await counts.put({ id: "lost", n: 0 }, { id: "lost" }).catch((error) => error);
    assert.match(String(refused?.code), /OwnerAway|OutcomeUnknown|Timeout/);
    assert(performance.now() - before < 40_000, "in time");
    await leader.weft.start("up");
    await others[0]?.weft.start("up");
    for (let i = 0; i < 5; i++) await put();
    const there = new Set((await Array.fromAsync(counts.list())).map(({ key }) => key));
    for (const id of acknowledged) assert(there.has(id), `${id} was answered`);
  },
);

async function statusOf(node: Parameters<typeof expectAnswer>[0]): Promise<DataServersReport> {
  return JSON.parse(await expectAnswer(node, "data", "status", "--json"));
}

function natsFolder(stateDir: string): string {
  for (const { name } of Deno.readDirSync(stateDir)) if (name.startsWith("nats-")) return name;
  return assert.fail("no folder of a server");
}

/** @returns the process of the server that has its configuration in a state directory */
function serverOf(stateDir: string): number | undefined {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const text = readArguments(Number(name));
    if (text.includes(stateDir) && text.includes("server.conf")) return Number(name);
  }
  return undefined;
}

function readArguments(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).replaceAll("\0", " ");
  } catch {
    return "";
  }
}
