/**
 * Tests of the timestamps of initiations.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeHex, unixMillis } from "../base/mod.ts";
import { isLaterTai64n, TAI64N_BYTES, Tai64nClock } from "./tai64n.ts";

function timestampAt(wallMs: number): Uint8Array {
  return new Tai64nClock(() => unixMillis(wallMs)).next();
}

Deno.test("Tai64nClock.next() writes 1970 as the reference does", () => {
  assert.equal(encodeHex(timestampAt(1000)), "400000000000000b00000000");
  assert.equal(encodeHex(timestampAt(1_700_000_000_000)), "400000006553f10a00000000");
});

Deno.test("Tai64nClock.next() hides the low 24 bits of the nanoseconds", () => {
  for (const wallMs of [1016, 1017, 1500, 1999, 1999.9]) {
    const [low1, low2, low3] = timestampAt(wallMs).subarray(9);
    assert.deepEqual([low1, low2, low3], [0, 0, 0]);
    assert.ok((timestampAt(wallMs)[8] ?? 99) <= 59);
  }
});

Deno.test("Tai64nClock.next() only grows, whatever the wall clock does", () => {
  const walls = fc.array(fc.integer({ min: -1000, max: 3_000_000_000_000 }), {
    minLength: 2,
    maxLength: 100,
  });
  fc.assert(fc.property(walls, (times) => {
    let wall = 0;
    const clock = new Tai64nClock(() => unixMillis(wall));
    let former: Uint8Array | undefined;
    for (wall of times) {
      const timestamp = clock.next();
      assert.equal(timestamp.length, TAI64N_BYTES);
      assert.ok(new DataView(timestamp.buffer).getUint32(8) < 1e9);
      if (former !== undefined) assert.ok(isLaterTai64n(timestamp, former));
      former = timestamp;
    }
  }));
});

Deno.test("Tai64nClock.next() passes a second when it is asked often at one time", () => {
  const clock = new Tai64nClock(() => unixMillis(5000));
  let former = clock.next();
  for (let i = 0; i < 200; i++) {
    const timestamp = clock.next();
    assert.ok(isLaterTai64n(timestamp, former));
    former = timestamp;
  }
});

Deno.test("isLaterTai64n() compares bytes from the first on and is strict", () => {
  const order = fc.uint8Array({ minLength: 12, maxLength: 12 });
  fc.assert(fc.property(order, order, (a, b) => {
    assert.equal(isLaterTai64n(a, b), encodeHex(a) > encodeHex(b));
    assert.equal(isLaterTai64n(a, a), false);
  }));
});
