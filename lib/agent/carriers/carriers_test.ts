import assert from "node:assert/strict";
import { SeededRandom, silentLogger } from "../../base/mod.ts";
import type { Channel, ChannelStream } from "../../channel/mod.ts";
import { Fixture, settle } from "../../channel/testing/memory_stream.ts";
import { type CarrierSocketOptions, openForwarder, openPortableSocket } from "../../dataplane/mod.ts";
import { systemClock, systemTimers } from "../../host/mod.ts";
import { idBytes, type NodeId } from "../../mesh/mod.ts";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import { ANY_PORT, encodeBind, openBound, RelaySessions } from "../../relay/mod.ts";
import { type DatagramSocket, openUdp, SocketError } from "../../transport/mod.ts";
import type { RelayLegs } from "../relay/mod.ts";
import { CARRIER_REFUSALS, type CarrierBounds, type CarrierParts } from "./carrier_server.ts";
import { type Carrier, CARRIER_TOPIC, Carriers } from "./carriers.ts";

const WAY = { kind: "direct", endpoint: Endpoint.parse("192.0.2.9:51820") ?? assert.fail() } as const;
const [A, B, R] = ["a", "b", "c"].map((digit) => digit.repeat(32) as NodeId) as [NodeId, NodeId, NodeId];
const LOOPBACK = IpAddress.parse("127.0.0.1") ?? assert.fail();
const PATIENCE_MS = 20_000;

/** A packet plane that says what comes to it. */
class Plane implements Disposable {
  readonly socket: DatagramSocket = openUdp({ port: 0, address: LOOPBACK });

  get port(): number {
    return this.socket.localPort;
  }

  async receive(): Promise<{ readonly datagram: Uint8Array; readonly source: Endpoint }> {
    const batch = await within(this.socket.receiveBatch()) ?? assert.fail("it is closed");
    return { datagram: batch.datagram(0).slice(), source: batch.source(0) };
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}

async function within<T>(promise: Promise<T>): Promise<T> {
  const timer = Promise.withResolvers<never>();
  const id = setTimeout(() => timer.reject(new Error("nothing came")), PATIENCE_MS);
  return await Promise.race([promise, timer.promise]).finally(() => clearTimeout(id));
}

function packet(fill: number, lengthBytes = 96): Uint8Array {
  const bytes = new Uint8Array(lengthBytes).fill(fill);
  bytes.set([4, 0, 0, 0]);
  return bytes;
}

/** A and R with a link between them; R relays, and both have planes. */
class World implements AsyncDisposable {
  readonly planeA = new Plane();
  readonly planeR = new Plane();
  readonly forwarder = openForwarder({
    ports: ANY_PORT,
    rates: { totalBytesPerSecond: Infinity, sessionBytesPerSecond: Infinity },
    clock: systemClock,
  }, true);
  readonly sessions = new RelaySessions(new SeededRandom(1));
  readonly a: Carriers;
  readonly r: Carriers;
  readonly channels: [Channel, Channel];
  hasPlane = true;
  prepared = 0;
  /** What has gone from one stream to the other: datagrams and bytes. */
  readonly joined: (readonly [number, number])[] = [];
  readonly #resources = new AsyncDisposableStack();
  canOpen = true;

  readonly #partsOf: (self: NodeId, plane: Plane) => CarrierParts;

