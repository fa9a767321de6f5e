// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task test`: runs every test, says what was skipped and why, and ends with the line `N passed, N failed`.
 * Arguments are handed to `deno test`, for example `deno task test tests/e2e --filter join`. What failed is run
 * once more, alone: bounds in time are for a machine that is not busy with the other files. With
 * `WEFT_TEST_THOROUGH=1` (`deno task test:thorough`) it runs what only is a variant too, and what takes long.
 * @module
 */

import { fileURLToPath } from "node:url";
import { bundleProgram } from "./release/bundle.ts";
import { type Batch, batchModule, planBatches } from "./test_runner/batches.ts";
import { judge, mergeRuns, readRepeatable, readSlowest, type TestRun } from "./test_runner/test_report.ts";

/** Tests that wait for other processes leave the processor to others, so a few more files than cores may run. */
const JOBS = Math.max(2, Number(Deno.env.get("DENO_JOBS") ?? navigator.hardwareConcurrency + 1));

/** Above any honest run; a hang must not last for ever. */
const BOUND_MS = (Deno.env.get("WEFT_TEST_THOROUGH") === "1" ? 60 : 30) * 60_000;

/** Names the bundle of the program to the tests. */
const PROGRAM_VARIABLE = "WEFT_TEST_PROGRAM";

/** What `deno task test` runs. */
const FOLDERS = ["tests", "scripts", "lib", "drivers"];

const root = new URL("../", import.meta.url);
/** What is no path: options, and the values that stand behind them. */
const options = Deno.args.filter((argument) => argument.startsWith("-") || !exists(argument));

let modules = 0;
const startedAt = performance.now();
const directory = await Deno.makeTempDir({ prefix: "weft-test-program-" });
// Tests also start it as somebody who is not root.
await Deno.chmod(directory, 0o755);
const program = await bundleProgram(fileURLToPath(root), directory);
const run = Deno.args.length === 0 ? await runAll() : await runGiven();
const repeated = new Map<string, TestRun>();
for (const { file, options: filter } of readRepeatable(run.output)) {
  console.log(`\nwhat failed of ${file} is repeated alone`);
  repeated.set(file, await runTests(["--doc", ...filter.length > 0 ? filter : options, file], print));
}
await Deno.remove(directory, { recursive: true });

const { lines, exitCode } = judge(run, repeated);
console.log(`took ${((performance.now() - startedAt) / 1000).toFixed(0)} s; the longest:`);
for (const { ms, test } of readSlowest(run.output, 12)) console.log(`  ${(ms / 1000).toFixed(1)} s ${test}`);
for (const line of lines) console.log(line);
Deno.exit(exitCode);

function exists(path: string): boolean {
  try {
    Deno.statSync(new URL(path, root));
    return true;
  } catch {
    return false;
  }
}

/** Runs what the arguments name: files side by side, a module each. */
function runGiven(): Promise<TestRun> {
  const paths = options.length < Deno.args.length ? [] : [...FOLDERS, "mod.ts"];
  return runTests(["--parallel", "--doc", ...Deno.args, ...paths], print);
}

/**
 * Runs everything, a process for each batch: what waits for other processes in all lanes but one, and units beside it,
 * so that neither is left over for the end. What one printed is passed on when it has ended.
 */
async function runAll(): Promise<TestRun> {
  const { waiting, units } = planBatches(await testFiles());
  const runs: TestRun[] = [];
  const steps = (batches: readonly Batch[]) => batches.map((batch) => () => runBatch(batch));
  const slow = steps(waiting);
  const fast = [runExamples, ...steps(units)];
  const lane = async (first: (() => Promise<TestRun>)[], second: (() => Promise<TestRun>)[]) => {
    for (let next; (next = first.shift() ?? second.shift()) !== undefined;) {
      const ended = await next();
      runs.push(ended);
      await print(ended.output);
    }
  };
  await Promise.all(Array.from({ length: JOBS }, (_, i) => i === 0 ? lane(fast, slow) : lane(slow, fast)));
  return mergeRuns(runs);
}

/** @returns the files of tests, `./lib/x_test.ts` */
async function testFiles(): Promise<readonly string[]> {
  const found: string[] = [];
  const visit = async (folder: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(new URL(`${folder}/`, root))) {
      if (isDirectory) await visit(`${folder}/${name}`);
      else if (/_test\.tsx?$/.test(name)) found.push(`${folder}/${name}`);
    }
  };
  for (const folder of FOLDERS) await visit(`./${folder}`);
  return found;
}

async function runBatch(batch: Batch): Promise<TestRun> {
  const path = `${directory}/batch_${++modules}_test.ts`;
  await Deno.writeTextFile(path, batchModule(batch, root));
  const config = fileURLToPath(new URL("deno.json", root));
  // Side by side, though it is one: no word on a test that takes long gets between its name and its outcome then.
  const { output, code } = await runTests(["--parallel", "--config", config, path], undefined, "1");
  const named = output.replaceAll(/^\S*\/batch_\d+_test\.ts => /gm, "");
  // Whoever looks for a batch that was killed, or did not load, has its name.
  return { output: code === 0 ? named : `${named}\n${batch.name} ended with code ${code}\n`, code };
}

/** Examples in the documentation are modules of their own. */
function runExamples(): Promise<TestRun> {
  return runTests(
    ["--parallel", "--doc", "--ignore=**/*_test.ts,**/*_test.tsx", ...FOLDERS, "mod.ts"],
    undefined,
    "1",
  );
}

async function print(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

/** Runs `deno test` with `given`. @param meanwhile what it prints is passed to it */
async function runTests(
  given: readonly string[],
  meanwhile?: (text: string) => Promise<void>,
  jobs = String(JOBS),
): Promise<TestRun> {
  const child = new Deno.Command(Deno.execPath(), {
    // Types are the linter's business.
    args: ["test", "--allow-all", "--no-check", ...given],
    cwd: root,
    env: { NO_COLOR: "1", [PROGRAM_VARIABLE]: program, DENO_JOBS: jobs },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const timer = setTimeout(() => {
    console.error(
      `the tests did not end within ${BOUND_MS / 60_000} minutes and are stopped: ${given.join(" ")}`,
    );
    child.kill("SIGKILL");
  }, BOUND_MS);
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    await meanwhile?.(text);
  }
  const { code } = await child.status;
  clearTimeout(timer);
  return { output, code };
}
