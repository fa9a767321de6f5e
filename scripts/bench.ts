// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench`: measures weft and wireguard-go in turn on this machine and prints a markdown table. `WIREGUARD_GO` names
 * another build of wireguard-go; `--rounds N` says how often.
 * @module
 */

import { PACKET_PLANE, unmet } from "../tests/lab/mod.ts";
import { measureHandshakes } from "./bench/handshakes.ts";
import { markdownTable, type Row } from "./bench/samples.ts";
import { measureStarts } from "./bench/starts.ts";
import { measureTunnels, wireGuardGoVersion } from "./bench/tunnels.ts";

const rounds = Number(Deno.args[Deno.args.indexOf("--rounds") + 1] ?? NaN) || 5;
const log = (text: string) => console.error(`  ${text}`);

const rows: Row[] = [...measureHandshakes(rounds, log)];
const lacking = unmet([...PACKET_PLANE, "wg", "wireguard-go", "iperf3"]);
let peerName = "wireguard-go";
if (lacking === undefined) {
  peerName += ` ${await wireGuardGoVersion()}`;
  rows.push(...await measureStarts(rounds, log), ...await measureTunnels(rounds, log));
} else {
  console.error(`left out tunnels and starts: ${lacking}`);
}
console.log(markdownTable(peerName, rows));
console.log(
  `\n${rounds} rounds in turn; Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores shared by both ends, ` +
    `Linux ${Deno.osRelease()}, network namespaces joined by a bridge.`,
);
