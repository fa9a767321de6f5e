import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { labTest } from "../lab/mod.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

labTest("Simulation: a node takes as much memory among 800 as among 200", ["thorough"], async () => {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "-A",
      "--no-check",
      "--v8-flags=--expose-gc",
      "--config",
      `${root}deno.json`,
      `${root}tests/simulation/memory_program.ts`,
      "200",
      "800",
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.match(text, /^\[\d+,\d+\]\n$/, new TextDecoder().decode(stderr));
  const [few = 0, many = 0] = JSON.parse(text) as number[];
  assert.ok(few > 0 && many < 1.3 * few, text);
  assert.ok(many < 80 * 1024, text);
});
