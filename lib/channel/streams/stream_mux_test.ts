import assert from "node:assert/strict";
import fc from "fast-check";
import { equalBytes, memoryAccount, MemoryBudget, utf8Bytes } from "../../base/mod.ts";
import { EnvelopeDecoder, EnvelopeKind } from "../records/envelope_codec.ts";
import { EnvelopeReader } from "../records/envelope_reader.ts";
import { RecordBlock } from "../records/record_block.ts";
import { MAX_RECORD_BYTES } from "../records/record_cipher.ts";
import { decodeEnvelope, encodeEnvelope, type EnvelopeContent } from "../testing/envelope_oracle.ts";
import { MAX_STREAMS, MAX_WIDE_STREAMS, StreamMux } from "./stream_mux.ts";
import {
  INITIAL_WINDOW_BYTES,
  MAX_CHUNK_BYTES,
  MAX_HEADER_BYTES,
  StreamReset,
  type StreamState,
  WIDE_WINDOW_BYTES,
} from "./stream_state.ts";

const TOPIC = utf8Bytes("files");
const NOTHING = new Uint8Array(0);

/** One end that takes frames and gives records, without a channel. */
class TestEnd {
  readonly mux: StreamMux;
  readonly accepted: StreamState[] = [];

  constructor(role: "initiator" | "responder") {
    this.mux = new StreamMux(role, () => {});
  }

  /** @returns whether the other end may send that */
  receive(envelope: EnvelopeContent): boolean {
    return this.receiveBytes(encodeEnvelope(envelope));
  }

  receiveBytes(bytes: Uint8Array): boolean {
    const reader = new EnvelopeReader(1 << 20);
    const frame = new EnvelopeDecoder();
    reader.append(bytes);
    while (reader.next() === "found") {
      if (!frame.decode(reader.bytes, reader.start, reader.end)) return false;
      if (frame.kind !== EnvelopeKind.streamOpen) {
        if (!this.mux.handle(frame)) return false;
        continue;
      }
      const stream = this.mux.accept(frame);
      if (stream === undefined) return false;
      this.accepted.push(stream);
    }
    return true;
  }

  /** @returns one record of all that is due */
  nextRecord(): Uint8Array {
    const block = new RecordBlock();
    this.mux.writeControl(block, MAX_RECORD_BYTES);
    this.mux.writeChunks(block, true);
    return block.cut(0, block.length).slice();
  }

  /** @returns kind and stream of every frame of one record */
  nextFrames(): string[] {
    const found: string[] = [];
    const bytes = this.nextRecord();
    for (let at = 0; at < bytes.length;) {
      const length = new DataView(bytes.buffer).getUint32(at);
      const kind = decodeEnvelope(bytes.subarray(at + 4, at + 4 + length));
      assert(kind?.case && kind.case !== "payload" && kind.case !== "close");
      found.push(`${kind.case} ${"stream" in kind.value ? kind.value.stream : ""}`);
      at += 4 + length;
    }
    return found;
  }
}

const open = (stream: number, header: Uint8Array = NOTHING): EnvelopeContent => ({
  case: "streamOpen",
  value: { stream, topic: "files", header },
});
const data = (stream: number, length: number): EnvelopeContent => ({
  case: "streamData",
  value: { stream, data: new Uint8Array(length) },
});
const end = (stream: number): EnvelopeContent => ({ case: "streamEnd", value: { stream } });
const credit = (stream: number, bytes: number): EnvelopeContent => ({
  case: "streamCredit",
  value: { stream, bytes },
});
const reset = (stream: number, code = 1): EnvelopeContent => ({
  case: "streamReset",
  value: { stream, code },
});

Deno.test("StreamMux tells what the protocol does not allow", async (test) => {
  const cases: Record<string, EnvelopeContent[]> = {
    "stream 0": [open(0)],
    "an id of our own": [open(2)],
    "an id twice": [open(3), open(3)],
    "an id that shrinks": [open(5), open(3)],
    "a header that is too long": [open(1, new Uint8Array(MAX_HEADER_BYTES + 1))],
    "data of a stream that was never begun": [open(1), data(3, 1)],
    "data of a stream of ours that was never begun": [data(2, 1)],
    "credit of stream 0": [credit(0, 1)],
    "no data": [open(1), data(1, 0)],
    "data beyond the credit": [open(1), data(1, INITIAL_WINDOW_BYTES), data(1, 1)],
    "data beyond the credit at once": [open(1), data(1, INITIAL_WINDOW_BYTES + 1)],
    "data after the end": [open(1), end(1), data(1, 1)],
    "the end twice": [open(1), end(1), end(1)],
    "no credit": [open(1), credit(1, 0)],
    "credit without end": [open(1), credit(1, 1 << 30)],
  };
  for (const [name, frames] of Object.entries(cases)) {
    await test.step(name, () => {
      const mux = new TestEnd("responder");
      const last = frames.pop() ?? assert.fail();
      for (const frame of frames) assert.equal(mux.receive(frame), true);
      assert.equal(mux.receive(last), false);
    });
  }
});

