// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:data`: measures puts, gets, transactions, deliveries of queues and watches, weft's from a member that is not the
 * owner, beside NATS, etcd and SQLite in turn, and prints markdown tables. `--rounds N` says how often, `--seconds N` how long each,
 * `--only TEXT`, once or more, which, by parts of `contender: step`.
 * @module
 */

import { createScratch } from "../tests/lab/mod.ts";
import type { Contender, DataBench } from "./bench/data/contenders.ts";
import { sqlite } from "./bench/data/sqlite.ts";
import { fill, STEPS, TABLES } from "./bench/data/steps.ts";
import { etcd } from "./bench/data/etcd.ts";
import { nats } from "./bench/data/nats.ts";
import { residentMegabytes } from "./bench/data/server_process.ts";
import { weft, weftOnNats, weftReplicated, weftSealed, weftSharded } from "./bench/data/weft.ts";
import { markdownTable, Samples } from "./bench/samples.ts";
import { isWanted, parseOptions } from "./bench/services/options.ts";

const CONTENDERS: readonly Contender[] = [
  ...[weft, weftOnNats, weftSealed, weftSharded, weftReplicated],
  ...[nats, etcd, sqlite],
];

const options = parseOptions(Deno.args);
await using resources = new AsyncDisposableStack();
const scratch = resources.use(await createScratch("bench-data"));
const wanted = CONTENDERS.filter(({ name }) => STEPS.some((step) => isWanted(options, name, step)));
const opened: (readonly [string, DataBench])[] = [];
for (const contender of wanted) {
  const folder = `${scratch.path}/${opened.length}`;
  await Deno.mkdir(folder);
  const bench = await contender.open(resources, folder);
  await fill(bench);
  opened.push([contender.name, bench]);
}
const samples = new Map(
  Object.keys(TABLES).map((table) => [table, new Samples(wanted.map(({ name }) => name))]),
);
for (let round = 1; round <= options.rounds; round++) {
  for (const step of STEPS) {
    // Each by each, so that a machine that slows down slows all alike.
    for (
      const [name, bench] of opened.filter(([name, bench]) =>
        step.suits(bench) && isWanted(options, name, step)
      )
    ) {
      console.error(`  round ${round}, ${name}: ${step.what}`);
      await step.run(bench, options.seconds * 1_000, (table, row, value) => {
        samples.get(table)?.add(row, name, value);
      });
    }
  }
}
for (const [table, head] of Object.entries(TABLES)) {
  console.log(`\n${head}:\n`);
  const columns = wanted.slice(1).map(({ name }) => ["weft", name] as const);
  const found = samples.get(table);
  if (found !== undefined) console.log(markdownTable(found.table, wanted[0] === weft ? columns : []));
}
for (const [name, { pid }] of opened) {
  if (pid !== undefined) {
    console.log(`${name}: ${residentMegabytes(pid).toFixed(0)} MB of memory of who keeps it`);
  }
}
console.log(
  `\n${options.rounds} rounds in turn of ${options.seconds} s; Deno ${Deno.version.deno}, ` +
    `${navigator.hardwareConcurrency} cores shared by all processes, Linux ${Deno.osRelease()}. Values of 100 bytes, ` +
    "1,000 keys; each write is on the disk when it is answered (SQLite: WAL, synchronous=FULL).",
);
