// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:policy`: what deciding costs with none, 10, 1,000 and 10,000 rules: the evaluator by itself, a packet of a flow that is
 * known, a flow that is new; a table of a million flows; and ten thousand members in one selector. The best of many short rounds.
 * @module
 */

import { millis, SeededRandom } from "../lib/base/mod.ts";
import { IpAddress } from "../lib/net/mod.ts";
import {
  compilePolicy,
  DIRECTION,
  FlowGuard,
  type PolicyDocument,
  type PolicyEvaluator,
  type PolicyRoster,
  type PolicyRule,
  readProgram,
  VERDICT,
} from "../lib/policy/mod.ts";

const ROUNDS = 40;
const CALLS = 20_000;
const ROLES = 32;
const REVISION = "0123456789abcdef";
const PORT = 5432;

/** Members with two addresses each; the first two are whom packets go between. */
function rosterOf(count: number): PolicyRoster {
  const members = Array.from({ length: count }, (_, i) => ({
    id: `${i}`.padStart(44, "k"),
    name: `m${i}`,
    labels: { role: i === 0 ? "web" : i === 1 ? "db" : `r${i % ROLES}`, site: `s${i % 7}`, tier: "prod" },
    addresses: [4, 6].map((family) => IpAddress.fromBytes(family === 4 ? ipv4(i) : ipv6(i))),
    services: i % 10 === 1 ? ["orders"] : [],
    roles: ["member"],
    blocks: [],
  }));
  return { members, networks: [] };
}

function ipv4(member: number): Uint8Array {
  return Uint8Array.of(10, 200 + (member >>> 16), member >>> 8 & 0xff, member & 0xff);
}

function ipv6(member: number): Uint8Array {
  return Uint8Array.of(0xfd, ...Array<number>(12).fill(0), member >>> 16, member >>> 8 & 0xff, member & 0xff);
}

/** The rule that decides is the last one; a third of the others are for the two, with other ports. */
function documentOf(rules: number, from = "role=web"): PolicyDocument {
  const others = Array.from({ length: Math.max(0, rules - 1) }, (_, i): PolicyRule => ({
    type: i % 5 === 0 ? "deny" : "allow",
    sourceSelector: i % 3 === 0 ? "role=web" : `role in (r${i % ROLES}, r${i * 7 % ROLES})`,
    destinationSelector: i % 3 === 0 ? "role=db" : `role=r${i * 11 % ROLES}`,
    protocol: i % 4 === 0 ? "udp" : "tcp",
    destinationPortRange: `${10_000 + i * 5}-${10_003 + i * 5}`,
  }));
  const last: PolicyRule = {
    type: "allow",
    sourceSelector: from,
    destinationSelector: "role=db",
    protocol: "udp",
    destinationPortRange: `${PORT}`,
  };
  const policies = [{ id: "p", name: "p", networkId: "mesh", priority: 0, rules: [...others, last] }];
  return { policies, groups: {}, tests: [], answer: "drop", names: "show" };
}

function best(run: () => void, calls = CALLS): number {
  let nanoseconds = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    run();
    nanoseconds = Math.min(nanoseconds, (performance.now() - start) * 1e6 / calls);
  }
  return nanoseconds;
}

function show(name: string, nanoseconds: number): void {
  const rate = `${(1e3 / nanoseconds).toFixed(2)} million/s`;
  console.log(`${name.padEnd(58)} ${nanoseconds.toFixed(0).padStart(6)} ns ${rate.padStart(16)}`);
}

/** A UDP packet without payload from member 0 to member 1. */
function packet(sourcePort: number): Uint8Array {
  const bytes = new Uint8Array(1_400);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  view.setUint16(2, bytes.length);
  bytes[8] = 64;
  bytes[9] = 17;
  bytes.set(ipv4(0), 12);
  bytes.set(ipv4(1), 16);
  view.setUint16(20, sourcePort);
  view.setUint16(22, PORT);
  view.setUint16(24, bytes.length - 20);
  return bytes;
}

/** More than 10 s after the first packet that a guard sees. */
const SETTLED_AT = 20_000;

function guardOf(evaluator: PolicyEvaluator | undefined, maxFlows = 1 << 20): FlowGuard {
  const limits = { maxFlows, maxFlowsPerMember: maxFlows };
  const guard = new FlowGuard({ network: "mesh", random: new SeededRandom(1), wall: () => 0, limits });
  guard.use(evaluator, evaluator?.networkNumber("mesh"));
  // Until replies of the time before the program are no longer expected.
  if (!guard.isIdle) expectPass(guard, packet(60_000), 1);
  return guard;
}

