import assert from "node:assert/strict";
import { duplexPair } from "./duplex.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

Deno.test("duplexPair() carries bytes both ways, each way to its own end", async () => {
  const [a, b] = duplexPair();
  assert.equal(await a.write(bytes(1, 2)), true);
  assert.deepEqual(await b.read(), bytes(1, 2));
  a.end();
  assert.equal(await b.read(), undefined);
  assert.equal(await b.write(bytes(3)), true);
  assert.deepEqual(await a.read(), bytes(3));
  assert.equal(await a.write(bytes(4)), false);
});

Deno.test("duplexPair() lets a writer wait for a slow reader", async () => {
  const [a, b] = duplexPair();
  assert.equal(await a.write(new Uint8Array(300_000)), true);
  let isWritten = false;
  const writing = a.write(bytes(9)).then((written) => isWritten = written);
  await Promise.resolve();
  assert.equal(isWritten, false);
  assert.equal((await b.read())?.length, 300_000);
  assert.equal(await writing, true);
});

Deno.test("duplexPair() is reset from either end, once, and lets go whoever waits", async () => {
  const [a, b] = duplexPair();
  const reading = a.read();
  await b.write(bytes(1));
  assert.deepEqual(await reading, bytes(1));
  const waiting = a.read();
  b.reset(5);
  a.reset(6);
  assert.equal(await waiting, undefined);
  assert.deepEqual([a.resetCode, b.resetCode], [5, 5]);
  assert.equal(await a.write(bytes(1)), false);
});
