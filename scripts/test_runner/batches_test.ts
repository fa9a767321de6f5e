import assert from "node:assert/strict";
import { type Batch, batchModule, planBatches } from "./batches.ts";
import { readFailed, readTotals } from "./test_report.ts";

const root = new URL("../../", import.meta.url);

Deno.test("planBatches() has every file once: those that wait alone, the longest first, and units by folder", () => {
  const many = Array.from({ length: 90 }, (_, i) => `./lib/agent/${String(i).padStart(2, "0")}_test.ts`);
  const files = [
    ...many,
    "./lib/net/trie/deep_test.ts",
    "./lib/net/cidr_test.ts",
    "./scripts/house/mod_test.ts",
    "./tests/e2e/a_test.ts",
    "./tests/e2e/documentation/command_lines_test.ts",
    "./drivers/drivers_test.ts",
  ];
  const { waiting, units } = planBatches(files);
  assert.deepEqual([...waiting, ...units].flatMap((batch) => batch.files).sort(), [...files].sort());
  assert.deepEqual(waiting.map(({ name }) => name), [
    "./tests/e2e/documentation/command_lines_test.ts",
    "./scripts/house/mod_test.ts",
    "./tests/e2e/a_test.ts",
  ]);
  assert.deepEqual(units.find(({ name }) => name === "./lib/net")?.files, [
    "./lib/net/cidr_test.ts",
    "./lib/net/trie/deep_test.ts",
  ]);
  const ofAgent = units.filter(({ name }) => name.startsWith("./lib/agent")).map((batch) =>
    batch.files.length
  );
  assert.deepEqual(ofAgent, [30, 30, 30]);
});

Deno.test("batchModule() makes a module whose tests are named by their files, in every form", async () => {
  const output = await runBatch({
    "one_test.ts": `Deno.test("x", () => {});
Deno.test({ name: "y", ignore: true, fn: () => {} });
Deno.test("steps", async (test) => { await test.step("inner", () => {}); });`,
    "two_test.ts": `Deno.test("x", { permissions: "inherit" }, () => { throw new Error("boom"); });
Deno.test({ name: "y" }, () => { throw new Error("boom"); });`,
  });
  assert.match(output, /^one_test\.ts => x \.\.\. ok/m);
  assert.match(output, /^one_test\.ts => y \.\.\. ignored/m);
  assert.deepEqual(readTotals(output), { passed: 2, failed: 2, ignored: 1 });
  assert.deepEqual(readFailed(output.replaceAll(/^(?=\w+_test)/gm, "./")), [
    { file: "./two_test.ts", test: "x" },
    { file: "./two_test.ts", test: "y" },
  ]);
});

Deno.test("batchModule() makes a module that fails when one of its files does not load", async () => {
  const output = await runBatch({
    "one_test.ts": `Deno.test("x", () => {});`,
    "two_test.ts": `throw new Error("boom");`,
  });
  assert.notEqual(readTotals(output)?.failed, 0, output);
});

/** Runs files by their texts. @returns what the runner prints */
async function runBatch(texts: Readonly<Record<string, string>>): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "weft-batch-" });
  try {
    for (const [name, text] of Object.entries(texts)) await Deno.writeTextFile(`${folder}/${name}`, text);
    const batch: Batch = { name: "x", files: Object.keys(texts) };
    const module = batchModule(batch, new URL(`file://${folder}/`))
      .replace(new URL("scripts/", `file://${folder}/`).href, new URL("scripts/", root).href);
    await Deno.writeTextFile(`${folder}/batch_test.ts`, module);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", "--no-config", "-A", `${folder}/batch_test.ts`],
      env: { NO_COLOR: "1" },
      stdin: "null",
      stderr: "null",
    }).output();
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
