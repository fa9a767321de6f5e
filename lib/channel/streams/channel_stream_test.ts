import assert from "node:assert/strict";
import { concatBytes, equalBytes, SeededRandom, utf8Bytes } from "../../base/mod.ts";
import type { Channel } from "../channel.ts";
import { type Fixture, settle, testChannel } from "../testing/memory_stream.ts";
import type { ChannelStream } from "./channel_stream.ts";
import { MAX_STREAMS } from "./stream_mux.ts";
import { INITIAL_WINDOW_BYTES, MAX_HEADER_BYTES, StreamReset, WIDE_WINDOW_BYTES } from "./stream_state.ts";

const NOTHING = new Uint8Array(0);

function random(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  new SeededRandom(seed).fill(bytes);
  return bytes;
}

async function readAll(stream: ChannelStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let part = await stream.read(); part !== undefined; part = await stream.read()) parts.push(part);
  return concatBytes(...parts);
}

/** @returns the streams that the other end begins */
function serve(channel: Channel, topic = "files"): { stream: ChannelStream; header: Uint8Array }[] {
  const streams: { stream: ChannelStream; header: Uint8Array }[] = [];
  channel.onStream(topic, (stream, header) => streams.push({ stream, header }));
  return streams;
}

async function opened(
  fixture: Fixture,
): Promise<{ near: Channel; far: Channel; ours: ChannelStream; theirs: ChannelStream }> {
  const [near, far] = await fixture.connect();
  const accepted = serve(far);
  const ours = near.openStream("files", utf8Bytes("header"));
  await settle();
  assert.deepEqual(accepted[0]?.header, utf8Bytes("header"));
  return { near, far, ours, theirs: accepted[0]?.stream ?? assert.fail() };
}

async function endOf(fixture: Fixture, near: Channel, far: Channel): Promise<void> {
  near.close();
  await Promise.all([near.closed, far.closed]);
  assert.equal(fixture.timers.size, 0);
}

testChannel(
  "ChannelStream carries megabytes both ways at once and ends each way on its own",
  async (fixture) => {
    const { near, far, ours, theirs } = await opened(fixture);
    const [there, back] = [random(2_000_001, 1), random(1_500_000, 2)];
    const send = async (stream: ChannelStream, bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length; at += 100_000) {
        assert.equal(await stream.write(bytes.subarray(at, at + 100_000)), true);
      }
      stream.end();
    };
    const sending = send(ours, there);
    const got = readAll(theirs);
    await sending;
    assert.ok(equalBytes(await got, there));
    assert.equal(await ours.write(NOTHING), false);
    void send(theirs, back);
    assert.ok(equalBytes(await readAll(ours), back));
    await Promise.all([ours.closed, theirs.closed]);
    assert.equal(await ours.read(), undefined);
    assert.equal(ours.resetCode, undefined);
    await endOf(fixture, near, far);
    assert.equal(ours.resetCode, undefined);
  },
);

testChannel(
  "Channel.openStream() works at both ends at once, with headers of up to 64 KiB, even behind messages without end",
  async (fixture) => {
    const [near, far] = await fixture.connect();
    const [fromNear, fromFar] = [serve(far), serve(near)];
    const header = random(MAX_HEADER_BYTES);
    far.attach("noise", () => {});
    for (let i = 0; i < 500; i++) near.post("noise", new Uint8Array(8_000));
    const ours = near.openStream("files", header);
    const theirs = far.openStream("files", NOTHING);
    ours.end();
    theirs.end();
    await settle();
    assert.deepEqual(fromNear[0]?.header, header);
    assert.deepEqual(fromFar[0]?.header, NOTHING);
    assert.equal(await fromNear[0]?.stream.read(), undefined);
    assert.equal(await fromFar[0]?.stream.read(), undefined);
    assert.throws(() => near.openStream("files", new Uint8Array(MAX_HEADER_BYTES + 1)), RangeError);
    assert.throws(() => near.openStream("x".repeat(256), NOTHING), RangeError);
    assert.throws(() => near.onStream("files", () => {}), TypeError);
    await endOf(fixture, near, far);
  },
);