Deno.test("StreamMux lets the other end begin so many streams and no more, until one is over", () => {
  const mux = new TestEnd("initiator");
  for (let i = 1; i <= MAX_STREAMS; i++) assert.equal(mux.receive(open(2 * i)), true);
  assert.equal(new TestEnd("responder").receive(open(0xffff_ffff)), true);
  const [first, second, third] = mux.accepted;
  assert(first && second && third);
  // Over on both sides: reset by the other end, ended both ways, reset by us and told so.
  mux.mux.reset(first, 1);
  assert.equal(mux.receive(reset(first.id)), true);
  mux.mux.end(second);
  assert.deepEqual(mux.nextFrames(), [`streamEnd ${second.id}`]);
  assert.equal(mux.receive(end(second.id)), true);
  mux.mux.reset(third, 1);
  assert.deepEqual(mux.nextFrames(), [`streamReset ${third.id}`]);
  for (let i = 1; i <= 3; i++) assert.equal(mux.receive(open(2 * (MAX_STREAMS + i))), true);
  assert.equal(mux.mux.size, MAX_STREAMS);
  assert.equal(mux.receive(open(2 * (MAX_STREAMS + 4))), false);
});

Deno.test("StreamMux counts a stream that it resets until the other end can know", () => {
  const mux = new TestEnd("responder");
  for (let i = 0; i < MAX_STREAMS; i++) assert.equal(mux.receive(open(2 * i + 1)), true);
  for (const stream of mux.accepted) mux.mux.reset(stream, 1);
  assert.equal(mux.receive(open(2 * MAX_STREAMS + 1)), false);
});

Deno.test("StreamMux ignores what was on its way when it reset a stream, but no more than that", () => {
  const mux = new TestEnd("responder");
  mux.receive(open(1));
  const [stream] = mux.accepted;
  assert(stream);
  mux.mux.reset(stream, 7);
  const late = [data(1, 100), data(1, 1 << 19), credit(1, 5), end(1), end(1), reset(1)];
  for (const frame of late) assert.equal(mux.receive(frame), true);
  mux.nextRecord();
  for (const frame of late) assert.equal(mux.receive(frame), true);
  assert.equal(stream.resetCode, 7);
  assert.equal(mux.receive(open(1)), false);
});

Deno.test("StreamMux gives each stream a chunk in turn, control first", () => {
  const mux = new TestEnd("initiator");
  const streams = [0, 1, 2].map(() => mux.mux.open(TOPIC, NOTHING));
  for (const stream of streams) mux.mux.write(stream, new Uint8Array(100_000), () => {});
  mux.receive(open(2));
  mux.mux.reset(mux.accepted[0] ?? assert.fail(), 3);
  assert.deepEqual(mux.nextFrames(), [
    "streamReset 2",
    ...[1, 3, 5].flatMap((id) => [`streamOpen ${id}`, `streamData ${id}`]),
    "streamData 1",
  ]);
  assert.deepEqual(
    mux.nextFrames(),
    ["streamData 3", "streamData 5", "streamData 1", "streamData 3"],
  );
});

Deno.test("StreamMux sends no more than it has credit for, and the end after all data", () => {
  const mux = new TestEnd("initiator");
  const stream = mux.mux.open(TOPIC, NOTHING);
  const written: boolean[] = [];
  mux.mux.write(stream, new Uint8Array(INITIAL_WINDOW_BYTES), (isWritten) => written.push(isWritten));
  mux.mux.write(stream, new Uint8Array(1), (isWritten) => written.push(isWritten));
  mux.mux.end(stream);
  let sent = "";
  for (let frames = mux.nextFrames(); frames.length > 0; frames = mux.nextFrames()) {
    sent += `${frames.join()};`;
  }
  assert.equal(sent.match(/streamData/g)?.length, 5, sent);
  assert.deepEqual(written, [true]);
  assert.equal(mux.receive(credit(1, 1)), true);
  assert.deepEqual(mux.nextFrames(), ["streamData 1", "streamEnd 1"]);
  assert.deepEqual(written, [true, true]);
});

Deno.test("StreamMux widens the windows of so many streams, and holds no more than they allow", () => {
  const mux = new TestEnd("responder");
  const count = MAX_WIDE_STREAMS + 10;
  for (let i = 0; i < count; i++) mux.receive(open(2 * i + 1));
  let held = 0;
  for (const stream of mux.accepted) {
    mux.receive(data(stream.id, INITIAL_WINDOW_BYTES));
    while (mux.mux.read(stream) !== undefined);
    assert.equal(mux.receive(data(stream.id, stream.receiveCredit)), true);
    assert.equal(mux.receive(data(stream.id, 1)), false);
    held += stream.received.length;
  }
  assert.equal(held, MAX_WIDE_STREAMS * WIDE_WINDOW_BYTES + 10 * INITIAL_WINDOW_BYTES);
});

