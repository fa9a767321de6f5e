import assert from "node:assert/strict";
import { ERRNO, MMSGHDR_BYTES, MSGHDR, type RawCalls } from "../../../../host/mod.ts";
import { type PlainDestination, PlainOutput } from "./plain_output.ts";

const AREA = 1024;
const GATHER = 65_536;
const FRAMES = 262_144;

interface Sent {
  readonly fd: number;
  readonly bytes: number[];
  /** The size of its segments, 0 without. */
  readonly segmentBytes: number;
}

/** An output over calls that write down what is sent; `errors` are the results of the first calls. */
function outputOf(errors: readonly number[] = []) {
  const memory = new WebAssembly.Memory({ initial: 8, maximum: 8, shared: true });
  const view = new DataView(memory.buffer);
  const bytes = new Uint8Array(memory.buffer);
  const sent: Sent[] = [];
  const dropped: string[] = [];
  let errno = 0;
  const failures = [...errors];
  const note = (fd: number, message: number) => {
    const vector = view.getUint32(message + MSGHDR.VECTOR, true);
    const [at, length] = [view.getUint32(vector, true), view.getUint32(vector + 8, true)];
    const control = view.getUint32(message + MSGHDR.CONTROL, true);
    const segmentBytes = control === 0 ? 0 : view.getUint16(control + 16, true);
    sent.push({ fd, bytes: [...bytes.subarray(at, at + length)], segmentBytes });
    return length;
  };
  const isFailing = () => (errno = failures.shift() ?? 0) !== 0;
  const io = {
    get errno() {
      return errno;
    },
    sendmsg: (fd: number, message: number) => isFailing() ? -1 : note(fd, message),
    sendmmsg(fd: number, message: number, count: number) {
      if (isFailing()) return -1;
      for (let i = 0; i < count; i++) note(fd, message + i * MMSGHDR_BYTES);
      return count;
    },
    poll: () => 1,
  } as unknown as RawCalls;
  const output = new PlainOutput({ io, memory, base: 0, area: AREA, gatherAt: GATHER });
  const to = (fd: number, hasGso = true): PlainDestination => ({
    fd,
    hasGso,
    name: new Uint8Array(16),
    drops: { count: (reason) => void dropped.push(reason) },
  });
  const put = (value: number, length: number) => {
    bytes.fill(value, FRAMES, FRAMES + length);
    return [FRAMES, length] as const;
  };
  return { output, to, put, sent, dropped };
}

Deno.test("PlainOutput sends packets of one size together, the last may be shorter, and none out of order", () => {
  const { output, to, put, sent } = outputOf();
  const [a, b] = [to(1), to(2)];
  for (
    const [where, value, length] of [[a, 1, 100], [a, 2, 100], [a, 3, 50], [a, 4, 100], [b, 5, 100]] as const
  ) {
    output.gather(where, ...put(value, length));
  }
  output.send(b, ...put(6, 300), 100);
  output.flush();
  output.flush();
  assert.deepEqual(sent.map(({ fd, bytes, segmentBytes }) => [fd, bytes.length, segmentBytes]), [
    [1, 250, 100],
    [1, 100, 0],
    [2, 100, 0],
    [2, 300, 100],
  ]);
  assert.deepEqual(sent.flatMap(({ bytes }) => [...new Set(bytes)]), [1, 2, 3, 4, 5, 6]);
});

Deno.test("PlainOutput sends no more in one call than the kernel takes", () => {
  const { output, to, put, sent } = outputOf();
  const a = to(1);
  for (let i = 0; i < 200; i++) output.gather(a, ...put(i, 64));
  for (let i = 0; i < 100; i++) output.gather(a, ...put(i, 1450));
  output.flush();
  output.send(a, ...put(7, 100_000), 1450);
  for (const { bytes, segmentBytes } of sent) {
    assert.ok(bytes.length <= 65_507);
    assert.ok(segmentBytes === 0 || bytes.length <= 64 * segmentBytes);
  }
  assert.equal(sent.reduce((sum, { bytes }) => sum + bytes.length, 0), 200 * 64 + 100 * 1450 + 100_000);
});

Deno.test("PlainOutput sends one by one where a path takes no batches, and counts what fails", () => {
  const refused = outputOf([ERRNO.EIO]);
  refused.output.send(refused.to(1), ...refused.put(1, 250), 100);
  assert.deepEqual(refused.sent.map(({ bytes }) => bytes.length), [100, 100, 50]);
  assert.deepEqual(refused.dropped, []);

  const tooLong = outputOf([ERRNO.EMSGSIZE]);
  tooLong.output.gather(tooLong.to(1), ...tooLong.put(1, 2000));
  tooLong.output.flush();
  assert.deepEqual([tooLong.sent.length, tooLong.dropped], [0, ["too-long-for-path"]]);

  // A full socket is waited for once.
  const full = outputOf([ERRNO.EAGAIN, ERRNO.EAGAIN]);
  full.output.send(full.to(1), ...full.put(1, 300), 100);
  assert.deepEqual(full.dropped, ["underlay-full", "underlay-full", "underlay-full"]);

  // What is told of an earlier packet costs none.
  const told = outputOf([ERRNO.ECONNREFUSED]);
  told.output.send(told.to(1, false), ...told.put(1, 300), 100);
  assert.deepEqual([told.sent.length, told.dropped], [3, []]);
});
