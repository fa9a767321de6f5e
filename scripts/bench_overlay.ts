// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:overlay`: measures overlay networks in memory, in the clear over veth and inside the mesh, and beside
 * them the kernel's vxlan, Open vSwitch's userspace datapath and the mesh's own IP, in turn, and prints markdown tables.
 * `--rounds N` says how often, and `--only DRIVER`, once or more, measures those drivers alone. Lookups and memory of the
 * switch are `deno task bench:switch`.
 * @module
 */

import { parseArgs } from "node:util";
import { Lab, OPEN_VSWITCH, PACKET_PLANE, unmet } from "../tests/lab/mod.ts";
import { COLUMNS, DRIVERS, hostNames, startCarriers } from "./bench/overlay/carriers.ts";
import { measureInMemory } from "./bench/overlay/in_memory.ts";
import { measureCarriers } from "./bench/overlay/steps.ts";
import { markdownTable } from "./bench/samples.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { rounds: { type: "string", default: "3" }, only: { type: "string", multiple: true } },
});
const rounds = Number(values.rounds) || 3;
const drivers = DRIVERS.filter((name) => values.only?.includes(name) ?? true);

console.log(
  `In memory: switched, wrapped, read and switched again.\n\n${markdownTable(measureInMemory(rounds))}\n`,
);
const lacking = unmet([...PACKET_PLANE, ...OPEN_VSWITCH, "iperf3"]);
if (lacking === undefined) {
  await using lab = await Lab.create(hostNames(drivers));
  const carriers = await startCarriers(lab, drivers);
  const table = await measureCarriers(carriers, rounds, (text) => console.error(`  ${text}`));
  const { plain, kernel, vswitch, mesh, inner } = COLUMNS;
  console.log(`Over veth.\n\n${markdownTable(table, [[plain, vswitch], [plain, kernel], [mesh, inner]])}`);
} else console.error(`left out all that is carried between hosts: ${lacking}`);
console.log(
  `\n${rounds} rounds in turn; Deno ${Deno.version.deno}, ${navigator.hardwareConcurrency} cores shared by both ends, ` +
    `Linux ${Deno.osRelease()}, network namespaces joined by a bridge, inner MTU 1370.`,
);
