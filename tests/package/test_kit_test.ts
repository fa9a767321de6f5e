import assert from "node:assert/strict";
import { documentedPrograms } from "../lab/mod.ts";
import { linkedProgram } from "./linked_program.ts";

Deno.test("a program outside of the tree is tested with the kit, without a permission, as the documentation says", async () => {
  await using program = await linkedProgram();
  const [example = ""] = await documentedPrograms('@weft/mesh/testing"');
  await Deno.writeTextFile(`${program.path}/readme_test.ts`, example);
  await Deno.copyFile(new URL("tested_consumer.ts", import.meta.url), `${program.path}/consumer_test.ts`);
  // Their types are looked at together with those of the other programs.
  const printed = await program.deno("test", "--no-check", "readme_test.ts", "consumer_test.ts");
  assert.match(printed, /2 passed \| 0 failed/);
});
