import assert from "node:assert/strict";
import { jsonLines } from "./json_lines.ts";

function read(...chunks: readonly (string | Uint8Array)[]): Promise<unknown[]> {
  const encoder = new TextEncoder();
  const bytes = chunks.map((chunk) => typeof chunk === "string" ? encoder.encode(chunk) : chunk);
  return Array.fromAsync(jsonLines(ReadableStream.from(bytes)));
}

const cases: readonly (readonly [string, readonly (string | Uint8Array)[], readonly unknown[]])[] = [
  ["nothing", [], []],
  ["empty lines", ["\n\n", "1\n", "\n"], [1]],
  ["several in a chunk", ['{"a":1}\n[2]\n"3"\n'], [{ a: 1 }, [2], "3"]],
  ["one in several chunks", ['{"a"', ":", "1}", "\n"], [{ a: 1 }]],
  ["a last one without an end", ["1\n2"], [1, 2]],
  [
    "a character that is cut",
    [Uint8Array.of(0x22, 0xc3), Uint8Array.of(0xa4, 0x22, 0x0a)],
    ["ä"],
  ],
];
for (const [name, chunks, expected] of cases) {
  Deno.test(`jsonLines() reads ${name}`, async () => assert.deepEqual(await read(...chunks), expected));
}

Deno.test("jsonLines() fails at what is no JSON, after what was", async () => {
  const lines = jsonLines(ReadableStream.from([new TextEncoder().encode("1\n{\n")]));
  assert.deepEqual(await lines.next(), { done: false, value: 1 });
  await assert.rejects(lines.next(), SyntaxError);
});

Deno.test("jsonLines() ends the stream when its reader leaves", async () => {
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("1\n")),
    cancel: () => void (isCancelled = true),
  });
  for await (const line of jsonLines(stream)) {
    assert.equal(line, 1);
    break;
  }
  assert(isCancelled);
});
