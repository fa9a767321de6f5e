/**
 * Tests of a socket that refuses, tires and lies.
 * @module
 */

import assert from "node:assert/strict";
import { randomFraction, SeededRandom } from "../../../base/mod.ts";
import { ERRNO } from "../../../host/mod.ts";
import { Endpoint } from "../../../net/mod.ts";
import { FAKE_BASE, FAKE_UDP_FD, FakeCalls, type FakeSend } from "../testing/fake_calls.ts";
import { GroReceiver, RECEIVE_ROOM_BYTES, RECEIVER_AREA_BYTES } from "./gro_receiver.ts";
import {
  GsoSender,
  MAX_SEND_BYTES,
  MAX_SEND_SEGMENTS,
  type SendDrop,
  SENDER_AREA_BYTES,
} from "./gso_sender.ts";

const AREA = 1024;
const RECEIVER_AREA = AREA + Math.ceil(SENDER_AREA_BYTES / 64) * 64;
const RECEIVE_AT = RECEIVER_AREA + Math.ceil(RECEIVER_AREA_BYTES / 64) * 64;
const BATCH_AT = RECEIVE_AT + RECEIVE_ROOM_BYTES;
const BATCH_BYTES = 160_000;
const SEGMENT_BYTES = 1452;
const here = endpoint("192.0.2.1:51820");
const there = endpoint("[2001:db8::2]:7");

function endpoint(text: string): Endpoint {
  return Endpoint.parse(text) ?? assert.fail(text);
}

