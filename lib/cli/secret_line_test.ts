import assert from "node:assert/strict";
import { CommandError } from "./failure.ts";
import { readSecretLine, type SecretSource } from "./secret_line.ts";

function source(...pieces: readonly string[]): SecretSource {
  const left = pieces.map((piece) => new TextEncoder().encode(piece));
  return {
    read(into) {
      const piece = left.shift();
      if (piece !== undefined) into.set(piece);
      return Promise.resolve(piece?.length ?? null);
    },
  };
}

const lines: readonly (readonly [string, boolean, readonly string[], string])[] = [
  ["one line of a pipe, and nothing behind it", false, ["weft1-ab", "c\nmore", "never"], "weft1-abc"],
  ["a pipe that ends without a line end", false, ["weft1-abc"], "weft1-abc"],
  ["an empty pipe", false, [], ""],
  ["what is typed until Return", true, ["w", "e", "ft", "\r", "x"], "weft"],
  ["what is typed until Ctrl-D", true, ["weft\x04"], "weft"],
  ["what is typed, without what was erased", true, ["wex\x7fft\x08t\r"], "weft"],
  ["what is typed after the line was killed", true, ["wrong\x15weft\r"], "weft"],
];
for (const [what, isTyped, pieces, line] of lines) {
  Deno.test(`readSecretLine() reads ${what}`, async () => {
    assert.equal(await readSecretLine(source(...pieces), isTyped), line);
  });
}

Deno.test("readSecretLine() gives up at Ctrl-C, and at a line without an end", async () => {
  await assert.rejects(readSecretLine(source("we\x03"), true), CommandError);
  const piece = "x".repeat(4_096);
  await assert.rejects(
    readSecretLine(source(...Array.from({ length: 17 }, () => piece)), false),
    CommandError,
  );
});
