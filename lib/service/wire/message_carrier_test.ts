import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { Compression, Encoding } from "../../proto/mod.ts";
import { failureOf } from "../testing/outcome.ts";
import {
  type CarrierLimits,
  MAX_DETACHED,
  MAX_INFLATING,
  MessageCarrier,
  STALLED_MS,
} from "./message_carrier.ts";
import { type Compressor, peerId } from "../ports.ts";
import { fakeLinks } from "../testing/fake_links.ts";
import { streamPair } from "../testing/memory_stream.ts";
import type { WireValue } from "./node_message.ts";
import { encodeValue, plain } from "./wire_value.ts";

const PEER = peerId("hostile");
const MIB = 1 << 20;

/** A compressor whose work ends when it is told to. */
function slowCompressor() {
  const begun: { readonly maxBytes: number; readonly end: (bytes?: Uint8Array) => void }[] = [];
  const compressor: Compressor = {
    deflate: () => Promise.resolve(undefined),
    inflate: (_, maxBytes) => new Promise((end) => void begun.push({ maxBytes, end })),
  };
  return { begun, compressor };
}

function carrierWith(compressor: Compressor | undefined, limits: CarrierLimits = {}): MessageCarrier {
  return new MessageCarrier(fakeLinks({}), compressor, limits);
}

/** What inflates to as many bytes as it says. */
function bomb(plainBytes: number, encoding: Encoding = Encoding.BINARY): WireValue {
  return { ...plain(encoding, new Uint8Array(16_000)), compression: Compression.DEFLATE, plainBytes };
}

async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

Deno.test("MessageCarrier inflates two values at a time, of each peer in turn, and lets 32 of one peer wait", async () => {
  const { begun, compressor } = slowCompressor();
  const carrier = carrierWith(compressor);
  const values = Array.from({ length: MAX_DETACHED + 8 }, () => carrier.complete(PEER, bomb(1), undefined));
  const other = carrier.complete(peerId("other"), bomb(2), undefined);
  await settle();
  assert.equal(begun.length, MAX_INFLATING);
  for (let ended = 0; ended < MAX_DETACHED + 1; ended++) {
    await settle();
    begun[ended]?.end(new Uint8Array(begun[ended]?.maxBytes ?? 0));
  }
  const codes = (await Promise.all([...values, other])).map((whole) =>
    "code" in whole ? whole.code : "whole"
  );
  assert.equal(codes.filter((code) => code === "Overloaded").length, 8);
  assert.equal(codes.at(-1), "whole");
  const at = begun.findIndex(({ maxBytes }) => maxBytes === 2);
  assert.ok(at <= MAX_INFLATING + 1, `the other peer was number ${at}`);
});

Deno.test("MessageCarrier claims all that a value will be before it inflates, and keeps what it is", async () => {
  const { begun, compressor } = slowCompressor();
  const carrier = carrierWith(compressor);
  const whole = carrier.complete(PEER, bomb(8 * MIB), undefined);
  assert.equal(carrier.memory.of(PEER), 8 * MIB + 16_000);
  await settle();
  assert.equal(begun[0]?.maxBytes, 8 * MIB);
  begun[0]?.end(new Uint8Array(8 * MIB));
  const held = await whole;
  assert.ok("claim" in held);
  assert.equal(carrier.memory.of(PEER), 8 * MIB);
  held.claim.release();
  held.claim.release();
  assert.equal(carrier.memory.usedBytes, 0);
});

Deno.test("MessageCarrier refuses what a peer has no room for, and what breaks gives its room back", async () => {
  const { begun, compressor } = slowCompressor();
  const carrier = carrierWith(compressor);
  const values = Array.from({ length: 32 }, () => carrier.complete(PEER, bomb(15 * MIB), undefined));
  await settle();
  assert.ok(carrier.memory.usedBytes <= 64 * MIB);
  assert.equal(carrier.memory.refused, 28);
  for (let i = 0; i < 4; i++) {
    begun[i]?.end(i % 2 === 0 ? undefined : new Uint8Array(7));
    await settle();
  }
  const codes = (await Promise.all(values)).map((whole) => "code" in whole ? whole.code : "whole");
  // One that is not as long as it said is broken as well.
  assert.deepEqual([codes.filter((code) => code === "Incompatible").length, codes.includes("whole")], [
    4,
    false,
  ]);
  assert.equal(carrier.memory.usedBytes, 0);
});

Deno.test("MessageCarrier makes room for the most that it can become when nobody says how long a value is", () => {
  const { compressor } = slowCompressor();
  const carrier = carrierWith(compressor);
  void carrier.complete(PEER, { ...bomb(0), data: new Uint8Array(1_000) }, undefined);
  assert.equal(carrier.memory.of(PEER), 1_000 + 1_032_000);
  void carrier.complete(PEER, bomb(0, Encoding.JSON), undefined);
  assert.equal(carrier.memory.of(PEER), 1_000 + 1_032_000 + 16_000 + MIB);
});

