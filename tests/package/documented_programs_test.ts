import assert from "node:assert/strict";
import {
  CapturedProcess,
  createScratch,
  documentationText,
  documentedPrograms,
  loopbackArgs,
  thisMachine,
  WeftNode,
} from "../lab/mod.ts";
import { linkedProgram } from "./linked_program.ts";

/** How long a program may take to join and to be told of the other, on a machine that is busy. */
const BOUND_MS = 30_000;

Deno.test("the programs of the documentation run as it says, also a second time", async () => {
  const guide = await documentationText();
  const programs = await documentedPrograms('@weft/mesh"');
  const [offering = "", calling = ""] = ["addService", "request"].map((method) =>
    programs.find((text) =>
      text.includes(`.${method}(`) && text.includes('import { Node } from "@weft/mesh"')
    )
  );
  await using program = await linkedProgram();
  await Deno.writeTextFile(`${program.path}/adder.ts`, offering);
  await Deno.writeTextFile(`${program.path}/caller.ts`, calling);

  await using scratch = await createScratch("readme");
  await using leader = new WeftNode(thisMachine, {
    name: "alpha",
    stateDir: `${scratch.path}/alpha`,
    args: loopbackArgs(),
  });
  const token = await leader.startLeader();

  const start = (file: string) => {
    const line = commandOf(guide, file).map((word) => word.startsWith("weft1-") ? token : word);
    return new CapturedProcess([Deno.execPath(), ...line.slice(1)], {
      cwd: program.path,
      env: { NO_COLOR: "1" },
      label: file,
    });
  };
  await using adder = start("adder.ts");
  await adder.until(
    ({ stdout }) => stdout.includes("adder offers math") || undefined,
    BOUND_MS,
    "it offers math",
  );
  for (const time of ["first", "second"]) {
    await using caller = start("caller.ts");
    const { code, stdout, stderr } = await caller.until((process) => process.ended, BOUND_MS, "it ends");
    assert.equal(code, 0, `the ${time} time: ${stderr}`);
    assert.equal(stdout, "3\n");
  }
});

/** @returns the words of the command line with which the documentation runs a file */
function commandOf(guide: string, file: string): readonly string[] {
  const lines = guide.replaceAll("\\\n", " ").split("\n");
  const line = lines.find((each) => each.startsWith("$ deno run") && each.includes(` ${file} `));
  assert.ok(line, `the documentation runs ${file}`);
  return line.slice(2).split(/\s+/);
}