testChannel(
  "ChannelStream.write() waits for a consumer that does not read, which holds up nothing else",
  async (fixture) => {
    const { near, far, ours } = await opened(fixture);
    let isWritten = false;
    const writing = ours.write(new Uint8Array(WIDE_WINDOW_BYTES)).then((written) => isWritten = written);
    await settle();
    assert.equal(isWritten, false);

    let messages = 0;
    far.attach("calls", () => messages++);
    for (let i = 0; i < 100; i++) near.post("calls", new Uint8Array(1_000));
    const other = near.openStream("more", NOTHING);
    far.onStream(
      "more",
      (stream) => void readAll(stream).then((bytes) => stream.write(bytes.subarray(0, 3))),
    );
    assert.equal(await other.write(new Uint8Array(1_000_000)), true);
    other.end();
    assert.equal((await other.read())?.length, 3);
    assert.equal(messages, 100);
    assert.equal(isWritten, false);

    near.close();
    assert.equal(await writing, false);
    assert.equal(ours.resetCode, StreamReset.channelClosed);
    await far.closed;
  },
);

testChannel(
  "ChannelStream sends at most a window that is not read, which widens for a consumer that reads",
  async (fixture) => {
    const { near, far, ours, theirs } = await opened(fixture);
    const before = fixture.near.written.length;
    void ours.write(new Uint8Array(10 << 20));
    await settle();
    const first = fixture.near.written.length - before;
    assert.ok(first >= INITIAL_WINDOW_BYTES && first < INITIAL_WINDOW_BYTES + 1_000, `${first}`);
    let read = (await theirs.read())?.length ?? 0;
    await settle();
    const wide = fixture.near.written.length - before - read;
    assert.ok(wide >= WIDE_WINDOW_BYTES * 3 / 4 && wide < WIDE_WINDOW_BYTES + 2_000, `${wide}`);
    while (read < 10 << 20) read += (await theirs.read())?.length ?? assert.fail();
    assert.equal(read, 10 << 20);
    await endOf(fixture, near, far);
  },
);

testChannel("ChannelStream.reset() ends both directions at both ends and tells the code", async (fixture) => {
  const { near, far, ours, theirs } = await opened(fixture);
  await theirs.write(new Uint8Array(100));
  const writing = ours.write(new Uint8Array(1 << 20));
  await settle();
  const reading = theirs.read().then(() => theirs.read()).then(() => theirs.read());
  theirs.reset(77);
  assert.equal(await reading, undefined);
  assert.equal(await writing, false);
  await Promise.all([ours.closed, theirs.closed]);
  assert.deepEqual([ours.resetCode, theirs.resetCode], [77, 77]);
  // What had arrived goes with it.
  assert.equal(await ours.read(), undefined);
  assert.equal(await theirs.write(new Uint8Array(1)), false);
  ours.reset(5);
  ours.end();
  assert.equal(ours.resetCode, 77);
  for (const code of [-1, 1.5, 0xffff_fff0]) assert.throws(() => ours.reset(code), RangeError);
  await settle();
  assert.equal(await near.send({ topic: "still", body: NOTHING }), true);
  assert.equal((await far.receive())?.topic, "still");
  await endOf(fixture, near, far);
});

testChannel(
  "ChannelStream.reset() by both ends at once, and before the other end was told, harms nothing",
  async (fixture) => {
    const { near, far, ours, theirs } = await opened(fixture);
    ours.reset(1);
    theirs.reset(2);
    const untold = near.openStream("files", NOTHING);
    untold.reset(3);
    const next = near.openStream("files", NOTHING);
    await settle();
    assert.deepEqual([ours.resetCode, theirs.resetCode, untold.resetCode], [1, 2, 3]);
    assert.equal(next.resetCode, undefined);
    assert.equal(await next.write(new Uint8Array(1)), true);
    await endOf(fixture, near, far);
    assert.deepEqual(fixture.drops(), {});
  },
);

testChannel(
  "Channel.onStream() decides: a stream without handler is reset, a handler that throws ends the channel",
  async (fixture) => {
    const [near, far] = await fixture.connect();
    const stream = near.openStream("nobody", NOTHING);
    assert.equal(await stream.read(), undefined);
    assert.equal(stream.resetCode, StreamReset.noHandler);
    far.onStream("broken", () => {
      throw new Error("a defect");
    });
    near.openStream("broken", NOTHING);
    await Promise.all([near.closed, far.closed]);
    assert.deepEqual(fixture.drops(), { "channel-handler-failed": 1 });
  },
);