function expectPass(guard: FlowGuard, bytes: Uint8Array, now: number): void {
  if (guard.check(millis(now), bytes, 0, bytes.length, DIRECTION.IN, 1) !== VERDICT.PASS) {
    throw new Error("the packet was dropped");
  }
}

function measureRules(rules: number): void {
  const evaluator = rules === 0
    ? undefined
    : readProgram(compilePolicy(documentOf(rules), rosterOf(1_000), { revision: REVISION }).bytes);
  const bytes = packet(40_000);
  if (evaluator !== undefined) {
    let allowed = 0;
    const nanoseconds = best(() => {
      for (let i = 0; i < CALLS; i++) {
        const source = evaluator.subjectAt(0, bytes, 12, 4);
        const destination = evaluator.subjectAt(0, bytes, 16, 4);
        if (evaluator.decide(0, source, destination, 17, 1_024 + i, PORT).isAllowed) allowed++;
      }
    });
    if (allowed !== ROUNDS * CALLS) throw new Error(`${allowed} were allowed`);
    show(`${rules} rules: the evaluator, from addresses to decision`, nanoseconds);
  }
  const known = guardOf(evaluator);
  const established = best(() => {
    for (let i = 0; i < CALLS; i++) if (!known.isIdle) expectPass(known, bytes, 1_000);
  });
  show(`${rules} rules: a packet of a flow that is known`, established);
  if (evaluator === undefined) return;
  let nanoseconds = Infinity;
  const view = new DataView(bytes.buffer);
  for (let round = 0; round < 8; round++) {
    const guard = guardOf(evaluator);
    const start = performance.now();
    for (let port = 0; port < 60_000; port++) {
      view.setUint16(20, port);
      expectPass(guard, bytes, SETTLED_AT);
    }
    nanoseconds = Math.min(nanoseconds, (performance.now() - start) * 1e6 / 60_000);
  }
  show(`${rules} rules: a flow that is new`, nanoseconds);
}

function measureMillion(): void {
  const program = compilePolicy(documentOf(1_000, "*"), rosterOf(1_000), { revision: REVISION });
  const guard = guardOf(readProgram(program.bytes));
  const bytes = packet(0);
  const view = new DataView(bytes.buffer);
  const start = performance.now();
  for (let i = 0; i < 1_000_000; i++) {
    view.setUint16(20, i & 0xffff);
    bytes[15] = 2 + (i >>> 16);
    expectPass(guard, bytes, SETTLED_AT);
  }
  const took = performance.now() - start;
  console.log(`${guard.flows} flows: ${took.toFixed(0)} ms, ${(guard.memoryBytes / 1e6).toFixed(1)} MB`);
  let [sweeps, longest] = [0, 0];
  const swept = performance.now();
  for (let now = SETTLED_AT + 3_600_000; guard.flows > 0; now += 250, sweeps++) {
    const begun = performance.now();
    guard.handleTimeout(millis(now));
    longest = Math.max(longest, performance.now() - begun);
  }
  const all = performance.now() - swept;
  console.log(`they end: ${all.toFixed(0)} ms in ${sweeps} sweeps, ${longest.toFixed(1)} ms the longest`);
}

function measureMembers(): void {
  for (const [members, rules] of [[10_000, 10], [10_000, 1_000], [10_000, 10_000]] as const) {
    const roster = rosterOf(members);
    const document = documentOf(rules);
    let [compiling, reading] = [Infinity, Infinity];
    let bytes: Uint8Array = new Uint8Array();
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      bytes = compilePolicy(document, roster, { revision: REVISION }).bytes;
      const compiled = performance.now();
      readProgram(bytes);
      compiling = Math.min(compiling, compiled - start);
      reading = Math.min(reading, performance.now() - compiled);
    }
    console.log(
      `${members} members, ${rules} rules: compiled in ${
        compiling.toFixed(0)
      } ms to ${bytes.length} bytes, ` +
        `read in ${reading.toFixed(0)} ms`,
    );
  }
}

for (const rules of [0, 10, 1_000, 10_000]) measureRules(rules);
measureMillion();
measureMembers();
