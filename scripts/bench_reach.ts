// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:reach`: two members in every pair of places, and a leader in the open: how soon the first packet passes
 * and the direct path stands, what it carries, and how long a TCP flow stands still while one end changes its network.
 * `--pairs KIND:KIND,…` measures those alone, and `--roaming FROM:TO:PARTNER,…` those changes; `none` leaves all of them
 * out; `--json FILE` keeps everything.
 * nebula is measured beside it where `NEBULA` or the PATH names it. Prints Markdown.
 * @module
 */

import { createScratch, PACKET_PLANE, programsOf, removeOwnNamespaces, unmet } from "../tests/lab/mod.ts";
import { type Cell, firstLine, measureCell } from "./bench/reach/cell.ts";
import { findNebula, weft } from "./bench/reach/contenders.ts";
import { parseOptions, type ReachOptions } from "./bench/reach/options.ts";
import { matrixTable, roamingTable, throughputTable } from "./bench/reach/report.ts";
import { measureJourney, type RoamingCell } from "./bench/reach/roaming.ts";

const options = readOptions();
const lacking = unmet([
  ...PACKET_PLANE,
  ...programsOf([...options.pairs, ...options.journeys.map((one) => [one.from, one.to, one.partner])].flat()),
  "iperf3",
  "timeout",
]);
if (lacking !== undefined) {
  console.error(`Cannot measure: ${lacking}`);
  Deno.exit(1);
}
await using stack = new AsyncDisposableStack();
const scratch = stack.use(await createScratch("reach"));
// All folders are made in here, so that one that is told to end leaves none.
Deno.env.set("TMPDIR", scratch.path);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    removeOwnNamespaces().then(() => scratch[Symbol.asyncDispose]()).finally(() => Deno.exit(130));
  });
}
const nebula = await findNebula(stack);
const contenders = nebula === undefined ? [weft] : [weft, nebula];
const names = contenders.map(({ name }) => name);
const log = (text: string) => console.error(`  ${text}`);

const cells: Cell[] = [];
for (const pair of options.pairs) {
  const startedAt = performance.now();
  try {
    const cell = await measureCell(pair, contenders);
    cells.push(cell);
    const paths = names.map((name) => {
      const { path, failure, says } = cell.results[name] ?? {};
      return `${name} ${path ?? failure ?? "none"}${says === undefined ? "" : ` (says ${says})`}`;
    });
    log(`${pair.join(" – ")}: ${paths.join(", ")}; ${Math.round((performance.now() - startedAt) / 1000)} s`);
  } catch (error) {
    log(`${pair.join(" – ")}: ${firstLine(error)}`);
  }
}
const journeys: RoamingCell[] = [];
for (const journey of options.journeys) {
  log(`${journey.from} – ${journey.to}, with ${journey.partner}`);
  journeys.push(await measureJourney(journey, contenders, log));
}

if (options.json !== undefined) {
  await Deno.writeTextFile(options.json, `${JSON.stringify({ cells, journeys }, undefined, 2)}\n`);
}
console.log(matrixTable(cells, names));
console.log(`\n${throughputTable(cells, names)}`);
if (journeys.length > 0) console.log(`\n${roamingTable(journeys, names)}`);
console.log(
  `\nA leader in the open and two members, in network namespaces; Deno ${Deno.version.deno}, ` +
    `${navigator.hardwareConcurrency} cores shared by all, Linux ${Deno.osRelease()}. Times since both are members; a path is ` +
    "direct when its packets are not seen at the leader; in brackets the ratio.",
);

function readOptions(): ReachOptions {
  try {
    return parseOptions(Deno.args);
  } catch (error) {
    console.error(firstLine(error));
    Deno.exit(2);
  }
}
