// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task release [--tag v1.4.0] [--target TRIPLE] [--out FILE] [STEP…]`: takes the steps of a release, those that are named or all
 * that others do not see. What this machine can't do is skipped with its reason, unless it was named.
 * @module
 */

import { parseArgs } from "node:util";
import { Skipped, STEPS } from "./release/mod.ts";

const { values, positionals } = parseArgs({
  args: [...Deno.args],
  options: { tag: { type: "string" }, target: { type: "string" }, out: { type: "string" } },
  allowPositionals: true,
});
const unknown = positionals.find((name) => STEPS.every((step) => step.name !== name));
if (unknown !== undefined) {
  console.error(`There is no step ${unknown}: ${STEPS.map(({ name }) => name).join(", ")}`);
  Deno.exit(2);
}
for (const step of STEPS) {
  const isNamed = positionals.includes(step.name);
  if (positionals.length > 0 ? !isNamed : step.isPublic) continue;
  console.log(`${step.name}: ${step.what}`);
  try {
    console.log(await step.run(values));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    if (error instanceof Skipped && !isNamed) {
      console.log(`skipped: ${problem}`);
      continue;
    }
    console.error(`${step.name}: ${problem}`);
    Deno.exit(1);
  }
}
