import assert from "node:assert/strict";
import { memoryAccount, MemoryBudget } from "../base/mod.ts";
import { Inbox } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import { EnvelopeReader } from "./records/envelope_reader.ts";
import { settle, testChannel } from "./testing/memory_stream.ts";

const MIB = 1 << 20;
const TOPIC = new Uint8Array(4);

function account() {
  const budget = new MemoryBudget({ totalBytes: 64 * MIB, originBytes: 16 * MIB });
  return { budget, memory: memoryAccount(budget, "them") };
}

Deno.test("EnvelopeReader takes room as an envelope arrives, not as it is announced, and gives it back", () => {
  const { budget, memory } = account();
  const reader = new EnvelopeReader(MIB);
  reader.memory = memory;
  const feed = (bytes: Uint8Array) => {
    reader.append(bytes);
    return reader.next();
  };
  assert.equal(feed(Uint8Array.of(0, 0x10, 0, 0)), "incomplete");
  assert.equal(budget.usedBytes, 64 * 1_024);
  const body = Uint8Array.from({ length: MIB }, (_, i) => i * 7);
  for (let at = 0; at < MIB - 60_000; at += 60_000) {
    assert.equal(feed(body.subarray(at, at + 60_000)), "incomplete");
    assert.ok(budget.usedBytes <= Math.max(65_536, 2 * (at + 60_000)));
  }
  assert.equal(feed(body.subarray(17 * 60_000)), "found");
  assert.deepEqual(reader.bytes.subarray(reader.start, reader.end), body);
  assert.equal(reader.next(), "incomplete");
  assert.equal(budget.usedBytes, 0);
});

Deno.test("Inbox counts what waits, and gives it back when it is taken or the channel ends", async () => {
  const { budget, memory } = account();
  const inbox = new Inbox();
  inbox.memory = memory;
  const message = (topic: string) => ({ topic, body: new Uint8Array(MIB) });
  for (const topic of ["a", "b", "a", "b"]) assert.equal(inbox.deliver(message(topic)), undefined);
  const waiting = inbox.deliver(message("c"));
  assert.ok(waiting !== undefined);
  assert.equal(budget.usedBytes, 5 * MIB);
  assert.equal(inbox.extract("a").length, 2);
  await waiting;
  assert.equal(budget.usedBytes, 3 * MIB);
  inbox.shift();
  inbox.close();
  assert.equal(budget.usedBytes, 0);
  assert.equal(inbox.shift()?.topic, "b");
  inbox.clear();
  assert.equal(budget.usedBytes, 0);
});

Deno.test("Outbox counts what the other end does not read, a record aside", () => {
  const { budget, memory } = account();
  const outbox = new Outbox();
  outbox.memory = memory;
  outbox.post(TOPIC, new Uint8Array(1_000));
  assert.equal(budget.usedBytes, 0);
  while (outbox.post(TOPIC, new Uint8Array(1_000)));
  assert.ok(budget.usedBytes > 7.9 * MIB, String(budget.usedBytes));
  while (outbox.shift() !== undefined);
  assert.equal(budget.usedBytes, 0);
  while (outbox.post(TOPIC, new Uint8Array(1_000)));
  outbox.clear();
  assert.equal(budget.usedBytes, 0);
});

testChannel(
  "Channel.limitMemory() counts what the other end makes it hold until it is closed",
  async (fixture) => {
    const { budget, memory } = account();
    const [near, far] = await fixture.connect();
    far.limitMemory(memory);
    far.onStream("files", () => {});
    for (let i = 0; i < 20; i++) {
      void near.openStream("files", new Uint8Array(0)).write(
        new Uint8Array(60_000),
      );
    }
    for (let i = 0; i < 3; i++) near.post("mesh", new Uint8Array(MIB));
    await settle();
    assert.equal(budget.usedBytes, 20 * 60_000 + 3 * MIB);
    near.close();
    await far.closed;
    assert.equal(budget.usedBytes, 0);
  },
);
