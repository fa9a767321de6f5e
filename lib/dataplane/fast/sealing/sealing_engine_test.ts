/**
 * Tests of a sealing worker's loop, on system calls in memory.
 * @module
 */

import assert from "node:assert/strict";
import { millis } from "../../../base/mod.ts";
import { WasmBatchCipher } from "../../../crypto/mod.ts";
import { ERRNO, POLLIN } from "../../../host/mod.ts";
import { Cidr, Endpoint } from "../../../net/mod.ts";
import { frame } from "../testing/engine_harness.ts";
import { FAKE_BASE, FAKE_TUN_FD, FAKE_UDP_FD, FAKE_WAKE_FD, FakeCalls } from "../testing/fake_calls.ts";
import { VIRTIO_HEADER_BYTES } from "../superpacket.ts";
import { makeSuperpacket } from "../testing/superpackets.ts";
import { receiveHandoverMemory, receivingMemory } from "../receiving/mod.ts";
import { handoverMemory, HandoverReader, type HandoverTaker } from "./handover.ts";
import { SEALING_BYTES, SealingEngine } from "./sealing_engine.ts";
import { HEAD, LINE, lineAt, noteGiven } from "./shared_memory.ts";
import { SharingPair, SLOT } from "./testing/sharing_pair.ts";

const FIRST_WAKE_FD = 90;
const WORKER = 1;

/** A sealing worker's engine, and what the first worker would take of it. */
class SealingHarness implements HandoverTaker {
  readonly pair = new SharingPair(2);
  readonly calls: FakeCalls;
  readonly engine: SealingEngine;
  readonly drops: string[] = [];
  commandLooks = 0;
  /** Numbers of packets that were handed over and taken. */
  readonly handed: number[] = [];
  readonly told: (readonly [slot: number, lengthBytes: number])[] = [];
  readonly #reader: HandoverReader;

  constructor() {
    const cipher = new WasmBatchCipher(Math.ceil(SEALING_BYTES / 65_536) + 1);
    this.calls = new FakeCalls(cipher.memory);
    const handover = handoverMemory();
    this.#reader = new HandoverReader(handover);
    let polls = 0;
    this.engine = new SealingEngine({
      io: this.calls,
      cipher,
      base: FAKE_BASE,
      shared: this.pair.memory,
      worker: WORKER,
      handover,
      receiving: receivingMemory(),
      receiveHandover: receiveHandoverMemory(),
      mtuBytes: 1420,
      sessionLifeMs: 180_000,
      queueFd: FAKE_TUN_FD,
      wakeFd: FAKE_WAKE_FD,
      firstWakeFd: FIRST_WAKE_FD,
      now: () => this.pair.now,
      // The second wait of a run ends it.
      onWake: () => {
        this.commandLooks++;
        return polls % 2 !== 0;
      },
      onDrop: (reason) => void this.drops.push(reason),
    });
    this.calls.onPoll = () => new Map([[polls++ % 2 === 0 ? FAKE_TUN_FD : FAKE_WAKE_FD, POLLIN]]);
    this.engine.useSocket({ fd: FAKE_UDP_FD, family: 6, hasGso: true });
    const prefix = Cidr.parse("10.0.0.0/8") ?? assert.fail();
    this.engine.peers.update(SLOT, { publicKey: this.pair.there.publicKey, addAllowedIps: [prefix] });
    this.pair.publisher.setPlain(true);
  }

  /** Lets the engine carry packets of these numbers. @returns the numbers of those that the peer opens */
  run(...numbers: readonly number[]): number[] {
    this.calls.frames.push(...numbers.map(numbered));
    assert.equal(this.engine.run(), "stopped");
    return this.opened().map(numberOf);
  }

  /** @returns what the peer opens of what was sent */
  opened(): Uint8Array[] {
    const from = Endpoint.parse("192.0.2.1:51820") ?? assert.fail();
    return this.calls.sends.splice(0).flatMap(({ datagrams }) => datagrams).flatMap((datagram) => {
      const outcome = this.pair.there.handleDatagram(this.pair.now, datagram, from);
      return outcome.kind === "packet" ? [outcome.packet.slice()] : [];
    });
  }

  /** Takes what was handed over, as the first worker does; it has done with it when that is said. */
  take(isSaid: boolean): void {
    const packets = this.#reader.take(1e6, this);
    if (isSaid) Atomics.add(this.pair.words, lineAt(WORKER) + LINE.TAKEN, packets);
  }

  takePacket(packet: Uint8Array): void {
    this.handed.push(numberOf(packet));
  }

  noteSealed(slot: number, lengthBytes: number): void {
    this.told.push([slot, lengthBytes]);
  }
}

function numbered(number: number): Uint8Array {
  const frame = new Uint8Array(VIRTIO_HEADER_BYTES + 100);
  frame.set([0x45, 0, 0, 100], VIRTIO_HEADER_BYTES);
  frame.set([10, 0, 0, 2, 10, 0, 0, 1], VIRTIO_HEADER_BYTES + 12);
  frame[frame.length - 1] = number;
  return frame;
}

function numberOf(packet: Uint8Array): number {
  return packet.at(-1) ?? -1;
}

