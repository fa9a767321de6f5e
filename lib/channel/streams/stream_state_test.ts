import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../base/mod.ts";
import { ByteQueue } from "./stream_state.ts";

Deno.test("ByteQueue gives the bytes in order, as copies that are the caller's", () => {
  const step = fc.option(fc.uint8Array({ minLength: 1, maxLength: 9_000 }));
  fc.assert(fc.property(fc.array(step), (steps) => {
    const queue = new ByteQueue();
    const [pushed, shifted]: Uint8Array[][] = [[], []];
    for (const bytes of steps) {
      if (bytes === null) {
        const part = queue.shift();
        if (part === undefined) continue;
        shifted?.push(part.slice());
        part.fill(255);
      } else {
        pushed?.push(bytes.slice());
        queue.push(bytes);
        bytes.fill(254);
      }
    }
    for (let part = queue.shift(); part !== undefined; part = queue.shift()) shifted?.push(part);
    assert.equal(queue.length, 0);
    assert.deepEqual(concatBytes(...shifted ?? []), concatBytes(...pushed ?? []));
  }));
});

Deno.test("ByteQueue packs small pieces together", () => {
  const queue = new ByteQueue();
  for (let i = 0; i < 65_536; i++) queue.push(Uint8Array.of(i));
  assert.equal(queue.length, 65_536);
  let parts = 0;
  while (queue.shift() !== undefined) parts++;
  assert.ok(parts <= 18, `${parts}`);
});
