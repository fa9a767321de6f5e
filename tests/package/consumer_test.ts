import assert from "node:assert/strict";
import { documentedPrograms, labTest } from "../lab/mod.ts";
import { linkedProgram } from "./linked_program.ts";

/** What programs are compiled with that use weft; the package's own options are not theirs. */
const OPTION_SETS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "without strict checks, with the types of browsers": {
    strict: false,
    erasableSyntaxOnly: true,
    lib: ["dom", "dom.iterable", "dom.asynciterable", "esnext", "deno.ns"],
  },
  "with every strict check": {
    strict: true,
    erasableSyntaxOnly: true,
    exactOptionalPropertyTypes: true,
    isolatedDeclarations: true,
    noFallthroughCasesInSwitch: true,
    noImplicitOverride: true,
    noImplicitReturns: true,
    noPropertyAccessFromIndexSignature: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    noUnusedParameters: true,
    verbatimModuleSyntax: true,
    lib: ["deno.window", "dom"],
  },
};

for (const [name, compilerOptions] of Object.entries(OPTION_SETS)) {
  labTest(`a program that uses the package is sound ${name}`, [], async () => {
    await using program = await linkedProgram(compilerOptions);
    const programs = await documentedPrograms("@weft/mesh");
    assert.ok(programs.length >= 2, "the documentation has programs that use the package");
    const files = ["consumer.ts", "tested_consumer.ts"];
    for (const file of files) {
      await Deno.copyFile(new URL(file, import.meta.url), `${program.path}/${file}`);
    }
    for (const [i, text] of programs.entries()) {
      files.push(`documented_${i}.ts`);
      await Deno.writeTextFile(`${program.path}/documented_${i}.ts`, text);
    }
    await program.deno("check", "--quiet", ...files);
  });
}
