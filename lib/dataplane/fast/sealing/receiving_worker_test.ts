/**
 * Tests of a further worker that is asked to receive, on system calls in memory, with the first worker's side of it.
 * @module
 */

import assert from "node:assert/strict";
import { millis } from "../../../base/mod.ts";
import { WasmBatchCipher } from "../../../crypto/mod.ts";
import { ERRNO, POLLIN } from "../../../host/mod.ts";
import { Cidr, Endpoint } from "../../../net/mod.ts";
import type { BatchSession } from "../../../wireguard/mod.ts";
import type { CoordinatedEngine } from "../engine_parts.ts";
import {
  HandedBatches,
  receiveHandoverMemory,
  ReceivingCoordinator,
  receivingMemory,
  type TakenBatch,
} from "../receiving/mod.ts";
import { readVirtioHeader, splitSuperpacket, VIRTIO_HEADER_BYTES } from "../superpacket.ts";
import { FAKE_BASE, FAKE_TUN_FD, FAKE_UDP_FD, FAKE_WAKE_FD, FakeCalls } from "../testing/fake_calls.ts";
import { handoverMemory } from "./handover.ts";
import { SEALING_BYTES, SealingEngine } from "./sealing_engine.ts";
import { HEAD, noteGiven } from "./shared_memory.ts";
import { SharingPair, SLOT } from "./testing/sharing_pair.ts";

const FIRST_WAKE_FD = 90;
const WORKER = 1;
const PEER = Endpoint.parse("192.0.2.2:51820") ?? assert.fail();
const ELSEWHERE = Endpoint.parse("192.0.2.3:51820") ?? assert.fail();

/** A further worker's engine, and a first worker that takes what it hands over one by one. */
class ReceivingHarness implements CoordinatedEngine {
  readonly pair = new SharingPair(2);
  readonly calls: FakeCalls;
  readonly engine: SealingEngine;
  readonly coordinator: ReceivingCoordinator;
  readonly drops: string[] = [];
  /** Numbers of packets that came to the interface by the first worker. */
  readonly byFirst: number[] = [];
  readonly controls: Uint8Array[] = [];
  readonly woken: number[] = [];
  readonly #batches: HandedBatches;

  constructor() {
    const { pair } = this;
    const cipher = new WasmBatchCipher(Math.ceil(SEALING_BYTES / 65_536) + 1);
    this.calls = new FakeCalls(cipher.memory);
    const memory = receivingMemory();
    const receiveHandover = receiveHandoverMemory();
    this.#batches = new HandedBatches(new WebAssembly.Memory({ initial: 2 }), 0);
    this.coordinator = new ReceivingCoordinator({
      memory,
      handovers: [receiveHandover],
      epochs: pair.epochs,
      slotOf: () => pair.isGone ? undefined : SLOT,
    });
    this.coordinator.connect(this);
    pair.onChanged = (changed) => this.coordinator.publish(changed);
    let polls = 0;
    this.engine = new SealingEngine({
      io: this.calls,
      cipher,
      base: FAKE_BASE,
      shared: pair.memory,
      worker: WORKER,
      handover: handoverMemory(),
      receiving: memory,
      receiveHandover,
      mtuBytes: 1420,
      sessionLifeMs: 180_000,
      queueFd: FAKE_TUN_FD,
      wakeFd: FAKE_WAKE_FD,
      firstWakeFd: FIRST_WAKE_FD,
      now: () => pair.now,
      // The second wait of a run ends it.
      onWake: () => polls % 2 !== 0,
      onDrop: (reason, count) => {
        for (let i = 0; i < count; i++) this.drops.push(reason);
      },
    });
    this.calls.onPoll = () => new Map([[polls++ % 2 === 0 ? FAKE_TUN_FD : FAKE_WAKE_FD, POLLIN]]);
    this.engine.useSocket({ fd: FAKE_UDP_FD, family: 6, hasGso: true });
    this.engine.peers.update(SLOT, {
      publicKey: pair.there.publicKey,
      addAllowedIps: [Cidr.parse("10.0.0.0/8") ?? assert.fail()],
    });
    pair.publisher.setPlain(true);
    this.coordinator.setPlain(true);
  }

