import assert from "node:assert/strict";
import { type AnyCommand, commandNamed, MEANT } from "./command_tree.ts";
import { SamplePorts } from "./testing/sample_ports.ts";
import { makeProgram } from "./weft.ts";

Deno.test("what words of other tools are said to mean are commands, and the words are none", () => {
  const program = makeProgram({ ports: new SamplePorts(), exitCode: 0 });
  const isShown = (word: string) => commandNamed(program, word) !== undefined && word !== "explain";
  for (const [word, hint] of Object.entries(MEANT)) {
    assert(!isShown(word), word);
    for (const [, line = ""] of hint.matchAll(/`weft ([^`]*)`/g)) {
      let command: AnyCommand = program;
      for (const each of line.split(" ")) {
        if (command.commands.length === 0 || !/^[a-z-]+$/.test(each) || each.startsWith("--")) break;
        command = commandNamed(command, each) ?? assert.fail(line);
      }
    }
  }
});