Deno.test("SealingEngine hands over what has no session, and all that follows until the first worker has done with it", () => {
  const harness = new SealingHarness();
  assert.deepEqual(harness.run(1, 2), []);
  assert.equal(harness.calls.writtenTo.get(FIRST_WAKE_FD)?.length, 2);
  harness.pair.renew();
  assert.deepEqual(harness.run(3), [], "there is a session, but those before are on their way");
  harness.take(false);
  assert.deepEqual(harness.handed, [1, 2, 3]);
  assert.deepEqual(harness.run(4), [], "they may not be sent yet");
  harness.take(false);
  Atomics.add(harness.pair.words, lineAt(WORKER) + LINE.TAKEN, 4);
  assert.deepEqual(harness.run(5, 6), [5, 6]);
  harness.take(true);
  assert.deepEqual(harness.handed, [1, 2, 3, 4]);
  assert.deepEqual(harness.drops, []);
});

Deno.test("SealingEngine seals superpackets by the session of the first worker, and tells how much, at most each 20 ms", () => {
  const harness = new SealingHarness();
  harness.pair.renew();
  const { packet, header } = makeSuperpacket({
    protocol: "tcp",
    version: 4,
    payloadBytes: 30_000,
    gsoSize: 1368,
  });
  harness.engine.peers.update(SLOT, {
    publicKey: harness.pair.there.publicKey,
    addAllowedIps: [Cidr.parse("0.0.0.0/0") ?? assert.fail()],
  });
  harness.calls.frames.push(frame(packet, header), frame(packet, header));
  assert.equal(harness.engine.run(), "stopped");
  const [first] = harness.calls.sends;
  assert.equal(first?.destination, "192.0.2.2:51820");
  const sent = harness.calls.sends.flatMap(({ datagrams }) => datagrams);
  assert.equal(sent.length, 2 * Math.ceil(30_000 / 1368));
  const counters = sent.map((datagram) => new DataView(datagram.buffer).getUint32(8, true));
  assert.equal(new Set(counters).size, sent.length);
  const bytes = sent.reduce((sum, { length }) => sum + length, 0);
  harness.take(true);
  assert.deepEqual(harness.told, [[SLOT, bytes]]);
  harness.run(1);
  harness.take(true);
  assert.equal(harness.told.length, 1);
  harness.pair.now = millis(harness.pair.now + 20);
  harness.run();
  harness.take(true);
  assert.deepEqual(harness.told[1], [SLOT, 144]);
  assert.equal(Atomics.load(harness.pair.words, lineAt(WORKER) + LINE.BATCH_SESSION), 0);
  assert.equal(Atomics.load(harness.pair.words, lineAt(WORKER) + LINE.SEEN), 0);
});

Deno.test("SealingEngine seals nothing by itself that is to be seen first, whose session is too old, or whose peer is another", () => {
  const harness = new SealingHarness();
  const { pair, engine } = harness;
  pair.renew();
  assert.deepEqual(harness.run(1), [1]);
  pair.publisher.setPlain(false);
  assert.deepEqual(harness.run(2), []);
  harness.take(true);
  pair.publisher.setPlain(true);
  assert.deepEqual(harness.run(3), [3]);
  pair.now = millis(pair.now + 180_000);
  assert.deepEqual(harness.run(4), []);
  harness.take(true);
  pair.renew();
  const { publicKey } = pair.there;
  engine.peers.update(SLOT + 65_536, {
    publicKey,
    addAllowedIps: [Cidr.parse("10.0.0.0/8") ?? assert.fail()],
  });
  assert.deepEqual(harness.run(5), []);
  harness.take(true);
  engine.peers.remove(publicKey.toString());
  assert.deepEqual(harness.run(6), []);
  harness.take(true);
  assert.deepEqual(harness.handed, [2, 4, 5, 6]);
});

Deno.test("SealingEngine hands over behind a command until the first worker has shown what it does, and obeys it before it seals", () => {
  const harness = new SealingHarness();
  const { pair } = harness;
  pair.renew();
  assert.deepEqual(harness.run(1), [1]);
  noteGiven(pair.memory);
  const before = harness.commandLooks;
  assert.deepEqual(harness.run(2, 3), []);
  assert.ok(harness.commandLooks > before + 1, "it looks what it is told before the first packet");
  harness.take(true);
  assert.deepEqual(harness.handed, [2, 3]);
  Atomics.store(pair.words, HEAD.SHOWN, 1);
  assert.deepEqual(harness.run(4), [4]);
});

Deno.test("SealingEngine counts what is malformed and what finds no room, and ends with its interface", () => {
  const harness = new SealingHarness();
  harness.calls.frames.push(new Uint8Array(VIRTIO_HEADER_BYTES + 3), ERRNO.EINVAL);
  harness.run();
  assert.deepEqual(harness.drops.splice(0), ["malformed-packet", "malformed-packet"]);
  const longest = new Uint8Array(VIRTIO_HEADER_BYTES + 65_535);
  longest.set(numbered(1));
  for (let i = 0; i < 20; i++) harness.calls.frames.push(longest);
  harness.run();
  harness.run();
  assert.deepEqual(new Set(harness.drops), new Set(["handover-full"]));
  harness.take(true);
  assert.equal(harness.handed.length + harness.drops.length, 20);
  harness.calls.frames.push(ERRNO.EBADFD);
  assert.equal(harness.engine.run(), "interface-gone");
});