  private constructor(
    channels: [Channel, Channel],
    { bounds, joinsStreams = false }: { bounds?: CarrierBounds; joinsStreams?: boolean },
  ) {
    this.channels = channels;
    const shared = {
      clock: systemClock,
      timers: systemTimers,
      log: silentLogger,
      openSocket: (options: CarrierSocketOptions) => {
        if (!this.canOpen) throw new SocketError("no descriptor is left");
        return openPortableSocket(options);
      },
    };
    const parts = this.#partsOf = (self: NodeId, plane: Plane): CarrierParts => ({
      ...shared,
      mesh: { identity: { id: self } } as unknown as CarrierParts["mesh"],
      planePort: () => this.hasPlane ? plane.port : undefined,
      relay: {
        open: (from, target) => from === B || target === B ? this.open(from, target) : "not-member",
        prepare: () => void this.prepared++,
        joinsStreams,
        noteCarried: (datagrams, bytes) => void this.joined.push([datagrams, bytes]),
      },
      ...bounds && { bounds },
    });
    this.a = new Carriers(parts(A, this.planeA));
    this.r = new Carriers(parts(R, this.planeR));
    this.a.prepare(channels[0]);
    this.r.prepare(channels[1]);
  }

  static async create(options: { bounds?: CarrierBounds; joinsStreams?: boolean } = {}): Promise<World> {
    const world = new World(await new Fixture().connect(), options);
    world.a.handleLink({
      nodeId: R,
      channel: world.channels[0],
      dialler: "us",
      way: WAY,
    });
    return world;
  }

  /** R knows who A is, which it may learn later than A begins streams. */
  greet(): void {
    this.r.handleLink({
      nodeId: A,
      channel: this.channels[1],
      dialler: "them",
      way: WAY,
    });
  }

  /** B, whose packets go to A by a stream to R as well. */
  async addB(): Promise<{ readonly plane: Plane; readonly carrier: Carrier }> {
    const plane = this.#resources.use(new Plane());
    const channels = await new Fixture().connect();
    const b = new Carriers(this.#partsOf(B, plane));
    this.#resources.defer(async () => {
      b.close();
      for (const channel of channels) channel.close();
      await Promise.all(channels.map(({ closed }) => closed));
    });
    b.prepare(channels[0]);
    this.r.prepare(channels[1]);
    b.handleLink({ nodeId: R, channel: channels[0], dialler: "us", way: WAY });
    this.r.handleLink({ nodeId: B, channel: channels[1], dialler: "them", way: WAY });
    return { plane, carrier: await within(b.open(R, A)) ?? assert.fail("it is refused") };
  }

  open(from: NodeId, target: NodeId): RelayLegs | "not-member" {
    const opened = this.sessions.open(from, target, 0, (keys) => this.forwarder.open(keys));
    return typeof opened === "object" ? opened : "not-member";
  }

  async carrier(target: NodeId): Promise<Carrier> {
    const opening = this.a.open(R, target);
    this.greet();
    return await within(opening) ?? assert.fail("it is refused");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
    this.a.close();
    this.r.close();
    for (const channel of this.channels) channel.close();
    await Promise.all(this.channels.map(({ closed }) => closed));
    this.planeA[Symbol.dispose]();
    this.planeR[Symbol.dispose]();
    await this.forwarder.close();
  }
}

Deno.test("Carriers leads packets to the plane of the member itself, and back", async () => {
  await using world = await World.create();
  const carrier = await world.carrier(R);
  assert.ok(carrier.endpoint.address.isLoopback);
  for (let i = 0; i < 3; i++) {
    world.planeA.socket.send(packet(i, 1452), carrier.endpoint);
    const { datagram, source } = await world.planeR.receive();
    assert.deepEqual(datagram, packet(i, 1452));
    world.planeR.socket.send(packet(i + 10), source);
    const answer = await world.planeA.receive();
    assert.deepEqual(answer.datagram, packet(i + 10));
    assert.ok(answer.source.equals(carrier.endpoint));
  }
  assert.deepEqual(carrier.carried, { sent: 3 * 1452, received: 3 * 96 });
});

Deno.test("Carriers leads packets to a leg of the relay, which is bound by then", async () => {
  await using world = await World.create();
  const carrier = await world.carrier(B);
  const legs = world.open(B, A);
  assert.ok(typeof legs === "object");
  using planeB = new Plane();
  const leg = new Endpoint(LOOPBACK, legs.a.port);
  planeB.socket.send(encodeBind("bind", legs.a, 1), leg);
  assert.equal(openBound((await planeB.receive()).datagram, legs.a), 1);
  planeB.socket.send(packet(1), leg);
  assert.deepEqual((await world.planeA.receive()).datagram, packet(1));
  world.planeA.socket.send(packet(2), carrier.endpoint);
  assert.deepEqual((await planeB.receive()).datagram, packet(2));
  assert.deepEqual(world.a.counts, { own: 1, served: 0 });
  assert.deepEqual(world.r.counts, { own: 0, served: 1 });
});

for (const joinsStreams of [true, false]) {
  const way = joinsStreams ? "from one stream to the other" : "by the legs of the session, which meter them";
  Deno.test(`Carriers leads packets of two members that come by streams ${way}`, async () => {
    await using world = await World.create({ joinsStreams });
    const toB = await world.carrier(B);
    const { plane: planeB, carrier: toA } = await world.addB();
    for (let i = 0; i < 3; i++) {
      world.planeA.socket.send(packet(i, 1452), toB.endpoint);
      const there = await planeB.receive();
      assert.deepEqual(there.datagram, packet(i, 1452));
      assert.ok(there.source.equals(toA.endpoint));
      planeB.socket.send(packet(i + 10), toA.endpoint);
      assert.deepEqual((await world.planeA.receive()).datagram, packet(i + 10));
    }
    const sum = (at: 0 | 1) => world.joined.reduce((total, each) => total + each[at], 0);
    assert.deepEqual([sum(0), sum(1)], joinsStreams ? [6, 3 * (1452 + 96)] : [0, 0]);
  });
}

