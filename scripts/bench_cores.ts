// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:cores`: measures a sender alone, and a receiver alone, weft with several numbers of workers and
 * wireguard-go in turn, and prints markdown tables (root, Linux). `WIREGUARD_GO` names another build; `--rounds N` says
 * how often, `--workers 1,2,4` with how many, and `--only sender` or `receiver` leaves the other out.
 * @module
 */

import { parseArgs } from "node:util";
import { PACKET_PLANE, unmet } from "../tests/lab/mod.ts";
import { measureSenders } from "./bench/cores/sender_alone.ts";
import { measureReceivers } from "./bench/cores/receiver_alone.ts";
import { markdownTable } from "./bench/samples.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "5" },
    workers: { type: "string", default: "1,2" },
    only: { type: "string" },
  },
});
const lacking = unmet([...PACKET_PLANE, "wg", "wireguard-go", "nft"]);
if (lacking !== undefined) {
  console.error(`left out: ${lacking}`);
  Deno.exit(1);
}
const options = {
  rounds: Number(values.rounds) || 5,
  workers: values.workers.split(",").map(Number).filter((count) => count >= 1 && count <= 16),
  log: (text: string) => console.error(`  ${text}`),
};
for (const [end, measure] of [["sender", measureSenders], ["receiver", measureReceivers]] as const) {
  if (values.only !== undefined && values.only !== end) continue;
  const table = await measure(options);
  const [one = "", ...others] = table.columns;
  console.log(`A ${end} alone:\n`);
  console.log(markdownTable(table, [
    ...others.map((name) => [name, one] as const),
    ...table.columns.slice(0, -1).map((name) => [name, table.columns.at(-1) ?? ""] as const),
  ]));
  console.log("");
}
console.log(
  `Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} processors, of which the source has its share, ` +
    `Linux ${Deno.osRelease()}.`,
);
