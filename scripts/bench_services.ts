// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task bench:services`: measures requests and events of weft, NATS and Moleculer in turn on this machine and
 * prints markdown tables. `--rounds N` says how often, `--seconds N` how long each, `--only TEXT`, once or more, which, by
 * parts of `contender: step`. `NATS_SERVER` and `NODE` name other programs.
 * @module
 */

import { createScratch } from "../tests/lab/mod.ts";
import { markdownTable, Samples } from "./bench/samples.ts";
import { type Contender, findContenders, type Pair } from "./bench/services/contenders.ts";
import { type BenchOptions, isWanted, parseOptions } from "./bench/services/options.ts";
import { STEPS, TABLES, warmUp } from "./bench/services/steps.ts";

const options = readOptions();
const resources = new AsyncDisposableStack();
let isInterrupted = false;
let cleaning: Promise<void> | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    isInterrupted = true;
    cleanUp().finally(() => Deno.exit(130));
  });
}
try {
  const scratch = resources.use(await createScratch("bench-services"));
  const { contenders, notes } = await findContenders(resources, scratch.path);
  const wanted = contenders.filter(({ name }) => STEPS.some((step) => isWanted(options, name, step)));
  // Installing was cut short then, and nothing more may be started.
  if (isInterrupted) throw new Error("interrupted");
  printTables(await measure(wanted), wanted);
  console.log(
    `\n${options.rounds} rounds in turn of ${options.seconds} s; Deno ${Deno.version.deno}, ` +
      `${navigator.hardwareConcurrency} cores shared by all processes, Linux ${Deno.osRelease()}, loopback TCP. ` +
      "One process calls and publishes, one answers and holds all subscriptions: NATS sends it an event for each " +
      "of them, weft and Moleculer one for all. weft and NATS with TLS encrypt.",
  );
  for (const note of notes) console.log(`${note}.`);
  await cleanUp();
  Deno.exit(0);
} catch (error) {
  await cleanUp();
  if (!isInterrupted) console.error(error instanceof Error ? error.message : error);
  Deno.exit(isInterrupted ? 130 : 1);
}

function cleanUp(): Promise<void> {
  return cleaning ??= resources.disposeAsync();
}

function readOptions(): BenchOptions {
  try {
    return parseOptions(Deno.args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}

async function measure(contenders: readonly Contender[]): Promise<ReadonlyMap<string, Samples>> {
  const pairs: (readonly [string, Pair])[] = [];
  for (const one of contenders) pairs.push([one.name, await one.open(resources)]);
  for (const [, pair] of pairs) await warmUp(pair);
  const names = contenders.map(({ name }) => name);
  const samples = new Map(Object.keys(TABLES).map((table) => [table, new Samples(names)]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const step of STEPS) {
      // Each by each, so that a machine that slows down slows all alike.
      for (const [name, pair] of pairs.filter(([name]) => isWanted(options, name, step))) {
        console.error(`  round ${round}, ${name}: ${step.what}`);
        await step.run(pair, options.seconds * 1000, (table, row, value) => {
          samples.get(table)?.add(row, name, value);
        });
      }
    }
  }
  return samples;
}

function printTables(samples: ReadonlyMap<string, Samples>, contenders: readonly Contender[]): void {
  const [own, ...others] = contenders.map(({ name }) => name);
  const compare = own === "weft" ? others.map((name) => [own, name] as const) : [];
  for (const [table, head] of Object.entries(TABLES)) {
    const { columns, rows } = samples.get(table)?.table ?? { columns: [], rows: [] };
    if (rows.length === 0) continue;
    const isMeasured = (column: string) => rows.some(({ values }) => values.has(column));
    const ratios = compare.filter(([, other]) => isMeasured(other));
    console.log(`\n${head}:\n\n${markdownTable({ columns: columns.filter(isMeasured), rows }, ratios)}`);
  }
}