  /** Makes a session, and lets the first worker open something of it, so that it knows where it comes from. */
  open(): void {
    this.pair.renew();
    this.run(this.seal(100));
    // The first one has changed where packets go to.
    this.run(this.seal(101));
    assert.deepEqual(this.byFirst.splice(0), [100, 101]);
  }

  /** Has the worker receive; the first one does not take what it hands over. @returns what it writes itself */
  receive(datagrams: readonly Uint8Array[], source: Endpoint = PEER, segmentBytes = 0): number[] {
    for (const bytes of datagrams) {
      this.calls.receives.push({ bytes, source, ...segmentBytes > 0 && { segmentBytes } });
    }
    this.coordinator.askForHelp();
    assert.equal(this.engine.run(), "stopped");
    return this.calls.written.splice(0).flatMap((frame) => numbersOf(frame));
  }

  /** The same, and the first one takes it. */
  run(datagrams: readonly Uint8Array[], source: Endpoint = PEER): number[] {
    const own = this.receive(datagrams, source);
    this.coordinator.takeHanded(this.pair.now);
    this.pair.publish();
    return own;
  }

  /** @returns packets of these numbers, as the peer seals them */
  seal(...numbers: readonly number[]): Uint8Array[] {
    return numbers.map((number) => {
      const packet = numbered(number);
      assert.equal(this.pair.there.handlePacket(this.pair.now, packet), undefined);
      return this.pair.there.pollTransmit()?.datagram.slice() ?? assert.fail();
    });
  }

  takeReceived(...[now, batch, turn]: Parameters<CoordinatedEngine["takeReceived"]>): void {
    assert.ok(turn.waitToAccept());
    this.#batches.take(batch);
    const source = this.#batches.source();
    for (let at = 0; at < batch.datagrams.length; at += batch.segmentBytes) {
      const datagram = batch.datagrams.slice(at, at + batch.segmentBytes);
      const index = new DataView(datagram.buffer).getUint32(4, true);
      const session: BatchSession | undefined = this.pair.here.batches.sessionAt(now, index);
      const outcome = this.pair.here.handleDatagram(now, datagram, source);
      if (outcome.kind === "packet") this.byFirst.push(outcome.packet.at(-1) ?? -1);
      if (outcome.kind !== "dropped" && session !== undefined) this.coordinator.noteSource(session, source);
    }
    turn.passAccept();
    assert.ok(turn.waitToWrite());
    turn.passWrite();
  }

  takeControl(_now: number, batch: TakenBatch): void {
    this.controls.push(batch.datagrams.slice());
  }

  wake(fd: number): void {
    this.woken.push(fd);
  }

  take(): void {}
  flush(): void {}
  onCarried(): void {}

  /** What the first worker knows to have come. */
  get receivedBytes(): number {
    return this.pair.peer.rxBytes;
  }
}

function numbered(number: number, source = 1): Uint8Array {
  const packet = new Uint8Array(100);
  packet.set([0x45, 0, 0, 100]);
  packet.set([10, 0, 0, source, 10, 0, 0, 2], 12);
  packet[packet.length - 1] = number;
  return packet;
}

function numbersOf(frame: Uint8Array): number[] {
  const packets = splitSuperpacket(frame.slice(VIRTIO_HEADER_BYTES), readVirtioHeader(frame, 0));
  return (packets ?? assert.fail()).map((packet) => packet.at(-1) ?? -1);
}

Deno.test("a worker that is asked opens what comes by a session that is shared, and tells how much that was", () => {
  const harness = new ReceivingHarness();
  harness.open();
  assert.deepEqual(harness.woken, [FAKE_WAKE_FD, FAKE_WAKE_FD]);
  const before = harness.receivedBytes;
  const sealed = harness.seal(1, 2, 3);
  assert.deepEqual(harness.run(sealed), [1, 2, 3]);
  assert.deepEqual(harness.byFirst, []);
  assert.equal(harness.receivedBytes - before, 3 * 144);
  const batch = harness.seal(4, 5, 6, 7);
  assert.deepEqual(harness.receive([joined(batch)], PEER, 144), [4, 5, 6, 7]);
  harness.calls.receives.push({ bytes: sealed[0] ?? assert.fail(), source: PEER });
  assert.equal(harness.engine.run(), "stopped");
  assert.equal(harness.calls.receives.length, 1, "nobody has asked");
  assert.deepEqual(harness.drops, []);
});