Deno.test("StreamMux survives any frames", () => {
  const id = fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 9);
  const frame = fc.oneof(
    id.map((stream) => open(stream)),
    fc.tuple(id, fc.constantFrom(0, 1, 100, MAX_CHUNK_BYTES, 40_000)).map(([stream, n]) => data(stream, n)),
    id.map(end),
    fc.tuple(id, fc.nat(100_000)).map(([stream, bytes]) => credit(stream, bytes)),
    id.map((stream) => reset(stream)),
  );
  const act = fc.constantFrom("open", "write", "end", "reset", "read", "nextRecord");
  fc.assert(fc.property(fc.array(fc.oneof(frame, act), { maxLength: 60 }), fc.nat(100), (steps, seed) => {
    const mux = new TestEnd("responder");
    const ours: StreamState[] = [];
    for (const [at, step] of steps.entries()) {
      const all = [...ours, ...mux.accepted];
      const stream = all[(seed + at) % all.length];
      if (typeof step !== "string") {
        if (!mux.receive(step)) break;
      } else if (step === "open") ours.push(mux.mux.open(TOPIC, NOTHING));
      else if (step === "nextRecord") mux.nextRecord();
      else if (stream === undefined) continue;
      else if (step === "write") mux.mux.write(stream, new Uint8Array(at * 1_000), () => {});
      else if (step === "end") mux.mux.end(stream);
      else if (step === "reset") mux.mux.reset(stream, at);
      else mux.mux.read(stream);
      const unread = all.reduce((sum, one) => sum + one.received.length, 0);
      assert.ok(unread <= all.length * WIDE_WINDOW_BYTES);
    }
    mux.mux.close();
    assert.equal(mux.mux.size, 0);
    assert.equal(mux.nextRecord().length, 0);
  }));
});

Deno.test("StreamMux carries every byte to another one in order, whatever the lengths and the order of reads", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 120_000 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(
      fc.array(lengths, { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.boolean()),
      (plan, coins) => {
        const [near, far] = [new TestEnd("initiator"), new TestEnd("responder")];
        const sent = plan.map((lengths, i) => {
          const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length));
          for (let at = 0; at < bytes.length; at++) bytes[at] = at * 7 + (at >> 9) + i;
          const stream = near.mux.open(TOPIC, NOTHING);
          let at = 0;
          for (const length of lengths) near.mux.write(stream, bytes.subarray(at, at += length), () => {});
          near.mux.end(stream);
          return bytes;
        });
        const got = plan.map((): number[] => []);
        for (
          let turn = 0;
          turn < 10_000 && !far.accepted.every((one) => one.hasReceivedEnd) || turn < 3;
          turn++
        ) {
          assert.equal(far.receiveBytes(near.nextRecord()), true);
          for (const [i, stream] of far.accepted.entries()) {
            if (coins.next().value) continue;
            for (let part = far.mux.read(stream); part !== undefined; part = far.mux.read(stream)) {
              for (const byte of part) got[i]?.push(byte);
            }
          }
          assert.equal(near.receiveBytes(far.nextRecord()), true);
        }
        for (const [i, stream] of far.accepted.entries()) {
          for (let part = far.mux.read(stream); part !== undefined; part = far.mux.read(stream)) {
            for (const byte of part) got[i]?.push(byte);
          }
          assert.ok(equalBytes(Uint8Array.from(got[i] ?? []), sent[i] ?? NOTHING));
        }
        assert.equal(far.accepted.length, plan.length);
      },
    ),
    { numRuns: 15 },
  );
});

Deno.test("StreamMux resets streams whose bytes find no room, and gives back what is read, reset or closed", () => {
  const budget = new MemoryBudget({ totalBytes: 800_000, originBytes: 200_000 });
  const end = new TestEnd("responder");
  end.mux.memory = memoryAccount(budget, "them");
  const data = new Uint8Array(10_000);
  for (let stream = 1; stream <= 9; stream += 2) {
    assert.ok(end.receive({ case: "streamOpen", value: { stream, topic: "files", header: NOTHING } }));
    for (let i = 0; i < 6; i++) assert.ok(end.receive({ case: "streamData", value: { stream, data } }));
  }
  const codes = end.accepted.map(({ resetCode }) => resetCode);
  // The fourth gets two pieces in, and the fifth takes what that gave back.
  assert.deepEqual(codes, [undefined, undefined, undefined, StreamReset.noMemory, StreamReset.noMemory]);
  assert.equal(budget.of("them"), 180_000);
  const [first, second, third] = end.accepted;
  assert.ok(first && second && third);
  while (end.mux.read(first) !== undefined);
  assert.equal(budget.of("them"), 120_000);
  end.mux.reset(second, 1);
  assert.equal(budget.of("them"), 60_000);
  // One that is over can still be read.
  assert.ok(end.receive({ case: "streamEnd", value: { stream: third.id } }));
  end.mux.end(third);
  end.nextRecord();
  assert.equal(budget.of("them"), 60_000);
  end.mux.read(third);
  end.mux.close();
  assert.equal(budget.usedBytes, 0);
  while (end.mux.read(third) !== undefined);
  assert.equal(budget.usedBytes, 0);
});
