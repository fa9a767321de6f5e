import assert from "node:assert/strict";
import { linkedProgram, ROOT } from "./linked_program.ts";

Deno.test("a program outside of the tree is tested with the kit, without a permission, as the README says", async () => {
  await using program = await linkedProgram();
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const [example = ""] = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = ""]) => text)
    .filter((text) => text.includes('from "@weft/mesh/testing"'));
  await Deno.writeTextFile(`${program.path}/readme_test.ts`, example);
  await Deno.copyFile(new URL("tested_consumer.ts", import.meta.url), `${program.path}/consumer_test.ts`);
  // Their types are looked at together with those of the other programs.
  const printed = await program.deno("test", "--no-check", "readme_test.ts", "consumer_test.ts");
  assert.match(printed, /2 passed \| 0 failed/);
});
