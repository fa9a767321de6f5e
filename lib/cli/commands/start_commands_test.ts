import assert from "node:assert/strict";
import { SamplePorts } from "../testing/sample_ports.ts";
import { main } from "../weft.ts";

const refused: readonly (readonly [name: string, token: string, says: RegExp])[] = [
  ["is empty", "", /the token is empty\nhint: A variable .*`weft token create`/],
  ["is two words", "weft1-abc def", /no join token\nhint: There is a space or a line end/],
  ["is broken into lines, of which one would be shown", "weft1-abc\ndef", /a space or a line end/],
  ["is something else", "banana", /no join token\nhint: A token begins with weft1-/],
];
for (const [name, token, says] of refused) {
  Deno.test(`weft --join refuses a token that ${name}`, async () => {
    const ports = new SamplePorts();
    assert.equal(await main(["--join", token], ports), 2);
    assert.match(ports.stderr, says);
    assert.deepEqual(ports.diary, []);
  });
}

Deno.test("weft --join-file takes a token that a mail has broken, and the whole command", async () => {
  for (
    const text of ["weft1-de\r\n  f\r\n", "sudo bin/weft --join weft1-d\nef", "\n weft --join=weft1-def \n"]
  ) {
    const ports = new SamplePorts();
    ports.files.set("t", text);
    const ended = main(["--join-file", "t"], ports);
    for (let turn = 0; turn < 5_000 && ports.stdout === ""; turn++) await Promise.resolve();
    ports.stopSignal();
    assert.equal(await ended, 0, ports.stderr);
    assert.equal(ports.diary[0], "join weft1-def");
  }
});