Deno.test("MessageCarrier says how long a compressed value may become when its sender has not said how long it is", async () => {
  const { begun, compressor } = slowCompressor();
  const carrier = carrierWith(compressor);
  for (const [plainBytes, wanted] of [[0, "at most 1032000 bytes"], [2_000, "make 2000 bytes"]] as const) {
    const whole = carrier.complete(PEER, { ...bomb(plainBytes), data: new Uint8Array(1_000) }, undefined);
    await settle();
    begun.at(-1)?.end(undefined);
    const answer = await whole;
    assert.ok(
      "code" in answer && answer.code === "Incompatible" && answer.message.includes(wanted),
      JSON.stringify(answer),
    );
  }
});

Deno.test("MessageCarrier refuses values over its limits before it reads anything of them", async () => {
  const { begun, compressor } = slowCompressor();
  const carrier = carrierWith(compressor);
  const tooLong = [
    bomb(16 * MIB + 1),
    bomb(MIB + 1, Encoding.JSON),
    { ...plain(Encoding.JSON, new Uint8Array(0)), detachedBytes: MIB + 1 },
    { ...plain(Encoding.BINARY, new Uint8Array(0)), detachedBytes: 16 * MIB + 1 },
  ];
  for (const value of tooLong) {
    const [, far] = streamPair(() => {});
    const whole = await carrier.complete(PEER, value, far);
    assert.equal("code" in whole && whole.code, "PayloadTooLarge");
    assert.notEqual(far.resetCode, undefined);
  }
  assert.deepEqual([begun.length, carrier.memory.peakBytes], [0, 0]);
});

Deno.test("MessageCarrier.checkLength() tells the sender how structured values go that are too long", async () => {
  const carrier = carrierWith(undefined);
  const check = (value: unknown) => failureOf(Promise.try(() => carrier.checkLength(encodeValue(value))));
  const long = await check("x".repeat(MIB));
  assert.equal(long.code, "PayloadTooLarge");
  assert.match(
    long.message,
    /structured values is 1048576, for bytes \(Uint8Array\) 16777216; a stream of items/,
  );
  assert.equal((await check(Array.from({ length: 40_000 }, () => ({})))).code, "PayloadTooLarge");
  carrier.checkLength(encodeValue("x".repeat(MIB - 2)));
  carrier.checkLength(encodeValue(new Uint8Array(16 * MIB)));
});

Deno.test("MessageCarrier hands long structured values over one in a turn, and one peer does not wait for all of another", async () => {
  const timers = new VirtualTimers(new VirtualClock());
  const carrier = new MessageCarrier(fakeLinks({}), undefined, {}, timers);
  const done: string[] = [];
  const complete = (name: string, bytes: number) => {
    const [near, far] = streamPair(() => {});
    void near.write(new Uint8Array(bytes)).then(() => near.end());
    const value = { ...plain(Encoding.JSON, new Uint8Array(0)), detachedBytes: bytes };
    void carrier.complete(peerId(name), value, far).then(() => done.push(name));
  };
  for (const name of ["a", "a", "a", "b"]) complete(name, 100_000);
  complete("short", 30_000);
  await settle();
  assert.deepEqual(done, ["short"]);
  for (const known of [["short", "a"], ["short", "a", "a"], ["short", "a", "a", "b"]]) {
    timers.advance(1);
    await settle();
    assert.deepEqual(done, known);
  }
  timers.advance(1);
  await settle();
  assert.equal(carrier.memory.of(peerId("a")), 300_000);
});

Deno.test("MessageCarrier gives up a value of which nothing comes any more, and not one that comes slowly", async () => {
  const timers = new VirtualTimers(new VirtualClock());
  const carrier = new MessageCarrier(fakeLinks({}), undefined, {}, timers);
  const begin = () => {
    const [near, far] = streamPair(() => {});
    const value = { ...plain(Encoding.BINARY, new Uint8Array(0)), detachedBytes: 10 };
    return { near, whole: carrier.complete(PEER, value, far) };
  };
  const [slow, stalled] = [begin(), begin()];
  for (let i = 0; i < 10; i++) {
    void slow.near.write(new Uint8Array(1));
    await settle();
    timers.advance(STALLED_MS);
    await settle();
  }
  slow.near.end();
  const broken = await stalled.whole;
  assert.equal("code" in broken && broken.code, "StreamBroken");
  const whole = await slow.whole;
  assert.ok("claim" in whole);
  whole.claim.release();
  assert.deepEqual([carrier.memory.usedBytes, timers.size], [0, 0]);
});
