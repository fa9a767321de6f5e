import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../base/mod.ts";
import { FrameQueue, FrameReader, MAX_CARRIED_BYTES } from "./carrier_frames.ts";

const WIDE = { slackBytes: 1 << 20, mostBytes: 1 << 20, mostMs: 50 };
const datagrams = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 40 });
const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 });

/** @returns what is read of `bytes`, cut to pieces whose lengths come in turn, or undefined when it is refused */
function readAll(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] | undefined {
  const reader = new FrameReader();
  const out: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length] ?? 1;
    if (!reader.read(bytes.subarray(at, at + length), (datagram) => out.push(datagram.slice()))) {
      return undefined;
    }
    at += length;
  }
  return out;
}

Deno.test("FrameReader reads what FrameQueue wrote, in whatever pieces it comes", () => {
  fc.assert(fc.property(datagrams, cuts, (sent, lengths) => {
    const queue = new FrameQueue(WIDE);
    for (const datagram of sent) assert.ok(queue.push(0, datagram));
    assert.deepEqual(readAll(queue.take(), lengths), sent);
    assert.ok(queue.isEmpty);
  }));
});

Deno.test("FrameQueue drops the newest, and has room again when it was emptied", () => {
  const queue = new FrameQueue({ slackBytes: 1000, mostBytes: 1000, mostMs: 50 });
  const sizes = [400, 500, 200, 90];
  assert.deepEqual(sizes.map((size) => queue.push(0, new Uint8Array(size).fill(size))), [
    true,
    true,
    false,
    true,
  ]);
  const first = queue.take();
  assert.equal(first.length, 990 + 6);
  // What is being written stays as it is while the other buffer fills.
  assert.ok(queue.push(0, new Uint8Array(900).fill(1)));
  assert.equal(first[2], 400 & 255);
  assert.equal(queue.push(0, new Uint8Array()), false);
  assert.equal(new FrameQueue(WIDE).push(0, new Uint8Array(MAX_CARRIED_BYTES + 1)), false);
});

Deno.test("FrameQueue has more room for what does not wait for long", () => {
  const queue = new FrameQueue({ slackBytes: 1000, mostBytes: 3000, mostMs: 50 });
  const datagrams = Array.from({ length: 7 }, (_, i) => new Uint8Array(498).fill(i));
  const pushed = (times: readonly number[]) =>
    times.map((now, i) => queue.push(now, datagrams[i] ?? assert.fail()));
  assert.deepEqual(pushed([0, 60, 61]), [true, true, false]);
  queue.take();
  assert.deepEqual(pushed([100, 100, 100, 150, 151]), [true, true, true, true, false]);
  queue.take();
  assert.deepEqual(pushed([200, 200, 200, 200, 200, 200, 200]), [true, true, true, true, true, true, false]);
  const read: number[] = [];
  assert.ok(new FrameReader().read(queue.take(), (datagram) => read.push(datagram[497] ?? -1)));
  assert.deepEqual(read, [0, 1, 2, 3, 4, 5]);
});

Deno.test("FrameReader carries the longest datagram, and refuses longer ones and no other", () => {
  const longest = new Uint8Array(MAX_CARRIED_BYTES).fill(7);
  const queue = new FrameQueue(WIDE);
  queue.push(0, longest);
  const bytes = queue.take();
  for (const lengths of [[1 << 20], [1], [2, 65_000], [3]]) {
    assert.deepEqual(readAll(bytes, lengths), [longest]);
  }
  const tooLong = concatBytes(
    Uint8Array.of((MAX_CARRIED_BYTES + 1) >> 8, (MAX_CARRIED_BYTES + 1) & 255),
    bytes,
  );
  for (const lengths of [[1 << 20], [1]]) assert.equal(readAll(tooLong, lengths), undefined);
});

Deno.test("FrameReader passes over lengths of 0, and never throws", () => {
  assert.deepEqual(readAll(Uint8Array.of(0, 0, 0, 1, 9, 0, 0), [1]), [Uint8Array.of(9)]);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 500 }), cuts, (bytes, lengths) => {
    const whole = readAll(bytes, [bytes.length + 1]);
    assert.deepEqual(readAll(bytes, lengths), whole);
  }));
});
