import assert from "node:assert/strict";
import { Node } from "../../../mod.ts";
import {
  announcedRandom,
  createScratch,
  freePort,
  integerBetween,
  labTest,
  type Place,
  startNodeProgram,
  thoroughIf,
  untilPrinted,
  waitFor,
  WeftNode,
} from "../../lab/mod.ts";

const MIB = 1 << 20;
/** What the agent may have at most: without bounds one member takes it within a second. */
const DATA_LIMIT_BYTES = 1_024 * MIB;
/** What one member may hold is 64 MiB; the rest is garbage that was not collected yet. */
const MAX_GROWTH_BYTES = 512 * MIB;
/** It is asked every 10 s whether it is quiet, at the second time it is for sure. */
const SETTLING_MS = 60_000;
const CALL_EVERY_MS = 20;

const limited: Place = {
  label: "this machine, with a limit",
  command: (command) => ["prlimit", `--data=${DATA_LIMIT_BYTES}`, ...command],
};

const ABUSES = [
  { what: "sends it values that inflate a thousandfold", kind: "bombs", seconds: 8 },
  { what: "has it hold all it can in every way", kind: "all", seconds: 20 },
] as const;

for (const { what, kind, seconds } of ABUSES) {
  const name = `weft survives a member that ${what}, serves others meanwhile, and shrinks again`;
  labTest(name, ["linux", "prlimit", ...thoroughIf(kind === "all")], () => abuse(kind, seconds));
}

async function abuse(kind: string, seconds: number): Promise<void> {
  const seed = integerBetween(announcedRandom("WEFT_ABUSE_SEED"), 1, 1_000_000);
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await createScratch("memory-abuse"));
  const port = freePort();
  const endpoint = `127.0.0.1:${port}`;
  const agent = stack.use(
    new WeftNode(limited, {
      name: "target",
      stateDir: `${path}/target`,
      args: ["--rootless", "--endpoint", endpoint, "--port", String(port), "--status-port", "0"],
      env: { WEFT_DISCOVERY: "no" },
    }),
  );
  const token = await agent.startLeader();
  const { pid } = agent.process;
  const served = stack.use(await Node.attach({ stateDir: agent.stateDir }));
  await served.addService({
    path: "work",
    actions: {
      answer: (value: unknown) => typeof value,
      hold: () => new Promise((resolve) => setTimeout(() => resolve(1), 2_000)),
    },
  });
  const honest = stack.use(await join(token, path, "honest"));
  await waitFor(() => honest.request("work/answer", 1), 20_000, { what: "a call is answered" });
  const alone = await measure(honest, 3_000);
  const before = { rss: residentBytes(pid), descriptors: countDescriptors(pid) };

  const abuser = stack.use(startNodeProgram({
    module: "tests/e2e/hostile/abusing_member.ts",
    stateDir: `${path}/abuser`,
    args: [
      token,
      "abuser",
      `${path}/abuser`,
      String(freePort()),
      endpoint,
      String(seconds),
      String(seed),
      kind,
    ],
    label: "abuser",
  }));
  await untilPrinted(abuser, "ready", 30_000);
  let peak = 0;
  const watching = setInterval(() => peak = Math.max(peak, residentBytes(pid)), 50);
  const during = await measure(honest, seconds * 1_000);
  clearInterval(watching);
  assert.equal((await abuser.finished).code, 0, abuser.stderr);
  assert.equal(agent.process.ended, undefined, agent.process.tail());

  const small = 1.3 * before.rss + 64 * MIB;
  await waitFor(() => residentBytes(pid) < small, SETTLING_MS).catch(() => {});
  const after = { rss: residentBytes(pid), descriptors: countDescriptors(pid) };
  const text = `resident ${mib(before.rss)} before, ${mib(peak)} at most, ${mib(after.rss)} after; ` +
    `calls took ${show(alone)} alone, ${show(during)} meanwhile; ` +
    `descriptors ${before.descriptors} before, ${after.descriptors} after`;
  // deno-lint-ignore no-console -- measurements are for whoever reads the run
  console.log(text);
  assert.ok(peak < before.rss + MAX_GROWTH_BYTES, text);
  assert.ok(after.rss < small, text);
  assert.ok(after.descriptors <= before.descriptors + 2, text);
  assert.ok(during.failed === 0 && during.p99Ms < 2_000, text);
}

interface Measured {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly failed: number;
  readonly calls: number;
}

/** Calls at a steady pace. */
async function measure(node: Node, durationMs: number): Promise<Measured> {
  const tookMs: number[] = [];
  let failed = 0;
  const endsAt = performance.now() + durationMs;
  const calls: Promise<void>[] = [];
  while (performance.now() < endsAt) {
    const calledAt = performance.now();
    const call = node.request("work/answer", 1).then(
      () => void tookMs.push(performance.now() - calledAt),
      () => void failed++,
    );
    calls.push(call);
    await new Promise((resolve) => setTimeout(resolve, CALL_EVERY_MS));
  }
  await Promise.all(calls);
  tookMs.sort((a, b) => a - b);
  const at = (part: number) => tookMs[Math.floor(tookMs.length * part)] ?? Infinity;
  return { p50Ms: at(0.5), p99Ms: at(0.99), failed, calls: calls.length };
}

function show({ p50Ms, p99Ms, failed, calls }: Measured): string {
  return `${p50Ms.toFixed(1)} ms (p50), ${p99Ms.toFixed(1)} ms (p99), ${failed} of ${calls} failed`;
}

function join(token: string, path: string, name: string): Promise<Node> {
  const port = freePort();
  return Node.join(token, {
    name,
    stateDir: `${path}/${name}`,
    port,
    endpoints: `127.0.0.1:${port}`,
    discovery: false,
  });
}

function residentBytes(pid: number): number {
  const [, kilobytes = "0"] = /VmRSS:\s+(\d+) kB/.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
  return Number(kilobytes) * 1_024;
}

function countDescriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
