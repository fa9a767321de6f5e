import assert from "node:assert/strict";
import { FrameDevice } from "./frame_device.ts";
import { openSocketPair } from "./socket_pair.ts";

const ROOM_BYTES = 2_000;

Deno.test("FrameDevice hands over frames in order and whole, and writes what the other end reads", async () => {
  using pair = openSocketPair();
  const [own, other] = pair.ends;
  const device = new FrameDevice(own.fd);
  const room = new Uint8Array(ROOM_BYTES);
  const got: number[][] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const ended = device.run(room, (lengthBytes) => {
    got.push([lengthBytes, room[0] ?? 0]);
    if (got.length === 100) resolve();
  });
  for (let i = 0; i < 100; i++) other.libc.write(other.fd, new Uint8Array(60 + i).fill(i));
  await promise;
  assert.deepEqual(got, Array.from({ length: 100 }, (_, i) => [60 + i, i]));
  assert.ok(device.write(new Uint8Array(64).fill(7)));
  const read = new Uint8Array(ROOM_BYTES);
  assert.equal(other.libc.read(other.fd, read), 64);
  assert.equal(read[63], 7);
  device.release();
  assert.equal(await ended, "released");
  assert.equal(device.write(new Uint8Array(64)), false);
  // The descriptor is still its owner's.
  assert.equal(own.libc.write(own.fd, new Uint8Array(60)), 60);
});

Deno.test("FrameDevice says that the device is gone when the other end closes", async () => {
  using pair = openSocketPair();
  const [own, other] = pair.ends;
  const device = new FrameDevice(own.fd);
  const ended = device.run(new Uint8Array(ROOM_BYTES), () => {});
  other.close();
  assert.equal(await ended, "gone");
  device.release();
});

Deno.test("FrameDevice stops in the middle of a batch when it is released by whom it hands a frame", async () => {
  using pair = openSocketPair();
  const [own, other] = pair.ends;
  const device = new FrameDevice(own.fd);
  for (let i = 0; i < 10; i++) other.libc.write(other.fd, new Uint8Array(60));
  let got = 0;
  const end = await device.run(new Uint8Array(ROOM_BYTES), () => {
    if (++got === 3) device.release();
  });
  assert.deepEqual([end, got], ["released", 3]);
});
