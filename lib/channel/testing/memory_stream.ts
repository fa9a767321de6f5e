/**
 * A stream in memory for the tests of this folder, and what they all begin with.
 * @module
 */

import assert from "node:assert/strict";
import {
  type ByteStream,
  concatBytes,
  type Counters,
  SeededRandom,
  utf8Bytes,
  type VersionRange,
  VirtualClock,
  VirtualTimers,
} from "../../base/mod.ts";
import { type PresharedKey, PrivateKey } from "../../crypto/mod.ts";
import type { Channel } from "../channel.ts";
import { channelCounters, type ChannelDropReason } from "../errors.ts";
import { acceptChannel, type AcceptedChannel, openChannel } from "../handshake.ts";
import { acceptLocalChannel, openLocalChannel } from "../local_channel.ts";
import {
  MAX_CUT_RECORDS,
  MAX_RECORD_BYTES,
  RECORD_OVERHEAD_BYTES,
  type RecordSealer,
} from "../records/mod.ts";

/** One direction: a bounded pipe that keeps a record of everything that went in. */
class Pipe {
  readonly passed: Uint8Array[] = [];
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #closed = false;
  #wake: (() => void)[] = [];

  async write(bytes: Uint8Array): Promise<boolean> {
    while (!this.#closed && this.#waitingBytes >= 64 << 10) await this.#change();
    if (this.#closed) return false;
    const copy = bytes.slice();
    this.passed.push(copy);
    this.#waiting.push(copy);
    this.#waitingBytes += copy.length;
    this.#changed();
    return true;
  }

  async read(out: Uint8Array): Promise<number | undefined> {
    assert(out.length > 0, "a read needs room");
    while (!this.#closed && this.#waitingBytes === 0) await this.#change();
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const taken = first.subarray(0, out.length);
    out.set(taken);
    this.#waiting.shift();
    if (taken.length < first.length) this.#waiting.unshift(first.subarray(taken.length));
    this.#waitingBytes -= taken.length;
    this.#changed();
    return taken.length;
  }

  close(): void {
    this.#closed = true;
    this.#changed();
  }

  discard(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.close();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** One end of a pair. */
export class MemoryStream implements ByteStream {
  readonly remoteAddress = "memory:other";
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  isClosed = false;

  constructor(incoming: Pipe, outgoing: Pipe) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  /** Everything that was written at this end. */
  get written(): Uint8Array {
    return concatBytes(...this.#outgoing.passed);
  }

  read(out: Uint8Array): Promise<number | undefined> {
    return this.#incoming.read(out);
  }

  write(bytes: Uint8Array): Promise<boolean> {
    return this.#outgoing.write(bytes);
  }

  close(): void {
    this.isClosed = true;
    this.#incoming.discard();
    this.#outgoing.close();
  }
}

/** @returns two ends of one stream */
export function streamPair(): [MemoryStream, MemoryStream] {
  const [there, back] = [new Pipe(), new Pipe()];
  return [new MemoryStream(back, there), new MemoryStream(there, back)];
}

/** @returns `plaintext` as framed records, and one when it is empty */
export function sealRecords(sealer: RecordSealer, plaintext: Uint8Array): Uint8Array {
  const records = Math.max(1, Math.ceil(plaintext.length / MAX_RECORD_BYTES));
  const out = new Uint8Array(plaintext.length + records * MAX_CUT_RECORDS * RECORD_OVERHEAD_BYTES);
  let end = 0;
  for (let i = 0; i < records; i++) {
    end = sealer.sealInto(plaintext.subarray(i * MAX_RECORD_BYTES, (i + 1) * MAX_RECORD_BYTES), out, end);
  }
  return out.subarray(0, end);
}

/** Reads to the end of a stream. */
export async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const block = new Uint8Array(4096);
  for (;;) {
    const length = await stream.read(block);
    if (length === undefined) return concatBytes(...parts);
    parts.push(block.slice(0, length));
  }
}

/** Lets everything that can happen without time passing happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3_000; i++) await Promise.resolve();
}

/** Registers a test that runs with sealed records and with plain ones. */
export function testChannel(name: string, body: (fixture: Fixture) => Promise<void>): void {
  Deno.test(name, () => body(new Fixture()));
  Deno.test(`${name}, on a local channel`, () => body(new Fixture(true)));
}

/** Two nodes, their stream, and time that stands still. */
export class Fixture {
  readonly clock: VirtualClock = new VirtualClock();
  readonly timers: VirtualTimers = new VirtualTimers(this.clock);
  readonly random: SeededRandom = new SeededRandom(1);
  readonly initiatorKey: PrivateKey = PrivateKey.generate(this.random);
  readonly responderKey: PrivateKey = PrivateKey.generate(this.random);
  readonly initiatorCounters: Counters<ChannelDropReason> = channelCounters();
  readonly responderCounters: Counters<ChannelDropReason> = channelCounters();
  readonly near: MemoryStream;
  readonly far: MemoryStream;

  /** @param isLocal whether `connect` makes channels that seal nothing */
  constructor(readonly isLocal = false) {
    [this.near, this.far] = streamPair();
  }

  open(
    stream: ByteStream = this.near,
    more: {
      presharedKey?: PresharedKey;
      hello?: Uint8Array;
      maxMessageBytes?: number;
      handshakeVersions?: VersionRange;
      signal?: AbortSignal;
    } = {},
  ): Promise<Channel> {
    const { clock, timers, random } = this;
    return openChannel(stream, {
      localStatic: this.initiatorKey,
      remoteStatic: this.responderKey.publicKey,
      hello: utf8Bytes("hello"),
      clock,
      timers,
      random,
      counters: this.initiatorCounters,
      ...more,
    });
  }

  accept(
    stream: ByteStream = this.far,
    more: {
      presharedKey?: PresharedKey;
      authorize?: (hello: Uint8Array) => { reply: Uint8Array; context: string } | undefined;
      maxMessageBytes?: number;
      handshakeVersions?: VersionRange;
      onOtherVersions?: (theirs: VersionRange) => void;
    } = {},
  ): Promise<AcceptedChannel<string> | undefined> {
    const { clock, timers, random } = this;
    const { presharedKey, authorize = () => ({ reply: utf8Bytes("reply"), context: "context" }), ...rest } =
      more;
    return acceptChannel(stream, {
      localStatic: this.responderKey,
      clock,
      timers,
      random,
      counters: this.responderCounters,
      ...rest,
      authorize: (hello) => {
        const answer = authorize(hello);
        return answer && (presharedKey === undefined ? answer : { ...answer, presharedKey });
      },
    });
  }

  /** @returns both ends of an open channel */
  async connect(more: { maxMessageBytes?: number } = {}): Promise<[Channel, Channel]> {
    if (this.isLocal) {
      const { clock, timers } = this;
      return [
        openLocalChannel(this.near, { clock, timers, counters: this.initiatorCounters, ...more }),
        acceptLocalChannel(this.far, { clock, timers, counters: this.responderCounters, ...more }),
      ];
    }
    const [near, far] = await Promise.all([this.open(undefined, more), this.accept(undefined, more)]);
    assert(far);
    return [near, far.channel];
  }

  /** @returns how often each reason was counted at the responder, those of zero left out */
  drops(): Record<string, number> {
    return Object.fromEntries(
      Object.entries(this.responderCounters.snapshot()).filter(([, count]) => count > 0),
    );
  }
}
