import assert from "node:assert/strict";
import { concatBytes, SeededRandom, utf8Bytes } from "../base/mod.ts";
import { CLOSE_TIMEOUT_MS } from "./channel.ts";
import { DEAD_AFTER_MS, KEEP_ALIVE_MS, MAX_KEEP_ALIVE_MS } from "./keep_alive.ts";
import { MAX_MESSAGE_BYTES } from "./records/envelope_reader.ts";
import { Fixture, settle, testChannel } from "./testing/memory_stream.ts";

const message = (text: string) => ({ topic: "mesh", body: utf8Bytes(text) });

Deno.test("Channel carries messages both ways, in order, with their topics", async () => {
  const fixture = new Fixture();
  const [near, far] = await fixture.connect();
  assert.deepEqual(near.remoteStatic.bytes, fixture.responderKey.publicKey.bytes);
  assert.deepEqual(far.remoteStatic.bytes, fixture.initiatorKey.publicKey.bytes);
  assert.equal(near.remoteAddress, "memory:other");
  for (const text of ["one", "two", ""]) assert.equal(await near.send(message(text)), true);
  assert.equal(await far.send({ topic: "other", body: utf8Bytes("back") }), true);
  for (const text of ["one", "two", ""]) assert.deepEqual(await far.receive(), message(text));
  assert.deepEqual(await near.receive(), { topic: "other", body: utf8Bytes("back") });
  near.close();
  await Promise.all([near.closed, far.closed]);
  assert.equal(fixture.timers.size, 0);
});

Deno.test("Channel shows nothing of its messages on the wire", async () => {
  const fixture = new Fixture();
  const [near, far] = await fixture.connect();
  await near.send(message("a text that is easy to find"));
  await far.receive();
  const text = new TextDecoder("latin1").decode(concatBytes(fixture.near.written, fixture.far.written));
  for (const word of ["hello", "reply", "mesh", "easy to find"]) assert(!text.includes(word), word);
  near.close();
  await far.closed;
});

testChannel(
  "Channel.send() lets a message of 1 MiB span records, and throws for a longer one",
  async (fixture) => {
    const [near, far] = await fixture.connect();
    const body = new Uint8Array(MAX_MESSAGE_BYTES);
    new SeededRandom(7).fill(body);
    await near.send({ topic: "t".repeat(255), body });
    await near.send(message("after"));
    assert.deepEqual((await far.receive())?.body, body);
    assert.deepEqual(await far.receive(), message("after"));
    await assert.rejects(
      near.send({ topic: "mesh", body: new Uint8Array(MAX_MESSAGE_BYTES + 1) }),
      RangeError,
    );
    await assert.rejects(near.send({ topic: "é".repeat(128), body }), RangeError);
    assert.equal(await near.send(message("still open")), true);
    near.close();
    await far.closed;
  },
);

Deno.test("Channel closes on a message that is longer than its own limit", async () => {
  const fixture = new Fixture();
  const [near, far] = await Promise.all([
    fixture.open(fixture.near, { maxMessageBytes: 4_000 }),
    fixture.accept(fixture.far, { maxMessageBytes: 2_000 }).then((accepted) => accepted?.channel),
  ]);
  assert(far);
  await near.send({ topic: "mesh", body: new Uint8Array(2_001) });
  assert.equal(await far.receive(), undefined);
  await near.closed;
  assert.deepEqual(fixture.drops(), { "channel-message-too-long": 1 });
});

testChannel(
  "Channel.send() waits while the other end does not receive, and nothing is lost",
  async (fixture) => {
    const [near, far] = await fixture.connect();
    const body = new Uint8Array(32 << 10);
    let sent = 0;
    const sending = (async () => {
      for (let i = 0; i < 400; i++) {
        assert.equal(await near.send({ topic: `${i}`, body }), true);
        sent++;
      }
    })();
    await settle();
    const stalledAt = sent;
    assert(stalledAt >= 64 && stalledAt < 200, `${stalledAt} were taken`);
    await settle();
    assert.equal(sent, stalledAt);
    for (let i = 0; i < 400; i++) assert.equal((await far.receive())?.topic, `${i}`);
    await sending;
    near.close();
    await far.closed;
  },
);

testChannel("Channel.send() gives the channel up when a thousand calls wait", async (fixture) => {
  const [near, far] = await fixture.connect();
  const body = new Uint8Array(100 << 10);
  const results = await Promise.all(
    Array.from({ length: 1_300 }, () => near.send({ topic: "mesh", body })),
  );
  assert(results.includes(true) && results.includes(false));
  await near.closed;
  await far.closed;
  assert.equal(fixture.initiatorCounters.get("channel-send-overflow"), 1);
});

