import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Duplex } from "./duplex.ts";
import { relay } from "./relay.ts";
import { memoryPair, pattern, readAll, sendAll, tcpPair, until } from "./testing/streams.ts";

type MakePair = () => Promise<readonly [Duplex, Duplex]>;

/** near <-> first == relay == second <-> far */
async function relayed(pair: MakePair, signal?: AbortSignal): Promise<{
  readonly near: Duplex;
  readonly far: Duplex;
  readonly result: ReturnType<typeof relay>;
}> {
  const [near, first] = await pair();
  const [second, far] = await pair();
  return { near, far, result: relay(first, second, signal) };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const stub = (own: Partial<Duplex>): Duplex => ({
  resetCode: undefined,
  read: () => Promise.resolve(undefined),
  write: () => Promise.resolve(true),
  end: () => {},
  reset: () => {},
  ...own,
});
const pairs: readonly (readonly [string, MakePair])[] = [
  ["memory", () => Promise.resolve(memoryPair())],
  ["TCP", tcpPair],
];
for (const [kind, pair] of pairs) {
  Deno.test(`relay() carries 8 MB both ways at once over ${kind}`, async () => {
    const { near, far, result } = await relayed(pair);
    const forth = pattern(8 << 20);
    const back = forth.toReversed();
    const [, , atFar, atNear] = await Promise.all([
      sendAll(near, forth),
      sendAll(far, back),
      readAll(far),
      readAll(near),
    ]);
    assert.ok(Buffer.compare(atFar, forth) === 0 && Buffer.compare(atNear, back) === 0);
    assert.deepEqual(await result, { bytesForth: 8 << 20, bytesBack: 8 << 20, isComplete: true });
  });

  Deno.test(`relay() passes on the end of one direction and goes on with the other over ${kind}`, async () => {
    const { near, far, result } = await relayed(pair);
    await sendAll(near, bytes("question"));
    assert.deepEqual(await readAll(far), bytes("question"));
    // Nothing can have come before: the answer is made now.
    await sendAll(far, bytes("answer"));
    assert.deepEqual(await readAll(near), bytes("answer"));
    assert.equal((await result).isComplete, true);
  });

  Deno.test(`relay() ends when it is told to, while both ends wait, over ${kind}`, async () => {
    const abort = new AbortController();
    const { near, far, result } = await relayed(pair, abort.signal);
    const reads = Promise.all([near.read(), far.read()]);
    abort.abort();
    assert.deepEqual(await reads, [undefined, undefined]);
    assert.equal((await result).isComplete, false);
    for (const end of [near, far]) end.reset(1);
  });

  Deno.test(`relay() does not begin when it was told to end before, over ${kind}`, async () => {
    const { near, far, result } = await relayed(pair, AbortSignal.abort());
    assert.deepEqual(await result, { bytesForth: 0, bytesBack: 0, isComplete: false });
    assert.equal(await near.read(), undefined);
    for (const end of [near, far]) end.reset(1);
  });

  Deno.test(`relay() makes a fast writer wait for a slow reader over ${kind}`, async () => {
    const { near, far, result } = await relayed(pair);
    const piece = pattern(64 << 10);
    let written = 0;
    const writing = (async () => {
      while (written < 64 << 20 && await near.write(piece)) written += piece.length;
    })();
    // What fits into the buffers on the way, and no more.
    let before = -1;
    await until(() => {
      const isStill = written === before;
      before = written;
      return isStill;
    });
    assert.ok(written < 32 << 20, `${written} bytes are under way`);
    far.reset(1);
    await writing;
    near.reset(1);
    assert.equal((await result).isComplete, false);
  });
}

Deno.test("relay() passes on a reset with its code, and not those of the channel itself", async () => {
  for (const [code, passed] of [[5, 5], [0xffff_ffef, 0xffff_ffef], [0xffff_fff0, 1]] as const) {
    const [near, first] = memoryPair();
    assert.equal((await relay(first, stub({ resetCode: code }))).isComplete, false);
    assert.equal(near.resetCode, passed);
  }
});

Deno.test("relay() resets whoever sends to an end that takes nothing any more", async () => {
  const { near, far, result } = await relayed(tcpPair);
  far.reset(1);
  const piece = pattern(64 << 10);
  while (await near.write(piece));
  assert.equal((await result).isComplete, false);
});

Deno.test("relay() ends both streams when one throws", async () => {
  const [near, first] = memoryPair();
  const broken = stub({ read: () => Promise.reject(new Error("broken")) });
  assert.equal((await relay(first, broken)).isComplete, false);
  assert.equal(near.resetCode, 1);
});