Deno.test("Carriers leads packets to the leg again when the other member's stream has ended", async () => {
  await using world = await World.create({ joinsStreams: true });
  const carrier = await world.carrier(B);
  (await world.addB()).carrier.close();
  while (world.r.counts.served > 1) await new Promise((resolve) => setTimeout(resolve, 5));
  const legs = world.open(B, A);
  assert.ok(typeof legs === "object");
  using planeB = new Plane();
  planeB.socket.send(encodeBind("bind", legs.a, Date.now() + 60_000), new Endpoint(LOOPBACK, legs.a.port));
  await planeB.receive();
  world.planeA.socket.send(packet(2), carrier.endpoint);
  assert.deepEqual((await planeB.receive()).datagram, packet(2));
});

Deno.test("Carriers has a relay prepare itself for members that are reached by a stream only", async () => {
  await using world = await World.create();
  await world.carrier(R);
  assert.equal(world.prepared, 1);
});

Deno.test("Carriers knows a link that leads through a proxy by where its segments go", async () => {
  await using world = await World.create();
  const [channel] = world.channels;
  for (
    const [remoteAddress, way, isByProxy] of [
      ["203.0.113.8:3128", WAY, true],
      [`${WAY.endpoint}`, WAY, false],
      ["203.0.113.8:3128", { kind: "relay", via: B }, false],
    ] as const
  ) {
    const seen = Object.create(channel, { remoteAddress: { value: remoteAddress } });
    world.a.handleLink({ nodeId: R, channel: seen, dialler: "us", way });
    assert.equal(world.a.isByProxy(R), isByProxy, remoteAddress);
  }
  assert.ok(!world.a.isByProxy(B));
});

Deno.test("Carriers hears its own plane alone, and carries what is WireGuard's alone", async () => {
  await using world = await World.create();
  const carrier = await world.carrier(R);
  using stranger = new Plane();
  stranger.socket.send(packet(1), carrier.endpoint);
  world.planeA.socket.send(new TextEncoder().encode("GET / HTTP/1.1".padEnd(64)), carrier.endpoint);
  // It comes behind the others.
  while (world.a.drops()["carrier-unknown-kind"] + world.a.drops()["carrier-foreign-source"] < 2) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  world.planeA.socket.send(packet(2), carrier.endpoint);
  assert.deepEqual((await world.planeR.receive()).datagram, packet(2));
  assert.equal(carrier.carried.sent, 96);
});

Deno.test("Carriers gives the same carrier while it is open, and says when it has ended", async () => {
  await using world = await World.create();
  const ended: Carrier[] = [];
  world.a.onClosed = (carrier) => ended.push(carrier);
  const first = await world.carrier(R);
  assert.equal(await world.a.open(R, R), first);
  first.close();
  await within(first.closed);
  await settle();
  assert.deepEqual(ended, [first]);
  const second = await within(world.a.open(R, R)) ?? assert.fail();
  assert.notEqual(second, first);
  // The link is gone, and its carriers with it.
  world.channels[1].close();
  await within(second.closed);
  assert.equal(await world.a.open(R, R), undefined);
});

Deno.test("Carriers refuses for whom there is no session, beyond its bounds, and without a plane", async () => {
  await using world = await World.create({ bounds: { perMember: 1, total: 8 } });
  world.greet();
  assert.equal(await within(world.a.open(R, A)), undefined);
  const carrier = await world.carrier(B);
  assert.equal(await within(world.a.open(R, R)), undefined);
  carrier.close();
  await within(carrier.closed);
  world.hasPlane = false;
  assert.equal(await world.a.open(R, R), undefined);
  const reset = async (header: Uint8Array) => {
    const stream = world.channels[0].openStream(CARRIER_TOPIC, header);
    await within(stream.closed);
    return stream.resetCode;
  };
  assert.equal(await reset(new Uint8Array(3)), CARRIER_REFUSALS.malformed);
  assert.equal(await reset(idBytes(R)), CARRIER_REFUSALS["no-plane"]);
  assert.equal(await reset(idBytes(A)), CARRIER_REFUSALS["not-member"]);
});

Deno.test("Carriers leaves no stream open when there is no socket for it", async () => {
  await using world = await World.create();
  world.canOpen = false;
  const [channel] = world.channels;
  const opened: ChannelStream[] = [];
  const openStream = channel.openStream.bind(channel);
  channel.openStream = (topic, header) => {
    const stream = openStream(topic, header);
    opened.push(stream);
    return stream;
  };
  assert.equal(await within(world.a.open(R, R)), undefined);
  assert.equal(opened.length, 1);
  await within(opened[0]?.closed ?? assert.fail());
  assert.deepEqual(world.a.counts, { own: 0, served: 0 });
});

Deno.test("a carrier ends when its stream is none of datagrams", async () => {
  await using world = await World.create();
  world.greet();
  const stream = world.channels[0].openStream(CARRIER_TOPIC, idBytes(R));
  assert.deepEqual(await within(stream.read()), Uint8Array.of(0, 0));
  assert.equal(world.r.counts.served, 1);
  await stream.write(new Uint8Array(4).fill(255));
  await within(stream.closed);
  await settle();
  assert.equal(world.r.counts.served, 0);
});
