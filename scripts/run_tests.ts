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
import { judge, readRepeatable, readSlowest, type TestRun } from "./test_report.ts";

/** Tests that wait for other processes leave the processor to others, so a few more files than cores may run. */
const JOBS = Math.max(2, navigator.hardwareConcurrency + 1);

/** Above any honest run; a hang must not last for ever. */
const BOUND_MS = (Deno.env.get("WEFT_TEST_THOROUGH") === "1" ? 60 : 30) * 60_000;

/** Names the bundle of the program to the tests. */
const PROGRAM_VARIABLE = "WEFT_TEST_PROGRAM";

const root = new URL("../", import.meta.url);
/** What is no path: options, and the values that stand behind them. */
const options = Deno.args.filter((argument) => argument.startsWith("-") || !exists(argument));
const paths = options.length < Deno.args.length
  ? []
  // The long ones first: what is short fills the gaps at the end.
  : ["tests", "scripts", "lib", "drivers", "mod.ts"];

const startedAt = performance.now();
const directory = await Deno.makeTempDir({ prefix: "weft-test-program-" });
// Tests also start it as somebody who is not root.
await Deno.chmod(directory, 0o755);
const program = await bundleProgram(fileURLToPath(root), directory);
const run = await runTests(["--parallel", ...Deno.args, ...paths]);
const repeated = new Map<string, TestRun>();
for (const { file, options: filter } of readRepeatable(run.output)) {
  console.log(`\nwhat failed of ${file} is repeated alone`);
  repeated.set(file, await runTests([...filter.length > 0 ? filter : options, file]));
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

/** Runs `deno test` with `given`, and passes on what it prints. */
async function runTests(given: readonly string[]): Promise<TestRun> {
  const child = new Deno.Command(Deno.execPath(), {
    // Types are the linter's business.
    args: ["test", "--allow-all", "--no-check", "--doc", ...given],
    cwd: root,
    env: { NO_COLOR: "1", [PROGRAM_VARIABLE]: program, DENO_JOBS: Deno.env.get("DENO_JOBS") ?? String(JOBS) },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const timer = setTimeout(() => {
    console.error(`the tests did not end within ${BOUND_MS / 60_000} minutes and are stopped`);
    child.kill("SIGKILL");
  }, BOUND_MS);
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    await Deno.stdout.write(new TextEncoder().encode(text));
  }
  const { code } = await child.status;
  clearTimeout(timer);
  return { output, code };
}
