import assert from "node:assert/strict";
import { utf8Bytes } from "../base/mod.ts";
import { MAX_POSTED_BYTES, MAX_POSTED_MESSAGES } from "./outbox.ts";
import { settle, testChannel } from "./testing/memory_stream.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

testChannel(
  "Channel.attach() hands on what post() sends in order, and other topics still go to receive()",
  async (fixture) => {
    const [near, far] = await fixture.connect();
    const got: string[] = [];
    far.attach("calls", (body) => got.push(text(body)));
    assert.equal(near.post("calls", utf8Bytes("one")), true);
    assert.equal(near.post("other", utf8Bytes("aside")), true);
    assert.equal(near.post("calls", [utf8Bytes("tw"), utf8Bytes(""), utf8Bytes("o")]), true);
    assert.deepEqual(await far.receive(), { topic: "other", body: utf8Bytes("aside") });
    await settle();
    assert.deepEqual(got, ["one", "two"]);
    assert.throws(() => far.attach("calls", () => {}), TypeError);
    near.close();
    await far.closed;
  },
);

testChannel(
  "Channel.attach() takes over what waits for receive() already, and leaves the rest in order",
  async (fixture) => {
    const [near, far] = await fixture.connect();
    for (let i = 0; i < 200; i++) near.post(i % 2 ? "odd" : "even", utf8Bytes(`${i}`));
    await settle();
    const got: string[] = [];
    far.attach("odd", (body) => got.push(text(body)));
    for (let i = 0; i < 200; i += 2) assert.equal(text((await far.receive())?.body ?? assert.fail()), `${i}`);
    assert.deepEqual(got, Array.from({ length: 100 }, (_, i) => `${2 * i + 1}`));
    near.close();
    await far.closed;
  },
);

testChannel("Channel closes when a handler throws, and counts it", async (fixture) => {
  const [near, far] = await fixture.connect();
  let calls = 0;
  far.attach("calls", () => {
    calls++;
    throw new Error("a defect");
  });
  near.post("calls", utf8Bytes("one"));
  near.post("calls", utf8Bytes("two"));
  await Promise.all([near.closed, far.closed]);
  assert.equal(calls, 1);
  assert.deepEqual(fixture.drops(), { "channel-handler-failed": 1 });
});

testChannel(
  "Channel.post() shares records: all of one turn, and all that comes while a write is under way",
  async (fixture) => {
    const [near, far] = await fixture.connect();
    let got = 0;
    far.attach("calls", () => got++);
    const writes: number[] = [];
    const write = fixture.near.write.bind(fixture.near);
    fixture.near.write = (bytes) => {
      writes.push(bytes.length);
      if (writes.length === 1) { for (let i = 0; i < 100; i++) near.post("calls", new Uint8Array(100)); }
      return write(bytes);
    };
    for (let i = 0; i < 10; i++) near.post("calls", new Uint8Array(100));
    await settle();
    assert.equal(got, 110);
    assert.equal(writes.length, 2, `${writes}`);
    near.close();
    await far.closed;
  },
);

testChannel("Channel.post() shares a record with what follows some microtasks later", async (fixture) => {
  const [near, far] = await fixture.connect();
  const got: number[] = [];
  far.attach("calls", (body) => void got.push(body.length));
  let writes = 0;
  const write = fixture.near.write.bind(fixture.near);
  fixture.near.write = (bytes) => {
    writes++;
    return write(bytes);
  };
  near.post("calls", new Uint8Array(1));
  for (let i = 0; i < 5; i++) await undefined;
  near.post("calls", new Uint8Array(2));
  await settle();
  assert.deepEqual(got, [1, 2]);
  assert.equal(writes, 1);
  near.close();
  await far.closed;
});

testChannel("Channel.post() refuses when too much is queued, until drained()", async (fixture) => {
  const [near, far] = await fixture.connect();
  await near.drained();
  let got = 0;
  far.attach("calls", () => got++);
  let posted = 0;
  while (near.post("calls", new Uint8Array(10))) posted++;
  // A part is under way, sealed already.
  assert.ok(posted >= MAX_POSTED_MESSAGES && posted < MAX_POSTED_MESSAGES + 5_000, `${posted}`);
  assert.ok(near.queuedBytes > 10 * MAX_POSTED_MESSAGES);
  await near.drained();
  assert.ok(near.queuedBytes < 25 * MAX_POSTED_MESSAGES / 2);
  assert.equal(near.post("calls", new Uint8Array(10)), true);
  await settle();
  assert.equal(got, posted + 1);

  const large = new Uint8Array(1 << 20);
  let largePosted = 0;
  while (near.post("calls", large)) largePosted++;
  assert.ok(largePosted >= 8 && largePosted <= 10, `${largePosted}`);
  assert.ok(near.queuedBytes > MAX_POSTED_BYTES);
  const drained = near.drained();
  near.close();
  await drained;
  assert.equal(near.post("calls", large), false);
  await far.closed;
  assert.equal(got, posted + 1 + largePosted);
});

testChannel("Channel.post() takes bodies of any length and copies them at once", async (fixture) => {
  const [near, far] = await fixture.connect();
  const lengths = [0, 1, 40_000, 48_000, 50_000, 65_500, 65_519, 70_000, 200_000, 1, 1 << 20, 3];
  const got: string[] = [];
  far.attach(
    "calls",
    (body) => got.push(`${body.length} ${body.every((byte) => byte === body.length % 251)}`),
  );
  for (const length of lengths) {
    const body = new Uint8Array(length).fill(length % 251);
    assert.equal(near.post("calls", body), true);
    body.fill(255);
  }
  assert.throws(() => near.post("calls", new Uint8Array((1 << 20) + 1)), RangeError);
  assert.throws(() => near.post("calls", [new Uint8Array(1 << 20), new Uint8Array(1)]), RangeError);
  assert.throws(() => near.post("t".repeat(256), new Uint8Array(0)), RangeError);
  near.close();
  await far.closed;
  assert.deepEqual(got, lengths.map((length) => `${length} true`));
});

testChannel("Channel.send() goes on while post() keeps its queue full", async (fixture) => {
  const [near, far] = await fixture.connect();
  far.attach("calls", () => {});
  let isOver = false;
  const flood = (async () => {
    while (!isOver) {
      while (near.post("calls", new Uint8Array(100)));
      await near.drained();
    }
  })();
  for (let i = 0; i < 200; i++) {
    assert.equal(await near.send({ topic: "mesh", body: Uint8Array.of(i) }), true);
    assert.deepEqual(await far.receive(), { topic: "mesh", body: Uint8Array.of(i) });
    if (i > 2) isOver = true;
  }
  await flood;
  near.close();
  await far.closed;
});
