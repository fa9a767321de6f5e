import assert from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../base/mod.ts";
import { streamPair } from "../testing/memory_stream.ts";
import { encodeFrame, FrameReader, MAX_FRAME_BYTES } from "./frame_reader.ts";

Deno.test("FrameReader gives the same frames however the stream is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 5_000 }), { maxLength: 8 }),
      fc.integer({ min: 1, max: 4_000 }),
      async (bodies, cut) => {
        const [near, far] = streamPair();
        const bytes = concatBytes(...bodies.map(encodeFrame));
        for (let at = 0; at < bytes.length; at += cut) await near.write(bytes.subarray(at, at + cut));
        near.close();
        const reader = new FrameReader(far);
        for (const body of bodies) assert.deepEqual((await reader.read())?.slice(), body);
        assert.equal(await reader.read(), undefined);
        assert.equal(await reader.read(), undefined);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("FrameReader reads the longest frame, and nothing longer can be framed", async () => {
  const [near, far] = streamPair();
  const body = new Uint8Array(MAX_FRAME_BYTES).fill(7);
  await near.write(encodeFrame(body));
  assert.deepEqual((await new FrameReader(far).read())?.slice(), body);
  assert.throws(() => encodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1)), RangeError);
});

Deno.test("FrameReader gives nothing of a frame that is cut off at any byte", async () => {
  const frame = encodeFrame(Uint8Array.of(1, 2, 3, 4));
  for (let length = 0; length < frame.length; length++) {
    const [near, far] = streamPair();
    await near.write(frame.subarray(0, length));
    near.close();
    assert.equal(await new FrameReader(far).read(), undefined);
  }
});

Deno.test("FrameReader sets no memory aside for what is only announced", async () => {
  const asked: number[] = [];
  let arrived = false;
  const reader = new FrameReader({
    remoteAddress: "memory:other",
    read(out) {
      asked.push(out.length);
      if (arrived) return Promise.resolve(undefined);
      arrived = true;
      out.set([0xff, 0xff]);
      return Promise.resolve(2);
    },
    write: () => Promise.resolve(false),
    close() {},
  });
  assert.equal(await reader.read(), undefined);
  assert(asked.every((length) => length <= 2_048), asked.join());
});

Deno.test("FrameReader reads ahead in larger and larger pieces, and gives the memory back", async () => {
  const asked: number[] = [];
  const record = encodeFrame(new Uint8Array(60_000));
  const bytes = concatBytes(...Array.from({ length: 20 }, () => record));
  let at = 0;
  const reader = new FrameReader({
    remoteAddress: "memory:other",
    read(out) {
      asked.push(out.length);
      const part = bytes.subarray(at, at + out.length);
      out.set(part);
      at = (at + part.length) % bytes.length;
      return Promise.resolve(part.length);
    },
    write: () => Promise.resolve(false),
    close() {},
  });
  reader.readAhead();
  for (let i = 0; i < 20; i++) assert.equal((await reader.read())?.length, 60_000);
  assert(Math.max(...asked) > 128 << 10 && Math.max(...asked) <= 256 << 10, asked.join());
  assert.equal(at, 0);
  reader.release();
  await reader.read();
  assert(asked.slice(-6).includes(2_048), asked.join());
});

Deno.test("FrameReader looks ahead at the frames that have arrived in full, and takes none", async () => {
  const [near, far] = streamPair();
  const reader = new FrameReader(far);
  const bodies = [new Uint8Array(3), new Uint8Array(0), new Uint8Array(200), new Uint8Array(50)];
  const bytes = concatBytes(...bodies.map(encodeFrame));
  await near.write(bytes.subarray(0, bytes.length - 1));
  await reader.fill();
  assert.deepEqual(reader.survey(9, 1_000), { frames: 3, bytes: 203, longestBytes: 200 });
  assert.deepEqual(reader.survey(2, 1_000), { frames: 2, bytes: 3, longestBytes: 3 });
  assert.deepEqual(reader.survey(0, 1_000), { frames: 0, bytes: 0, longestBytes: 0 });
  assert.deepEqual(reader.survey(9, 208), { frames: 2, bytes: 3, longestBytes: 3 });
  assert.deepEqual(reader.survey(9, 209), { frames: 3, bytes: 203, longestBytes: 200 });
  assert.equal(reader.take()?.length, 3);
  assert.deepEqual(reader.survey(9, 1_000), { frames: 2, bytes: 200, longestBytes: 200 });
});