Deno.test("a worker opens nothing by itself of sessions that are not shared, too old, or come from elsewhere", () => {
  const harness = new ReceivingHarness();
  const { pair } = harness;
  pair.renew();
  assert.deepEqual(harness.receive(harness.seal(1)), [], "the first worker has not seen from where it comes");
  assert.deepEqual(harness.byFirst, [], "nor taken it yet");
  assert.deepEqual(harness.run([]), []);
  assert.deepEqual(harness.byFirst.splice(0), [1]);
  harness.run(harness.seal(0));
  assert.deepEqual(harness.byFirst.splice(0), [0]);
  assert.deepEqual(harness.run(harness.seal(2)), [2]);
  assert.deepEqual(harness.run(harness.seal(3), ELSEWHERE), [], "the peer has moved");
  assert.deepEqual(harness.byFirst.splice(0), [3]);
  assert.equal(pair.peer.endpoint?.toString(), ELSEWHERE.toString());
  // That its endpoint is another one made the first worker want to see it once more.
  assert.deepEqual(harness.run(harness.seal(4), ELSEWHERE), []);
  assert.deepEqual(harness.run(harness.seal(5), ELSEWHERE), [5]);
  pair.here.setEndpoint(pair.there.publicKey, PEER);
  pair.publish();
  assert.deepEqual(harness.run(harness.seal(6), ELSEWHERE), [], "it was said to be elsewhere");
  assert.equal(pair.peer.endpoint?.toString(), ELSEWHERE.toString());
  const late = harness.seal(7);
  pair.now = millis(pair.now + 180_000);
  assert.deepEqual(harness.run(late, ELSEWHERE), []);
  assert.deepEqual(harness.byFirst.splice(0), [4, 6]);
  pair.renew();
  assert.deepEqual(harness.run(harness.seal(8)), []);
  assert.deepEqual(harness.run(harness.seal(9)), []);
  assert.deepEqual(harness.run(harness.seal(10)), [10], "the next session");
});

Deno.test("a worker takes nothing twice, whoever took it first, and nothing that was changed or is another peer's", () => {
  const harness = new ReceivingHarness();
  harness.open();
  const sealed = harness.seal(1, 2, 3, 4);
  assert.deepEqual(harness.run(sealed.slice(0, 2)), [1, 2]);
  assert.deepEqual(harness.run(sealed.slice(1, 3)), [3]);
  assert.deepEqual(harness.drops.splice(0), ["replayed-datagram"]);
  // The first worker finds in the same window what this one has taken, and the other way round.
  assert.deepEqual(harness.run(sealed.slice(2), ELSEWHERE), []);
  assert.deepEqual(harness.byFirst.splice(0), [4]);
  assert.equal(harness.pair.here.counters.snapshot()["replayed-datagram"], 1);
  const [fifth = assert.fail()] = harness.seal(5);
  harness.run([fifth]);
  harness.run(harness.seal(0));
  assert.deepEqual(harness.run([...harness.seal(6), fifth, fifth]), [6]);
  const [changed = assert.fail()] = harness.seal(7);
  changed[60] = (changed[60] ?? 0) ^ 1;
  assert.deepEqual(harness.run([changed]), []);
  assert.deepEqual(harness.drops.splice(0), ["replayed-datagram", "replayed-datagram", "wrong-tag"]);
  harness.engine.peers.update(SLOT + 1, {
    publicKey: harness.pair.here.publicKey,
    addAllowedIps: [Cidr.parse("10.0.0.1/32") ?? assert.fail()],
  });
  assert.deepEqual(harness.run(harness.seal(8)), []);
  assert.deepEqual(harness.drops.splice(0), ["source-not-allowed"]);
});

Deno.test("a worker hands over while packets need more than a session, and behind a command until its effect is shown", () => {
  const harness = new ReceivingHarness();
  harness.open();
  harness.coordinator.askForHelp();
  harness.coordinator.setPlain(false);
  assert.deepEqual(harness.run(harness.seal(1)), []);
  assert.deepEqual(harness.byFirst.splice(0), [1]);
  const asked = harness.woken.length;
  harness.coordinator.askForHelp();
  assert.equal(harness.woken.length, asked, "nobody is asked meanwhile");
  harness.coordinator.setPlain(true);
  assert.deepEqual(harness.run(harness.seal(2)), [2]);
  noteGiven(harness.pair.memory);
  assert.deepEqual(harness.run(harness.seal(3)), []);
  Atomics.store(harness.pair.words, HEAD.SHOWN, 1);
  assert.deepEqual(harness.run(harness.seal(4)), [4]);
  assert.deepEqual(harness.byFirst, [3]);
});

