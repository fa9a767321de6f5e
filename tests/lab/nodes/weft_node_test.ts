import assert from "node:assert/strict";
import { joinToken, labTest, residentBytes, sourceCommand, weftCommand } from "../mod.ts";

Deno.test("joinToken() takes the one line that is a join command and nothing else", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["weft --join weft1-Ab_9-z", "weft1-Ab_9-z"],
    ["on the other machines:\n\nweft --join weft1-a\n\nmore\n", "weft1-a"],
    ["  weft --join weft1-a", undefined],
    ["weft --join weft1-a now", undefined],
    ["weft --join weft2-a", undefined],
    ["", undefined],
  ];
  for (const [output, expected] of cases) assert.equal(joinToken(output), expected, output);
});

Deno.test("weftCommand() and sourceCommand() run this project's program with this Deno, or WEFT_BINARY", () => {
  const binary = Deno.env.get("WEFT_BINARY");
  if (binary !== undefined) return assert.deepEqual(weftCommand("status"), [binary, "status"]);
  for (
    const [command, entry] of [[weftCommand, /\/main\.(ts|js)$/], [sourceCommand, /\/main\.ts$/]] as const
  ) {
    const [program, ...args] = command("status");
    assert.equal(program, Deno.execPath());
    assert.equal(args.at(-1), "status");
    assert.match(args.at(-2) ?? "", entry);
  }
});

labTest("residentBytes() reads the memory of a process", ["linux"], () => {
  assert(residentBytes(Deno.pid) > 10_000_000);
  assert.throws(() => residentBytes(2 ** 30));
  return Promise.resolve();
});
