// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench`: measures weft, wireguard-go and nebula in turn on this machine and prints markdown tables.
 * `WIREGUARD_GO` and `NEBULA` name other builds of these; `--rounds N` says how often, and `--only TEXT`, once or more,
 * measures those rows of the tunnels alone whose names have such a part. Before the rounds each tunnel carries TCP for some
 * seconds that are not counted. `--ciphers` names those that weft is measured
 * with besides its own choice, separated by commas: `native`, `baseline`, `noble`.
 * @module
 */

import { parseArgs } from "node:util";
import { PACKET_PLANE, unmet } from "../tests/lab/mod.ts";
import { measureHandshakes } from "./bench/handshakes.ts";
import { markdownTable } from "./bench/samples.ts";
import { measureStarts } from "./bench/starts.ts";
import { measureTunnels } from "./bench/tunnels.ts";
import type { WeftCipher } from "./bench/contenders.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "3" },
    only: { type: "string", multiple: true },
    ciphers: { type: "string", default: "baseline" },
  },
});
const rounds = Number(values.rounds) || 3;
const { only } = values;
const log = (text: string) => console.error(`  ${text}`);

if (only === undefined) console.log(markdownTable(measureHandshakes(rounds, log)));
const lacking = unmet([...PACKET_PLANE, "wg", "wireguard-go", "iperf3", "ethtool"]);
if (lacking === undefined) {
  if (only === undefined) console.log(`\n${markdownTable(await measureStarts(rounds, log))}`);
  const ciphers = values.ciphers.split(",").filter((name) => name !== "") as WeftCipher[];
  const tunnels = await measureTunnels({ rounds, only, ciphers, log });
  const isWeft = (name: string) => name.startsWith("weft");
  const wireGuardGo = tunnels.columns.find((name) => name.startsWith("wireguard-go")) ?? "";
  console.log(
    `\n${markdownTable(tunnels, tunnels.columns.filter(isWeft).map((name) => [name, wireGuardGo]))}`,
  );
} else {
  console.error(`left out tunnels and starts: ${lacking}`);
}
console.log(
  `\n${rounds} rounds in turn; Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores shared by both ends, ` +
    `Linux ${Deno.osRelease()}, network namespaces joined by a bridge.`,
);