testChannel(
  "Channel.openStream() gives a stream that is reset when there are too many or the channel is closed",
  async (fixture) => {
    const [near, far] = await fixture.connect();
    const accepted = serve(far);
    const streams = Array.from({ length: MAX_STREAMS }, () => near.openStream("files", NOTHING));
    const one = near.openStream("files", NOTHING);
    assert.equal(one.resetCode, StreamReset.tooMany);
    await one.closed;
    await settle();
    assert.equal(accepted.length, MAX_STREAMS);
    accepted[5]?.stream.reset(0);
    await settle();
    assert.equal(streams[5]?.resetCode, 0);
    assert.equal(near.openStream("files", NOTHING).resetCode, undefined);
    await endOf(fixture, near, far);
    assert.equal(near.openStream("files", NOTHING).resetCode, StreamReset.channelClosed);
    for (const stream of streams) await stream.closed;
    assert.equal(streams[6]?.resetCode, StreamReset.channelClosed);
  },
);

testChannel("ChannelStreams share a channel fairly, and a message passes them all", async (fixture) => {
  const [near, far] = await fixture.connect();
  const received = [0, 0, 0, 0];
  far.onStream("bulk", async (stream, header) => {
    const index = header[0] ?? 0;
    for (let part = await stream.read(); part !== undefined; part = await stream.read()) {
      received[index] = (received[index] ?? 0) + part.length;
    }
  });
  const order: number[] = [];
  far.attach("calls", () => order.push(received.reduce((sum, bytes) => sum + bytes)));
  const streams = received.map((_, index) => near.openStream("bulk", Uint8Array.of(index)));
  const writing = streams.map((stream) => stream.write(new Uint8Array(4 << 20)));
  while ((received[0] ?? 0) < 1 << 20) await Promise.resolve();
  const before = received.reduce((sum, bytes) => sum + bytes);
  near.post("calls", NOTHING);
  while (order.length === 0) await Promise.resolve();
  // What the stream in memory holds, a write of two records, and what was read ahead.
  assert.ok((order[0] ?? 0) - before < 600_000, `${order[0]} ${before}`);
  const [least, most] = [Math.min(...received), Math.max(...received)];
  assert.ok(most - least <= 160_000, `${received}`);
  await Promise.all(writing);
  await endOf(fixture, near, far);
});

testChannel("Channel lets messages without end hold no stream up, nor streams messages", async (fixture) => {
  const [near, far] = await fixture.connect();
  let messages = 0;
  const body = new Uint8Array(200);
  far.attach("calls", () => messages++);
  const accepted = serve(far);
  const stream = near.openStream("files", NOTHING);
  let isOver = false;
  const flood = (async () => {
    while (!isOver) {
      while (near.post("calls", body));
      await near.drained();
    }
  })();
  const writing = stream.write(new Uint8Array(1 << 19)).then(() => stream.end());
  await settle();
  messages = 0;
  const got = await readAll(accepted[0]?.stream ?? assert.fail());
  isOver = true;
  await writing;
  assert.equal(got.length, 1 << 19);
  // A record has three times as much of messages as of one stream.
  assert.ok(messages * body.length < 4 << 20, `${messages}`);
  assert.ok(messages > 1_000, `${messages}`);
  near.close();
  await flood;
  await far.closed;
});

testChannel(
  "ChannelStream.setWindow() lets the other end send as much before anybody reads",
  async (fixture) => {
    const { near, far, ours, theirs } = await opened(fixture);
    for (const bytes of [0, NaN, INITIAL_WINDOW_BYTES - 1, (16 << 20) + 1]) {
      assert.throws(() => theirs.setWindow(bytes), RangeError);
    }
    theirs.setWindow(1 << 20);
    await settle();
    const sent = random(1 << 20);
    assert.equal(await ours.write(sent), true);
    let isMore = false;
    void ours.write(Uint8Array.of(1)).then((isWritten) => isMore = isWritten);
    await settle();
    assert.equal(isMore, false);
    const parts: Uint8Array[] = [];
    for (let length = 0; length <= sent.length;) {
      const part = await theirs.read() ?? assert.fail();
      parts.push(part);
      length += part.length;
    }
    assert.ok(equalBytes(concatBytes(...parts), concatBytes(sent, Uint8Array.of(1))));
    await settle();
    assert.equal(isMore, true);
    ours.reset(1);
    // Of a stream that is over it changes nothing.
    ours.setWindow(1 << 20);
    await endOf(fixture, near, far);
  },
);
