import assert from "node:assert/strict";
import { jsonResult, lines } from "./streams.ts";

const never = new AbortController().signal;

Deno.test("jsonResult() gives bytes a property of their own, and nothing is null", () => {
  assert.deepEqual(jsonResult({ a: 1 }), { result: { a: 1 } });
  assert.deepEqual(jsonResult(undefined), { result: null });
  assert.deepEqual(jsonResult(Uint8Array.of(0, 255)), { base64: "AP8=" });
});

Deno.test("lines() ends where the values end, and ends its source once", async () => {
  const values = [1, 2];
  let ended = 0;
  const all = lines(() => Promise.resolve(values.shift()), () => void ended++, never);
  assert.deepEqual(await Array.fromAsync(all), [1, 2]);
  assert.equal(ended, 1);
});

Deno.test("lines() ends its source when that fails, when its reader leaves, and when it is gone before", async () => {
  let ended = 0;
  const end = () => void ended++;
  const failing = lines(() => Promise.reject(new TypeError("a bug")), end, never);
  await assert.rejects(Array.fromAsync(failing), TypeError);
  assert.equal(ended, 1);
  const left = lines(() => new Promise(() => {}), end, never)[Symbol.asyncIterator]();
  void left.next();
  await left.return?.();
  assert.equal(ended, 2);
  assert.deepEqual(await Array.fromAsync(lines(() => new Promise(() => {}), end, AbortSignal.abort())), []);
  assert.equal(ended, 3);
  const gone = new AbortController();
  void lines(() => new Promise(() => {}), end, gone.signal);
  gone.abort();
  assert.equal(ended, 4);
});
