import assert from "node:assert/strict";
import fc from "fast-check";
import type { Document } from "../../../data/mod.ts";
import { csvCell, csvText, readValues, type ValueFormat } from "./value_files.ts";

async function read(text: string, format: ValueFormat, isText = false, chunkBytes = 7) {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at += chunkBytes));
    },
  });
  const found: [number, Document][] = [];
  for await (const { value, line } of readValues(stream, "file", format, isText)) found.push([line, value]);
  return found;
}

Deno.test("lines of JSON are read with their numbers, wherever the stream is cut", async () => {
  const text = '{"id":1,"name":"ü"}\n\n{"id":2}\r\n{"id":3}';
  for (const chunkBytes of [1, 2, 7, 100]) {
    assert.deepEqual(await read(text, "jsonl", false, chunkBytes), [
      [1, { id: 1, name: "ü" }],
      [3, { id: 2 }],
      [4, { id: 3 }],
    ]);
  }
  await assert.rejects(read('{"id":1}\n{"id":', "jsonl"), /line 2 of file: it is no JSON/);
  await assert.rejects(read("x".repeat(2 << 20), "jsonl", false, 1 << 16), /line 1 of file: it is longer/);
});

Deno.test("CSV is read with the numbers of its lines, and what is malformed is named by its line", async () => {
  const text = '\ufeffid,name,total\n1,"Ann, ""A""\nSmith",10.5\n2,,"[1,2]"\n007,true,\n';
  assert.deepEqual(await read(text, "csv"), [
    [2, { id: 1, name: 'Ann, "A"\nSmith', total: 10.5 }],
    [4, { id: 2, total: [1, 2] }],
    [5, { id: "007", name: true }],
  ]);
  assert.deepEqual((await read(text, "csv", true))[2], [5, { id: "007", name: "true" }]);
  await assert.rejects(read("id,name\n1,a\n2,b,c\n", "csv"), /line 3 of file/);
  await assert.rejects(read('id,name\n1,"a\n', "csv"), /line \d of file/);
  assert.deepEqual(await read("id,name\n", "csv"), []);
});

Deno.test("what is written as CSV is read as it was", async () => {
  const value = fc.oneof(
    fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
    fc.constantFrom("", "1", "true", "null", '"', '"a"', "[1]", " 7", "007", "a\r\nb"),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => Object.is(one, -0) ? 0 : one),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.string(), { maxLength: 3 }),
  );
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(value, value), { maxLength: 5 }), async (rows) => {
    const cells = rows.map((row, id) => [`${id}`, ...row.map(csvCell)]);
    const found = await read(csvText([["id", "a", "b"], ...cells]), "csv");
    assert.deepEqual(found.map(([, value]) => value), rows.map(([a, b], id) => ({ id, a, b })));
  }));
});
