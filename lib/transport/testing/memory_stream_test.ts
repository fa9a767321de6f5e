import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../base/mod.ts";
import { readAll, testByteStream } from "./byte_stream_suite.ts";
import { memoryStreamPair } from "./memory_stream.ts";

testByteStream("memoryStreamPair()", () => Promise.resolve(memoryStreamPair()));
testByteStream("memoryStreamPair() of 997 bytes", () => {
  return Promise.resolve(memoryStreamPair({ capacityBytes: 997 }));
});

Deno.test("memoryStreamPair() takes what fits, and no more until it is read", async () => {
  const [a, b] = memoryStreamPair({ capacityBytes: 4 });
  assert.equal(await a.write(Uint8Array.of(1, 2, 3, 4)), true);
  const waiting = a.write(Uint8Array.of(5));
  const out = new Uint8Array(8);
  assert.equal(await b.read(out), 4);
  assert.equal(await waiting, true);
  assert.equal(await b.read(out), 1);
  assert.equal(out[0], 5);
});

Deno.test("memoryStreamPair() keeps order through a ring of any size", async () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 12 });
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 9 }), parts, async (capacityBytes, parts) => {
    const [a, b] = memoryStreamPair({ capacityBytes });
    const reading = readAll(b);
    for (const part of parts) await a.write(part);
    a.close();
    assert.deepEqual(await reading, concatBytes(...parts));
  }));
});

Deno.test("memoryStreamPair() names its ends and refuses a capacity that is none", () => {
  const [a, b] = memoryStreamPair({ remoteAddresses: ["192.0.2.2:1", "192.0.2.1:1"] });
  assert.deepEqual([a.remoteAddress, b.remoteAddress], ["192.0.2.2:1", "192.0.2.1:1"]);
  for (const capacityBytes of [0, -1, 1.5, NaN, Infinity]) {
    assert.throws(() => memoryStreamPair({ capacityBytes }), RangeError);
  }
});
