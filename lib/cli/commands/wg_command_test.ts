import assert from "node:assert/strict";
import { SamplePorts } from "../testing/sample_ports.ts";
import { makeProgram } from "../weft.ts";
import { withoutWgQuick } from "./wg_command.ts";

const cases: readonly (readonly [readonly string[], string | undefined, readonly string[]])[] = [
  [["wg0"], "weft", ["wg", "wg0"]],
  [["wg0"], undefined, ["wg0"]],
  [["status"], "weft", ["status"]],
  [["--leader"], "weft", ["--leader"]],
  [["wg0", "up"], "weft", ["wg0", "up"]],
  [["a-name-that-is-too-long"], "weft", ["a-name-that-is-too-long"]],
  [[], "weft", []],
];

Deno.test("withoutWgQuick() takes a bare name for an interface only under wg-quick", () => {
  const program = makeProgram({ ports: new SamplePorts(), exitCode: 0 });
  for (const [args, variable, expected] of cases) {
    const environment = { WG_QUICK_USERSPACE_IMPLEMENTATION: variable };
    assert.deepEqual(withoutWgQuick(args, environment, program), expected, args.join(" "));
  }
});
