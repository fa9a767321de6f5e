import assert from "node:assert/strict";
import { SamplePorts } from "./testing/sample_ports.ts";
import { main } from "./weft.ts";

const forgotten: readonly (readonly [name: string, args: readonly string[], says: RegExp])[] = [
  ["a token", ["--join", "--state", "/s"], /Missing value: --join <token>\nhint: .*`weft --join weft1-…`/],
  [
    "a directory",
    ["status", "--state", "--json"],
    /Missing value: -s, --state <directory>\nhint: .*`weft status/,
  ],
  ["a directory before more", ["status", "--state", "--state", "/s"], /Missing value: -s, --state/],
  ["a value of a subcommand's option", ["token", "create", "--uses", "--json"], /Missing value: --uses/],
];
for (const [name, args, says] of forgotten) {
  Deno.test(`main() takes no option for the value of another: ${name}`, async () => {
    const ports = new SamplePorts();
    assert.equal(await main(args, ports), 2);
    assert.match(ports.stderr, says);
    assert.deepEqual([ports.stdout, ports.diary], ["", []]);
  });
}

Deno.test("main() takes a value that looks like an option, where it is none or is told apart", async () => {
  for (const args of [["publish", "a/b", "--", "--json", "--mode", "--json"], ["--join", "--nothing"]]) {
    const ports = new SamplePorts();
    await main(args, ports);
    assert.doesNotMatch(ports.stderr, /Missing value/);
  }
});
