import assert from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../base/mod.ts";
import { MOST_PATH_BYTES } from "../net/mod.ts";
import { BIND_BYTES, decodeBind, echoOf, encodeBind, isAuthenticBind, openBound } from "./bind.ts";
import { drawLegKey } from "./leg_secret.ts";

const leg = drawLegKey(new SeededRandom(1));

Deno.test("encodeBind() and decodeBind() agree on every counter", () => {
  fc.assert(fc.property(fc.maxSafeNat(), fc.constantFrom("bind", "bound"), (counter, kind) => {
    const bytes = encodeBind(kind, leg, counter);
    assert.equal(bytes.length, BIND_BYTES);
    assert.deepEqual(decodeBind(bytes), { kind, id: leg.id, counter, echo: new Uint8Array(8) });
    assert.ok(isAuthenticBind(bytes, leg));
    assert.equal(openBound(bytes, leg), kind === "bound" ? counter : undefined);
  }));
});

Deno.test("echoOf() gives what a bind has to repeat, which the MAC covers", () => {
  const echo = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const bound = encodeBind("bound", leg, 7, echo);
  assert.equal(openBound(bound, leg), 7);
  assert.deepEqual(echoOf(bound), echo);
  assert.equal(echoOf(encodeBind("bound", leg, 7)), undefined);
  const bind = encodeBind("bind", leg, 8, echo);
  assert.deepEqual(decodeBind(bind)?.echo, echo);
  bind[36] = 2;
  assert.ok(!isAuthenticBind(bind, leg));
});

Deno.test("encodeBind() refuses counters that are not whole or not below 2^53", () => {
  for (const counter of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    assert.throws(() => encodeBind("bind", leg, counter), RangeError);
  }
});

Deno.test("a bind is laid out as drawn", () => {
  const bytes = encodeBind("bind", leg, 0x1_0000_0002);
  assert.deepEqual([...bytes.subarray(0, 4)], [0x77, 3, 0, 0]);
  assert.deepEqual(bytes.subarray(4, 12), leg.id);
  assert.deepEqual([...bytes.subarray(12, 20)], [2, 0, 0, 0, 1, 0, 0, 0]);
  assert.deepEqual([...bytes.subarray(36)], new Array(12).fill(0));
});

Deno.test("a bind with any bit flipped is malformed or not authentic", () => {
  const bytes = encodeBind("bind", leg, 77);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.ok(decodeBind(flipped) === undefined || !isAuthenticBind(flipped, leg), `bit ${bit}`);
  }
});

Deno.test("decodeBind() rejects what is cut, and takes zeros behind a bind alone", () => {
  const bytes = encodeBind("bind", leg, 77);
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decodeBind(bytes.subarray(0, length)), undefined);
  }
  const long = new Uint8Array(MOST_PATH_BYTES);
  long.set(bytes);
  assert.ok(isAuthenticBind(long, leg) && decodeBind(long)?.counter === 77);
  assert.equal(decodeBind(new Uint8Array([...long, 0])), undefined);
  long[MOST_PATH_BYTES - 1] = 1;
  assert.equal(decodeBind(long), undefined);
  assert.equal(decodeBind(new Uint8Array([...encodeBind("bound", leg, 77), 0])), undefined);
});

Deno.test("a bound of one leg, or of another secret, is none of another", () => {
  const other = drawLegKey(new SeededRandom(2));
  const bound = encodeBind("bound", leg, 5);
  assert.equal(openBound(bound, other), undefined);
  assert.equal(openBound(bound, { id: leg.id, secret: other.secret }), undefined);
  assert.equal(openBound(bound, leg), 5);
});

Deno.test("decodeBind() never throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    if (bytes.length > 1) bytes[0] = 0x77;
    const bind = decodeBind(bytes);
    assert.ok(bind === undefined || !isAuthenticBind(bytes, leg));
  }));
});
