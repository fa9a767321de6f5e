import assert from "node:assert/strict";
import { LogRing } from "./log_ring.ts";

Deno.test("LogRing keeps the last thousand lines, and 256 Ki characters", () => {
  const ring = new LogRing();
  for (let number = 1; number <= 1_500; number++) ring.push(`line ${number}\n`);
  assert.equal(ring.last({}).length, 1_000);
  assert.deepEqual(ring.last({ lines: 1 }), [{ number: 1_500, text: "line 1500" }]);
  assert.deepEqual(ring.last({ after: 1_498 }).map(({ number }) => number), [1_499, 1_500]);
  for (let i = 0; i < 100; i++) ring.push("x".repeat(10_000));
  assert.equal(ring.last({}).length, 26);
  ring.push("y".repeat(1 << 20));
  assert.deepEqual(ring.last({}).map(({ text }) => text.length), [256 << 10]);
});
