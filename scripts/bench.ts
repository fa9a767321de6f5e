// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench`: measures weft, wireguard-go and nebula in turn on this machine and prints markdown tables.
 * `WIREGUARD_GO` and `NEBULA` name other builds of these; `--rounds N` says how often, and `--only TEXT`, once or more,
 * measures those rows of the tunnels alone whose names have such a part.
 * @module
 */

import { parseArgs } from "node:util";
import { PACKET_PLANE, unmet } from "../tests/lab/mod.ts";
import { measureHandshakes } from "./bench/handshakes.ts";
import { markdownTable } from "./bench/samples.ts";
import { measureStarts } from "./bench/starts.ts";
import { measureTunnels } from "./bench/tunnels.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { rounds: { type: "string", default: "3" }, only: { type: "string", multiple: true } },
});
const rounds = Number(values.rounds) || 3;
const { only } = values;
const log = (text: string) => console.error(`  ${text}`);

if (only === undefined) console.log(markdownTable(measureHandshakes(rounds, log)));
const lacking = unmet([...PACKET_PLANE, "wg", "wireguard-go", "iperf3"]);
if (lacking === undefined) {
  if (only === undefined) console.log(`\n${markdownTable(await measureStarts(rounds, log))}`);
  const tunnels = await measureTunnels({ rounds, only, log });
  const [weft = "", baseline = "", wireGuardGo = ""] = tunnels.columns;
  console.log(`\n${markdownTable(tunnels, [[weft, wireGuardGo], [baseline, wireGuardGo]])}`);
} else {
  console.error(`left out tunnels and starts: ${lacking}`);
}
console.log(
  `\n${rounds} rounds in turn; Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores shared by both ends, ` +
    `Linux ${Deno.osRelease()}, network namespaces joined by a bridge.`,
);
