import assert from "node:assert/strict";
import { SeededRandom, VirtualClock, VirtualTimers } from "../../../base/mod.ts";
import {
  acceptLocalChannel,
  type Channel,
  type ChannelStream,
  openLocalChannel,
} from "../../../channel/mod.ts";
import type { NodeId } from "../../../mesh/mod.ts";
import { memoryStreamPair } from "../../../transport/testing/memory_stream.ts";
import { LinkRelay, type LinkRelayLimits } from "./link_relay.ts";
import {
  decodeRelayHeader,
  encodeRelayHeader,
  RELAY_TOPIC,
  RELAYED_TOPIC,
  RelayRefusal,
} from "./relay_header.ts";
import { StreamBytes } from "./stream_bytes.ts";

const A = "a".repeat(32) as NodeId;
const B = "b".repeat(32) as NodeId;
const C = "c".repeat(32) as NodeId;

/** A relay with a channel to each of two members. */
class RelayFixture implements Disposable {
  readonly clock = new VirtualClock();
  readonly timers = new VirtualTimers(this.clock);
  readonly arrived: { stream: ChannelStream; header: Uint8Array }[] = [];
  readonly relay: LinkRelay;
  readonly a: Channel;
  readonly #channels: Channel[] = [];
  isWilling = true;
  members = new Set<NodeId>([A, B, C]);

  constructor(limits?: LinkRelayLimits) {
    const { clock, timers } = this;
    const connect = (): [Channel, Channel] => {
      const [near, far] = memoryStreamPair();
      const pair: [Channel, Channel] = [
        openLocalChannel(near, { clock, timers }),
        acceptLocalChannel(far, { clock, timers }),
      ];
      this.#channels.push(...pair);
      return pair;
    };
    const [a, relayA] = connect();
    const [relayB, b] = connect();
    this.a = a;
    this.relay = new LinkRelay({
      clock,
      timers,
      limits,
      isWilling: () => this.isWilling,
      isMember: (nodeId) => this.members.has(nodeId),
      channelTo: (nodeId) => nodeId === B ? relayB : undefined,
    });
    relayA.onStream(RELAY_TOPIC, (stream, header) => this.relay.handleStream(A, header, stream));
    b.onStream(RELAYED_TOPIC, (stream, header) => void this.arrived.push({ stream, header }));
  }

  ask(header: Uint8Array = encodeRelayHeader(B)): ChannelStream {
    return this.a.openStream(RELAY_TOPIC, header);
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 30; i++) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  drops(): Record<string, number> {
    return Object.fromEntries(
      Object.entries(this.relay.counters.snapshot()).filter(([, count]) => count > 0),
    );
  }

