// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:cores`: measures a sender alone, weft with several numbers of workers and wireguard-go in turn, and
 * prints a markdown table (root, Linux). `WIREGUARD_GO` names another build; `--rounds N` says how often, and
 * `--workers 1,2,4` with how many.
 * @module
 */

import { parseArgs } from "node:util";
import { PACKET_PLANE, unmet } from "../tests/lab/mod.ts";
import { measureSenders } from "./bench/cores/sender_alone.ts";
import { markdownTable } from "./bench/samples.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { rounds: { type: "string", default: "5" }, workers: { type: "string", default: "1,2" } },
});
const lacking = unmet([...PACKET_PLANE, "wg", "wireguard-go", "nft"]);
if (lacking !== undefined) {
  console.error(`left out: ${lacking}`);
  Deno.exit(1);
}
const table = await measureSenders({
  rounds: Number(values.rounds) || 5,
  workers: values.workers.split(",").map(Number).filter((count) => count >= 1 && count <= 16),
  log: (text) => console.error(`  ${text}`),
});
const [one = "", ...others] = table.columns;
console.log(markdownTable(table, [
  ...others.map((name) => [name, one] as const),
  ...table.columns.slice(0, -1).map((name) => [name, table.columns.at(-1) ?? ""] as const),
]));
console.log(
  `\nDeno ${Deno.version.deno}, ${navigator.hardwareConcurrency} processors, of which the source has its share, ` +
    `Linux ${Deno.osRelease()}.`,
);
