import assert from "node:assert/strict";
import fc from "fast-check";
import { CounterKey, nobleAead } from "../../../crypto/mod.ts";
import { Endpoint } from "../../../net/mod.ts";
import { LocalCounter } from "../../../wireguard/mod.ts";
import { MAX_AHEAD, noteSent, SharedCounter, SPENT } from "./shared_counter.ts";
import { HEAD, LINE, lineAt, SESSION, sessionAt, sharedMemory } from "./shared_memory.ts";
import { SharedSessions } from "./shared_session.ts";
import type { ClaimingOrder, Claims } from "./testing/claiming_worker.ts";
import { SharingPair, SLOT } from "./testing/sharing_pair.ts";

/** So many keys are to be taken turns on, however long that takes. */
const MIN_RENEWALS = 20;
const BOUND_MS = 15_000;

Deno.test("several workers and the first one take numbers of sessions that are replaced all the time: none twice, none by a wrong key", async () => {
  const workers = 4;
  const pair = new SharingPair(workers);
  const stop = new SharedArrayBuffer(4);
  pair.renew();
  const answers: Promise<Claims>[] = [];
  for (let worker = 1; worker < workers; worker++) {
    const thread = new Worker(new URL("./testing/claiming_worker.ts", import.meta.url), { type: "module" });
    const ready = Promise.withResolvers<void>();
    const claims = Promise.withResolvers<Claims>();
    thread.onmessage = ({ data }: MessageEvent<Claims | "ready">) =>
      data === "ready" ? ready.resolve() : claims.resolve(data);
    const order: ClaimingOrder = { memory: pair.memory, worker, slot: SLOT, stop, seed: worker };
    thread.postMessage(order);
    await ready.promise;
    answers.push(claims.promise);
  }
  const own: number[] = [];
  const key = new Uint8Array(4 * 8);
  let renewals = 0;
  const start = performance.now();
  // A busy machine gets to fewer in that time.
  const isEnough = () => renewals > MIN_RENEWALS && performance.now() - start > 600;
  for (; !isEnough() && performance.now() - start < BOUND_MS; renewals++) {
    const { current } = pair.peer.keypairs;
    assert.ok(current?.sendKey instanceof CounterKey);
    current.sendKey.copyTo(key, 0);
    const word = new DataView(key.buffer).getUint32(0);
    for (let i = 0; i < 50; i++) own.push(word, word, current.counter.claim(7), 7);
    noteSent(pair.words, 0);
    pair.renew();
    // The threads get a turn where there are fewer processors than threads.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  const runs = [own, ...(await Promise.all(answers)).map(({ runs }) => runs)];
  const byKey = new Map<number, [number, number][]>();
  for (const each of runs) {
    for (let i = 0; i < each.length; i += 4) {
      const [before = 0, after = 0, first = -1, count = 0] = each.slice(i, i + 4);
      assert.notEqual(before, 0, "a key that is wiped gives no numbers");
      assert.equal(before, after, "a key stands while it is used");
      if (!byKey.has(before)) byKey.set(before, []);
      byKey.get(before)?.push([first, first + count]);
    }
  }
  for (const taken of byKey.values()) {
    taken.sort(([a], [b]) => a - b);
    for (const [i, [first]] of taken.entries()) assert.ok(first >= (taken[i - 1]?.[1] ?? 0), "twice");
  }
  assert.ok(renewals > MIN_RENEWALS && byKey.size > MIN_RENEWALS, `${renewals} renewals, ${byKey.size} keys`);
  assert.ok(runs.slice(1).some((each) => each.length > 400), "the others took some");
  // Nobody looks any more: everything but the session in use is wiped.
  pair.publisher.publish();
  assert.equal(pair.publisher.pollTimeout(pair.now), undefined);
  for (let session = 0; session < 40; session++) {
    assert.equal(pair.keyWord(session) !== 0, session === pair.told, `session ${session}`);
  }
});

Deno.test("a key is wiped, and its place used again, when every worker has seen that it is replaced, and not before", () => {
  const pair = new SharingPair(3);
  const [first, second] = [1, 2].map((worker) => new SharedSessions(pair.memory, worker, nobleAead)) as [
    SharedSessions,
    SharedSessions,
  ];
  pair.renew();
  const old = pair.told;
  first.enter();
  const held = first.find(SLOT) ?? assert.fail();
  assert.ok(held.counter.claim(1) >= 0);
  const word = pair.keyWord(old);
  assert.notEqual(word, 0);
  pair.renew();
  assert.notEqual(pair.told, old);
  assert.equal(pair.keyWord(old), word, "the first worker may be using it");
  assert.equal(held.counter.claim(1), -1, "and gets no number any more");
  second.enter();
  pair.publisher.publish();
  assert.equal(pair.keyWord(old), word);
  assert.notEqual(pair.publisher.pollTimeout(pair.now), undefined);
  first.leave();
  pair.publisher.publish();
  assert.equal(pair.keyWord(old), 0);
  assert.equal(pair.publisher.pollTimeout(pair.now), undefined);
  pair.renew();
  assert.equal(pair.told, old, "its place is used again");
  assert.equal(second.find(SLOT)?.slot, SLOT);
  assert.equal(second.find(SLOT + 65_536), undefined, "the slot's next peer has no session yet");
  pair.isGone = true;
  pair.here.removePeer(pair.there.publicKey);
  pair.publisher.publish();
  assert.equal(pair.told, -1);
  assert.equal(second.find(SLOT), undefined);
});

Deno.test("a session follows its peer's endpoint and path MTU, and the device's own sealing takes numbers of the same counter", () => {
  const pair = new SharingPair(2);
  const sessions = new SharedSessions(pair.memory, 1, nobleAead);
  pair.renew();
  sessions.enter();
  const session = sessions.find(SLOT) ?? assert.fail();
  assert.equal(session.endpoint?.toString(), "192.0.2.2:51820");
  assert.equal(session.pathMtuBytes, Infinity);
  const endpoint = Endpoint.parse("[2001:db8::7]:7") ?? assert.fail();
  pair.here.setPath(pair.now, pair.there.publicKey, endpoint);
  pair.here.setPathMtu(pair.there.publicKey, 1280);
  pair.publisher.publish();
  assert.equal(session.endpoint?.toString(), "[2001:db8::7]:7");
  assert.equal(session.pathMtuBytes, 1280);
  assert.equal(session.endpoint, session.endpoint, "it is made once");
  const before = session.counter.claim(40);
  const packet = new Uint8Array(20);
  packet.set([0x45, 0, 0, 20]);
  packet.set([10, 0, 0, 2], 12);
  packet.set([10, 0, 0, 1], 16);
  pair.here.setPathMtu(pair.there.publicKey, undefined);
  assert.equal(pair.here.handlePacket(pair.now, packet), undefined);
  const sealed = pair.here.pollTransmit()?.datagram ?? assert.fail();
  assert.equal(new DataView(sealed.buffer, sealed.byteOffset).getUint32(8, true), before + 40);
});

Deno.test("SharedCounter.claim() is LocalCounter.claim(), whoever of the workers claims, until it is spent", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 2048 })), { maxLength: 100 }),
    fc.nat(100_000),
    (claims, fromEnd) => {
      const memory = sharedMemory(4);
      const words = new Int32Array(memory);
      const start = SPENT - fromEnd;
      words[sessionAt(5) + SESSION.COUNTER] = start;
      const counters = [0, 1, 2, 3].map((worker) => new SharedCounter(memory, worker, 5));
      const model = new LocalCounter(start);
      for (const [worker, count] of claims) {
        const counter = counters[worker] ?? assert.fail();
        const expected = model.next + count > SPENT ? -1 : model.claim(count);
        assert.equal(counter.claim(count), expected);
        assert.equal(counter.next, model.next);
        noteSent(words, worker);
      }
    },
  ));
});

Deno.test("SharedCounter.claim() waits for a batch that is not sent when it would be too far ahead, but not for ever, and for no other session's", () => {
  const memory = sharedMemory(2);
  const words = new Int32Array(memory);
  const [slow, fast] = [0, 1].map((worker) => new SharedCounter(memory, worker, 0)) as [
    SharedCounter,
    SharedCounter,
  ];
  const took = (claim: () => number): number => {
    const start = performance.now();
    assert.ok(claim() >= 0);
    return performance.now() - start;
  };
  assert.equal(slow.claim(10), 0);
  assert.equal(fast.claim(MAX_AHEAD - 10), 10);
  assert.equal(words[lineAt(0) + LINE.BATCH_LEAST], 0);
  assert.ok(took(() => fast.claim(1)) > 15, "4,097 ahead of what is not sent");
  noteSent(words, 0);
  assert.ok(took(() => fast.claim(1)) < 15);
  assert.equal(new SharedCounter(memory, 0, 1).claim(1), 0);
  assert.ok(took(() => fast.claim(2 * MAX_AHEAD)) < 15, "the other has a batch of another session");
  assert.equal(words[HEAD.WORKERS], 2);
});