  [Symbol.dispose](): void {
    for (const channel of this.#channels) channel.close();
    this.timers.advance(60_000);
  }
}

Deno.test("LinkRelay says from whom a stream comes, and copies both ways until one end closes", async () => {
  using fixture = new RelayFixture();
  const near = new StreamBytes(fixture.ask(), "relay");
  await fixture.settle();
  const [{ stream, header } = assert.fail()] = fixture.arrived;
  assert.equal(decodeRelayHeader(header), A);
  const far = new StreamBytes(stream, "relay");
  await near.write(Uint8Array.of(1, 2, 3));
  const out = new Uint8Array(2);
  assert.deepEqual([await far.read(out), ...out], [2, 1, 2]);
  assert.deepEqual([await far.read(out), out[0]], [1, 3]);
  await far.write(Uint8Array.of(9));
  assert.deepEqual([await near.read(out), out[0]], [1, 9]);
  assert.equal(fixture.relay.copiedBytes, 4);
  far.close();
  assert.equal(await near.read(out), undefined);
  await fixture.settle();
  assert.equal(fixture.relay.streams, 0);
});

const REFUSED: readonly [string, (fixture: RelayFixture) => Uint8Array, number, string][] = [
  ["no header", () => new Uint8Array(0), RelayRefusal.malformed, "relay-malformed"],
  ["another version", () => encodeRelayHeader(B).fill(2, 0, 1), RelayRefusal.malformed, "relay-malformed"],
  ["a header that is too long", () => new Uint8Array(18).fill(1), RelayRefusal.malformed, "relay-malformed"],
  ["itself", () => encodeRelayHeader(A), RelayRefusal.notMember, "relay-not-member"],
  [
    "a stranger",
    () => encodeRelayHeader("d".repeat(32) as NodeId),
    RelayRefusal.notMember,
    "relay-not-member",
  ],
  ["a member without a link", () => encodeRelayHeader(C), RelayRefusal.noLink, "relay-no-link"],
  [
    "a relay that is not willing",
    (fixture) => {
      fixture.isWilling = false;
      return encodeRelayHeader(B);
    },
    RelayRefusal.unwilling,
    "relay-unwilling",
  ],
  [
    "a relay that knows it no more",
    (fixture) => {
      fixture.members.delete(A);
      return encodeRelayHeader(B);
    },
    RelayRefusal.notMember,
    "relay-not-member",
  ],
];

Deno.test("LinkRelay refuses and counts who asks for what it may not have", async (test) => {
  for (const [name, headerOf, code, drop] of REFUSED) {
    await test.step(name, async () => {
      using fixture = new RelayFixture();
      const stream = fixture.ask(headerOf(fixture));
      await stream.closed;
      assert.equal(stream.resetCode, code);
      assert.deepEqual(fixture.drops(), { [drop]: 1 });
      assert.equal(fixture.arrived.length, 0);
    });
  }
});

Deno.test("LinkRelay bounds the streams of a member, and how fast it asks", async () => {
  const limits = { streamsPerMember: 3, streams: 10, bytesPerSecond: 1e6, totalBytesPerSecond: 1e6 };
  using fixture = new RelayFixture(limits);
  const streams = Array.from({ length: 200 }, () => fixture.ask());
  await fixture.settle();
  assert.equal(fixture.relay.streams, 3);
  assert.deepEqual(fixture.drops(), { "relay-too-many": 61, "relay-too-fast": 136 });
  for (const stream of streams) stream.reset(0);
  await fixture.settle();
  assert.equal(fixture.relay.streams, 0);
  fixture.timers.advance(1_000);
  fixture.ask();
  await fixture.settle();
  assert.equal(fixture.relay.streams, 1);
});

Deno.test("LinkRelay copies no faster than it is allowed to, and holds no more than windows hold", async () => {
  const limits = { streamsPerMember: 3, streams: 10, bytesPerSecond: 100_000, totalBytesPerSecond: 1e9 };
  using fixture = new RelayFixture(limits);
  const stream = fixture.ask();
  await fixture.settle();
  const [{ stream: far } = assert.fail()] = fixture.arrived;
  void stream.write(new Uint8Array(2_000_000));
  let got = 0;
  const read = (async () => {
    for (let bytes = await far.read(); bytes !== undefined; bytes = await far.read()) got += bytes.length;
  })();
  for (let second = 0; second < 10; second++) {
    for (let step = 0; step < 20; step++) {
      fixture.timers.advance(50);
      await fixture.settle();
    }
  }
  assert.ok(got > 900_000 && got < 1_200_000, `${got} bytes in 10 s`);
  stream.reset(0);
  await read;
});

Deno.test("LinkRelay takes no more from one end than the other reads", async () => {
  using fixture = new RelayFixture();
  const stream = fixture.ask();
  await fixture.settle();
  void stream.write(new Uint8Array(4_000_000));
  for (let i = 0; i < 20; i++) await fixture.settle();
  assert.ok(fixture.relay.copiedBytes <= 512 << 10, `${fixture.relay.copiedBytes}`);
  stream.reset(0);
});

Deno.test("decodeRelayHeader() reads what encodeRelayHeader() writes, and rejects any other length", () => {
  assert.equal(decodeRelayHeader(encodeRelayHeader(B)), B);
  const random = new SeededRandom(1);
  for (let length = 0; length < 64; length++) {
    const bytes = new Uint8Array(length);
    random.fill(bytes);
    if (length !== 17 || bytes[0] !== 1) assert.equal(decodeRelayHeader(bytes), undefined);
  }
});