testChannel("Channel.ping() measures the round trip, and calls at once share a ping", async (fixture) => {
  const [near, far] = await fixture.connect();
  assert.equal(near.lastRttMs, undefined);
  const pings = [near.ping(), near.ping()];
  fixture.clock.advance(7);
  assert.deepEqual(await Promise.all(pings), [7, 7]);
  assert.equal(near.lastRttMs, 7);
  const unanswered = near.ping();
  near.close();
  assert.equal(await unanswered, undefined);
  assert.equal(await near.ping(), undefined);
  await far.closed;
});

testChannel("Channel stays open by its pings while nothing else is said", async (fixture) => {
  const [near, far] = await fixture.connect();
  for (let i = 0; i < 20; i++) {
    fixture.timers.advance(KEEP_ALIVE_MS);
    await settle();
  }
  assert.equal(near.lastRttMs, 0);
  assert.equal(await near.send(message("still here")), true);
  assert.deepEqual(await far.receive(), message("still here"));
  near.close();
  await far.closed;
});

testChannel("Channel closes when the other end has fallen silent", async (fixture) => {
  const [near, far] = await fixture.connect();
  fixture.timers.advance(DEAD_AFTER_MS - 1);
  assert.equal(fixture.near.isClosed, false);
  fixture.timers.advance(1);
  assert.equal(await near.receive(), undefined);
  await near.closed;
  assert.equal(await near.send(message("too late")), false);
  assert.equal(fixture.initiatorCounters.get("channel-peer-silent"), 1);
  await far.closed;
  assert.equal(fixture.timers.size, 0);
});

testChannel(
  "Channel.pingAfter() spares pings, and the other end is dead after 30 s all the same",
  async (fixture) => {
    const [near, far] = await fixture.connect();
    for (const channel of [near, far]) channel.pingAfter(60_000);
    for (let i = 0; i < 10; i++) {
      fixture.timers.advance(MAX_KEEP_ALIVE_MS - 1);
      await settle();
      assert.equal(near.silentMs, MAX_KEEP_ALIVE_MS - 1, "neither end asks");
      fixture.timers.advance(1);
      await settle();
      assert.ok(near.silentMs < 2 && far.silentMs < 2);
    }
    far.pingAfter(0);
    fixture.timers.advance(KEEP_ALIVE_MS);
    await settle();
    assert.ok(near.silentMs < 2, "one end is enough");
    fixture.timers.advance(DEAD_AFTER_MS - 1);
    assert.equal(fixture.near.isClosed, false);
    fixture.timers.advance(1);
    await Promise.all([near.closed, far.closed]);
    assert.equal(fixture.timers.size, 0);
  },
);

testChannel("Channel stays open for a slow consumer, however long it takes", async (fixture) => {
  const [near, far] = await fixture.connect();
  const sending = (async () => {
    for (let i = 0; i < 200; i++) await near.send(message(`${i}`));
  })();
  for (let i = 0; i < 30; i++) {
    await settle();
    fixture.timers.advance(KEEP_ALIVE_MS);
  }
  for (let i = 0; i < 200; i++) assert.deepEqual(await far.receive(), message(`${i}`));
  await sending;
  near.close();
  await far.closed;
});

testChannel("Channel.close() sends what is queued and tells its reason", async (fixture) => {
  const [near, far] = await fixture.connect();
  for (let i = 0; i < 5; i++) await near.send(message(`${i}`));
  near.close("x".repeat(300));
  assert.equal(await near.send(message("after")), false);
  await Promise.all([near.closed, far.closed]);
  for (let i = 0; i < 5; i++) assert.deepEqual(await far.receive(), message(`${i}`));
  assert.equal(await far.receive(), undefined);
  assert.equal(far.closeReason, "x".repeat(100));
  assert.equal(near.closeReason, undefined);
});

testChannel("Channel.close() at both ends at once closes both", async (fixture) => {
  const [near, far] = await fixture.connect();
  const waiting = [near.receive(), far.receive()];
  near.close();
  far.close();
  near.close();
  await Promise.all([near.closed, far.closed]);
  assert.deepEqual(await Promise.all(waiting), [undefined, undefined]);
  assert.equal(fixture.timers.size, 0);
});

testChannel("Channel.close() does not wait for ever for an end that reads nothing", async (fixture) => {
  const [near, far] = await fixture.connect();
  const body = new Uint8Array(128 << 10);
  const sends = Array.from({ length: 100 }, () => near.send({ topic: "mesh", body }));
  await settle();
  near.close();
  await settle();
  assert.equal(fixture.near.isClosed, false);
  fixture.timers.advance(CLOSE_TIMEOUT_MS);
  await near.closed;
  assert.equal((await Promise.all(sends)).includes(false), true);
  far.close();
  await far.closed;
});

testChannel("Channel.receive() waits once at a time", async (fixture) => {
  const [near, far] = await fixture.connect();
  const first = near.receive();
  await assert.rejects(near.receive(), TypeError);
  await far.send(message("for the first"));
  assert.deepEqual(await first, message("for the first"));
  near.close();
  await far.closed;
});
