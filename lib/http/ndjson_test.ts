import assert from "node:assert/strict";
import { jsonResult, ndjsonResponse } from "./ndjson.ts";

const never = new AbortController().signal;

Deno.test("jsonResult() gives bytes a property of their own, and nothing is null", () => {
  assert.deepEqual(jsonResult({ a: 1 }), { result: { a: 1 } });
  assert.deepEqual(jsonResult(undefined), { result: null });
  assert.deepEqual(jsonResult(Uint8Array.of(0, 255)), { base64: "AP8=" });
});

Deno.test("ndjsonResponse() begins with an empty line, ends where the values end, and ends its source once", async () => {
  const values = [{ a: 1 }, { b: "two\nlines" }];
  let ended = 0;
  const response = ndjsonResponse(() => Promise.resolve(values.shift()), () => void ended++, never);
  assert.equal(await response.text(), '\n{"a":1}\n{"b":"two\\nlines"}\n');
  assert.equal(ended, 1);
});

Deno.test("ndjsonResponse() ends its source when that fails, when its reader leaves, and when it is gone before", async () => {
  let ended = 0;
  const failing = ndjsonResponse(() => Promise.reject(new TypeError("a bug")), () => void ended++, never);
  await assert.rejects(failing.text(), TypeError);
  assert.equal(ended, 1);
  const left = ndjsonResponse(() => new Promise(() => {}), () => void ended++, never);
  await left.body?.cancel();
  assert.equal(ended, 2);
  const gone = ndjsonResponse(() => new Promise(() => {}), () => void ended++, AbortSignal.abort());
  assert.equal(await gone.text(), "\n");
  assert.equal(ended, 3);
});