/** A socket with a batch of `lengthBytes` ready to be sent, no two datagrams of it alike. */
function setUp(options: { readonly hasGso?: boolean } = {}) {
  const pages = Math.ceil((BATCH_AT + BATCH_BYTES) / 65_536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const calls = new FakeCalls(memory);
  const drops: [SendDrop, number][] = [];
  const bytes = new Uint8Array(memory.buffer);
  for (let i = BATCH_AT; i < bytes.length; i++) bytes[i] = i * 7 + (i >> 8);
  const shared = { io: calls, memory, base: FAKE_BASE, fd: FAKE_UDP_FD };
  const socket = new GsoSender({
    ...shared,
    area: AREA,
    family: 6,
    hasGso: options.hasGso ?? true,
    onDrop: (reason, datagrams) => drops.push([reason, datagrams]),
  });
  const receiver = new GroReceiver({ ...shared, area: RECEIVER_AREA, receiveAt: RECEIVE_AT });
  return { calls, drops, bytes, socket, receiver };
}

/** What `sends` carried, one datagram behind the other. */
function carried(sends: readonly FakeSend[]): Uint8Array {
  return new Uint8Array(sends.flatMap(({ datagrams }) => datagrams.flatMap((each) => [...each])));
}

const isGso = ({ segmentBytes }: FakeSend) => segmentBytes !== undefined;

Deno.test("GsoSender.send() sends no more at once than the host takes, and all of it", () => {
  for (const segmentBytes of [96, 1023, SEGMENT_BYTES, 40_000]) {
    const { calls, bytes, socket, drops } = setUp();
    const lengthBytes = 150_001;
    socket.send(BATCH_AT, lengthBytes, segmentBytes, there);
    assert.deepEqual(carried(calls.sends), bytes.slice(BATCH_AT, BATCH_AT + lengthBytes));
    for (const { datagrams, destination } of calls.sends) {
      assert.ok(datagrams.length <= MAX_SEND_SEGMENTS);
      assert.ok(datagrams.reduce((sum, each) => sum + each.length, 0) <= MAX_SEND_BYTES);
      assert.equal(destination, there.toString());
    }
    assert.deepEqual(drops, []);
  }
});

Deno.test("GsoSender.send() sends one by one for ever on a socket that refuses batches with EIO", () => {
  const { calls, bytes, socket, drops } = setUp();
  calls.sendError = (send) => isGso(send) ? ERRNO.EIO : 0;
  const lengthBytes = 30 * SEGMENT_BYTES + 100;
  socket.send(BATCH_AT, lengthBytes, SEGMENT_BYTES, here);
  assert.deepEqual(carried(calls.sends), bytes.slice(BATCH_AT, BATCH_AT + lengthBytes));
  assert.equal(socket.hasGso, false);
  const tried = calls.sendCalls;
  socket.send(BATCH_AT, 2 * SEGMENT_BYTES, SEGMENT_BYTES, here);
  assert.equal(calls.sendCalls, tried + 1, "it does not try again, and takes one call");
  assert.deepEqual(drops, []);
});

for (const errno of [ERRNO.EMSGSIZE, ERRNO.EINVAL]) {
  Deno.test(`GsoSender.send() sends a batch one by one where its datagrams exceed the path (error ${errno})`, () => {
    const { calls, bytes, socket, drops } = setUp();
    const narrow = here.toString();
    calls.sendError = (send) => isGso(send) && send.destination === narrow ? errno : 0;
    for (const place of [here, there]) {
      calls.sends.length = 0;
      socket.send(BATCH_AT, 20 * SEGMENT_BYTES, SEGMENT_BYTES, place);
      assert.deepEqual(carried(calls.sends), bytes.slice(BATCH_AT, BATCH_AT + 20 * SEGMENT_BYTES));
      assert.equal(calls.sends.length, place === here ? 20 : 1);
    }
    assert.equal(socket.hasGso, true, "one path is not all of them");
    assert.deepEqual(drops, []);
  });
}

/** What the socket says for ever, and how the loss is counted. */
const refusals: readonly (readonly [keyof typeof ERRNO, SendDrop])[] = [
  ["EAGAIN", "socket-full"],
  ["ENOBUFS", "socket-full"],
  ["EMSGSIZE", "too-large"],
  ["ENETUNREACH", "no-route"],
  ["EHOSTUNREACH", "no-route"],
  ["ENETDOWN", "no-route"],
  ["EPERM", "send-failed"],
  ["EACCES", "send-failed"],
  ["EIO", "send-failed"],
  ["EBADF", "send-failed"],
  ["EINVAL", "send-failed"],
];
for (const [name, reason] of refusals) {
  Deno.test(`GsoSender.send() counts every datagram that ${name} cost as ${reason}, and goes on`, () => {
    const { calls, socket, drops } = setUp();
    calls.sendError = () => ERRNO[name];
    socket.send(BATCH_AT, 20 * SEGMENT_BYTES + 1, SEGMENT_BYTES, here);
    socket.send(BATCH_AT, 96, 96, here);
    assert.equal(drops.reduce((sum, [, datagrams]) => sum + datagrams, 0), 22);
    assert.deepEqual(new Set(drops.map(([why]) => why)), new Set([reason]));
    assert.ok(calls.sendCalls <= 50, "and does not insist");
    calls.sendError = () => 0;
    socket.send(BATCH_AT, 96, 96, here);
    assert.equal(calls.sends.length, 1);
  });
}

Deno.test("GsoSender.send() waits a little for a socket that is full, and repeats what a signal interrupted", () => {
  const { calls, socket, drops } = setUp();
  const errors = [ERRNO.EINTR, ERRNO.EAGAIN, ERRNO.EINTR, 0];
  calls.sendError = () => errors.shift() ?? 0;
  socket.send(BATCH_AT, 4 * SEGMENT_BYTES, SEGMENT_BYTES, here);
  assert.equal(calls.sends.length, 1);
  assert.deepEqual(drops, []);
  assert.equal(calls.waits.length, 1);
  assert.ok((calls.waits[0] ?? 0) > 0 && (calls.waits[0] ?? 0) <= 100, "for a bounded time");
});

Deno.test("GsoSender.send() repeats at once what told of an earlier send's refusal", () => {
  const { calls, socket, drops } = setUp();
  const errors = [ERRNO.ECONNREFUSED, 0];
  calls.sendError = () => errors.shift() ?? 0;
  socket.send(BATCH_AT, 4 * SEGMENT_BYTES, SEGMENT_BYTES, here);
  assert.equal(calls.sends.length, 1);
  assert.deepEqual(drops, []);
  calls.sendError = () => ERRNO.ECONNREFUSED;
  socket.send(BATCH_AT, 96, 96, here);
  assert.deepEqual(drops, [["send-failed", 1]]);
});

Deno.test("GsoSender.send() goes on behind a datagram that a firewall refuses", () => {
  const { calls, bytes, socket, drops } = setUp({ hasGso: false });
  const isRefused = (datagram: Uint8Array | undefined) => (datagram?.[1] ?? 0) % 5 === 2;
  calls.sendError = ({ datagrams: [datagram] }) => isRefused(datagram) ? ERRNO.EPERM : 0;
  socket.send(BATCH_AT, 64 * 96, 96, here);
  const all = Array.from({ length: 64 }, (_, i) => bytes.slice(BATCH_AT + i * 96, BATCH_AT + (i + 1) * 96));
  const passing = all.filter((datagram) => !isRefused(datagram));
  assert.ok(passing.length > 40 && passing.length < 64);
  assert.deepEqual(calls.sends.map(({ datagrams: [datagram] }) => datagram), passing);
  assert.equal(drops.reduce((sum, [, datagrams]) => sum + datagrams, 0), 64 - passing.length);
});

/** What `receive` brings, until nothing waits. */
function receiveAll({ receiver, bytes }: ReturnType<typeof setUp>) {
  const received: { bytes: Uint8Array; segmentBytes: number; source: string }[] = [];
  for (let count = receiver.receive(); count > 0; count = receiver.receive()) {
    for (let i = 0; i < count; i++) {
      const at = receiver.at(i);
      received.push({
        bytes: bytes.slice(at, at + receiver.lengthBytes(i)),
        segmentBytes: receiver.segmentBytes(i),
        source: receiver.source(i).toString(),
      });
    }
  }
  return received;
}

Deno.test("GroReceiver.receive() passes over what earlier sends met", () => {
  const set = setUp();
  const bytes = new Uint8Array(148).fill(3);
  set.calls.receives.push(
    ERRNO.ECONNREFUSED,
    ERRNO.EINTR,
    { bytes: new Uint8Array(0), source: here },
    ERRNO.EHOSTUNREACH,
    { bytes, source: there },
  );
  const received = receiveAll(set).filter((each) => each.bytes.length > 0);
  // A socket without UDP_GRO brings single datagrams.
  assert.deepEqual(received, [{ bytes, segmentBytes: 148, source: there.toString() }]);
});

Deno.test("GroReceiver.receive() gives up on a socket that fails for ever, and rests", () => {
  const { calls, receiver } = setUp();
  for (let i = 0; i < 10_000; i++) calls.receives.push(ERRNO.ENOBUFS);
  assert.equal(receiver.receive(), 0);
  assert.ok(calls.receives.length > 9_000, "others have their turn");
  assert.deepEqual(calls.waits, [10]);
});

Deno.test("GroReceiver.receive() takes sizes of segments from 1 byte up, and none of 0 or less", () => {
  const set = setUp();
  const sizes = [[1, 1], [1452, 1452], [0, 3000], [-5, 3000], [70_000, 70_000]] as const;
  for (const [segmentBytes] of sizes) {
    set.calls.receives.push({ bytes: new Uint8Array(3000), source: here, segmentBytes });
  }
  assert.deepEqual(receiveAll(set).map(({ segmentBytes }) => segmentBytes), sizes.map(([, taken]) => taken));
});

Deno.test("GroReceiver.receive() brings everything once and in order, batches and single datagrams mixed", () => {
  const random = new SeededRandom(5);
  for (let run = 0; run < 30; run++) {
    const set = setUp();
    const expected = Array.from({ length: 200 }, (_, i) => {
      const isGso = randomFraction(random) < (run % 3) * 0.3;
      const bytes = new Uint8Array(isGso ? 4000 + i : 1 + i);
      random.fill(bytes);
      const source = randomFraction(random) < 0.5 ? here : there;
      return { bytes, source, segmentBytes: isGso ? 1452 : bytes.length };
    });
    for (const { bytes, source, segmentBytes } of expected) {
      set.calls.receives.push({ bytes, source, ...segmentBytes < bytes.length ? { segmentBytes } : {} });
    }
    assert.deepEqual(
      receiveAll(set),
      expected.map(({ source, ...rest }) => ({ ...rest, source: source.toString() })),
    );
  }
});

Deno.test("GroReceiver.receive() takes few calls for many single datagrams", () => {
  const set = setUp();
  for (let i = 0; i < 320; i++) set.calls.receives.push({ bytes: new Uint8Array(1452), source: here });
  assert.equal(receiveAll(set).length, 320);
  assert.ok(set.calls.receiveCalls <= 13, `${set.calls.receiveCalls}`);
});
