// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:policy:tunnel`: what a tunnel carries under no policy and under 10, 1,000 and 10,000 rules, and with as many
 * rules of nftables beside no policy, in turn between the same two members. The rule that decides is the last one; nft's are of
 * the kind that a person would write, with connection tracking. `--rounds N` says how often.
 * @module
 */

import { parseArgs } from "node:util";
import { type Host, Lab, measureThroughput, PACKET_PLANE, startMesh, unmet } from "../tests/lab/mod.ts";
import { processorSeconds } from "./bench/processor_time.ts";
import { markdownTable, Samples } from "./bench/samples.ts";

const RULES = [0, 10, 1_000, 10_000];
const SECONDS = 3;
const PORT = 5201;
/** Longer than an agent needs for ten thousand rules, on two cores that the other agent shares. */
const EFFECT_MS = 10_000;
const LOOK_MS = 100;

const { values } = parseArgs({ args: Deno.args, options: { rounds: { type: "string", default: "3" } } });
const rounds = Number(values.rounds) || 3;
const lacking = unmet([...PACKET_PLANE, "iperf3", "nft"]);
if (lacking !== undefined) {
  console.error(`left out: ${lacking}`);
  Deno.exit(0);
}

await using lab = await Lab.create(["a", "b"]);
const { nodes } = await startMesh(lab, ["a", "b"], { args: ["--no-discovery", "--dns-resolver", "off"] });
const [to, from] = nodes;
if (to === undefined || from === undefined) throw new TypeError("a mesh of two has two nodes");
const pids = [to.weft, from.weft].map(({ process }) => process.pid);
const columns = [...RULES.map(nameOf), ...RULES.slice(1).map((rules) => `nftables, ${rules}`)];
const samples = new Samples(columns);
for (let round = 1; round <= rounds; round++) {
  for (const rules of RULES) {
    console.error(`  round ${round}: ${nameOf(rules)}`);
    await applyRules(rules);
    await measure(nameOf(rules));
  }
  await applyRules(0);
  for (const rules of RULES.slice(1)) {
    console.error(`  round ${round}: nftables, ${rules}`);
    for (const { host } of nodes) await loadTable(host, rules);
    await measure(`nftables, ${rules}`);
    for (const { host } of nodes) await host.namespace.expectRun(["nft", "delete", "table", "inet", "bench"]);
  }
}
const [none = "", ...others] = columns;
console.log(markdownTable(samples.table, others.map((other) => [other, none])));

function nameOf(rules: number): string {
  return rules === 0 ? "no policy" : `${rules} rules`;
}

async function measure(column: string): Promise<void> {
  const { address } = to ?? {};
  if (to === undefined || from === undefined || address === undefined) return;
  const server = { place: to.host.namespace, address };
  const before = pids.map(processorSeconds);
  const tcp = await measureThroughput(from.host.namespace, server, ["-t", `${SECONDS}`]);
  const after = pids.map(processorSeconds);
  samples.add({ what: "TCP, 1 flow", unit: "Mbit/s" }, column, tcp.bitsPerSecond / 1e6);
  for (const [i, who] of ["receiver", "sender"].entries()) {
    const seconds = (after[i] ?? 0) - (before[i] ?? 0);
    const row = { what: `processor time of the ${who}`, unit: "s/GB", digits: 2 };
    samples.add(row, column, seconds / tcp.bytes * 1e9);
  }
  const udp = await measureThroughput(
    from.host.namespace,
    server,
    ["-t", `${SECONDS}`, "-u", "-b", "0", "-l", "64"],
  );
  const packets = udp.bytes / 64 / SECONDS * (1 - (udp.lostPercent ?? 0) / 100);
  samples.add({ what: "UDP, 64 bytes, received", unit: "k/s" }, column, packets / 1e3);
}

/** The last two let the measurement pass; the others are of the same two. */
function documentOf(rules: number): unknown {
  const others = Array.from({ length: rules - 2 }, (_, i) => ({
    allow: { from: "name=b", to: "name=a", ports: `${i % 2 === 0 ? "tcp" : "udp"}/${10_000 + 5 * i}` },
  }));
  return {
    rules: [...others, { allow: { from: "name=b", to: "name=a", ports: [`tcp/${PORT}`, `udp/${PORT}`] } }],
  };
}

async function applyRules(rules: number): Promise<void> {
  if (to === undefined) return;
  const status = async () => JSON.parse(await to.weft.get("/policies"));
  if (rules === 0) {
    if ((await status()).enforced !== null) await to.weft.delete("/policies");
  } else await to.weft.post("/policies", { document: documentOf(rules), yes: true });
  const until = performance.now() + EFFECT_MS;
  for (;;) {
    const { enforced, members, stale } = await status();
    const all = (members as readonly { readonly revision: string | null }[]).every(({ revision }) =>
      revision === (enforced?.revision ?? null)
    );
    if (all && stale === 0) return;
    if (performance.now() > until) throw new TypeError("the policy does not take effect");
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function loadTable({ folder, namespace }: Host, rules: number): Promise<void> {
  const lines = Array.from(
    { length: rules - 1 },
    (_, i) => `iifname "weft0" ${i % 2 === 0 ? "tcp" : "udp"} dport ${10_000 + 5 * (i % 11_000)} accept`,
  );
  const table = [
    "table inet bench {",
    "chain input { type filter hook input priority 0; policy accept;",
    'iifname "weft0" ct state established,related accept',
    ...lines,
    `iifname "weft0" meta l4proto { tcp, udp } th dport ${PORT} accept`,
    'iifname "weft0" meta l4proto icmp accept',
    'iifname "weft0" udp dport 45679 accept',
    'iifname "weft0" drop',
    "}",
    "chain output { type filter hook output priority 0; policy accept;",
    'oifname "weft0" ct state established,related accept',
    ...lines.map((line) => line.replace("iifname", "oifname")),
    "}",
    "}",
  ];
  await Deno.writeTextFile(`${folder}/bench.nft`, table.join("\n") + "\n");
  await namespace.expectRun(["nft", "-f", `${folder}/bench.nft`]);
}