Deno.test("what was handed over keeps its turn: nothing that came behind it is written before", () => {
  const harness = new ReceivingHarness();
  harness.open();
  const [first = assert.fail(), second = assert.fail()] = harness.seal(1, 2);
  harness.receive([first], ELSEWHERE);
  // The next ticket waits for it; here the first worker is what it waits for.
  const { turn } = harness.coordinator;
  assert.equal(turn.receive(() => 1), 1);
  assert.deepEqual(harness.byFirst, []);
  assert.ok(turn.waitToAccept(), "by taking what came before");
  assert.deepEqual(harness.byFirst, [1]);
  turn.passAccept();
  assert.ok(turn.waitToWrite());
  turn.passWrite();
  harness.pair.publish();
  assert.deepEqual(harness.run([second], ELSEWHERE), []);
  assert.deepEqual(harness.byFirst, [1, 2]);
});

Deno.test("a worker hands handshakes over, drops garbage, and lets no flood of either displace packets", () => {
  const harness = new ReceivingHarness();
  harness.open();
  const initiation = new Uint8Array(148);
  initiation[0] = 1;
  assert.deepEqual(harness.run([initiation, new Uint8Array(50), new Uint8Array(0), ...harness.seal(1)]), [1]);
  assert.deepEqual(harness.controls, [initiation]);
  assert.deepEqual(harness.drops.splice(0), ["malformed-datagram", "malformed-datagram"]);
  assert.equal(harness.calls.writtenTo.get(FIRST_WAKE_FD)?.length !== undefined, true);
  for (let i = 0; i < 100; i++) harness.receive(Array.from({ length: 100 }, () => initiation));
  assert.ok(harness.drops.length > 5000 && new Set(harness.drops).size === 1);
  assert.equal(harness.drops[0], "handover-full");
  harness.receive(harness.seal(2), ELSEWHERE);
  harness.coordinator.takeHanded(harness.pair.now);
  assert.deepEqual(harness.byFirst, [2]);
});

Deno.test("keys to receive by are wiped when every worker has seen that they are replaced, and the window goes with them", () => {
  const harness = new ReceivingHarness();
  const { pair, coordinator } = harness;
  harness.open();
  const [old = assert.fail()] = harness.seal(1);
  pair.renew();
  assert.deepEqual(harness.run([old]), [], "the previous one is not forgotten, but asked for again");
  assert.deepEqual(harness.byFirst.splice(0), [1]);
  pair.renew();
  pair.renew();
  assert.equal(coordinator.isWaiting, false, "nobody looks at anything");
  Atomics.store(pair.words, 16 + 16, Atomics.load(pair.words, HEAD.EPOCH));
  pair.renew();
  assert.equal(coordinator.isWaiting, true, "a worker may be using it");
  Atomics.store(pair.words, 16 + 16, 0);
  pair.publish();
  assert.equal(coordinator.isWaiting, false);
  pair.isGone = true;
  pair.here.removePeer(pair.there.publicKey);
  pair.publish();
  assert.deepEqual(harness.run(harness.seal(9)), []);
  assert.deepEqual(harness.byFirst, []);
});

Deno.test("a worker ends with its interface, and passes its turn all the same", () => {
  const harness = new ReceivingHarness();
  harness.open();
  harness.calls.writeError = () => ERRNO.ENOBUFS;
  assert.deepEqual(harness.run(harness.seal(1)), []);
  assert.deepEqual(harness.drops.splice(0), ["interface-full"]);
  harness.calls.writeError = () => ERRNO.EBADFD;
  for (const bytes of harness.seal(2)) harness.calls.receives.push({ bytes, source: PEER });
  harness.coordinator.askForHelp();
  assert.equal(harness.engine.run(), "interface-gone");
  assert.equal(harness.coordinator.turn.receive(() => 1), 1);
  assert.ok(harness.coordinator.turn.waitToAccept());
});

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
