import assert from "node:assert/strict";
import {
  type ByteStream,
  MemoryStateStore,
  SeededRandom,
  silentLogger,
  VirtualClock,
  VirtualTimers,
} from "../base/mod.ts";
import { type Channel, channelCounters, openChannel } from "../channel/mod.ts";
import { PresharedKey } from "../crypto/mod.ts";
import {
  encodeHello,
  generateNetwork,
  type MemberRecord,
  type NetworkIdentity,
  NodeIdentity,
  Roster,
  type SignedRecord,
  signRecord,
} from "../mesh/mod.ts";
import { Endpoint, IpAddress } from "../net/mod.ts";
import { type AcceptedStream, memoryStreamPair, type StreamListener } from "../transport/mod.ts";
import { MessagePlane, type MessagePlaneParts } from "./message_plane.ts";

/** A listener that is handed its streams. */
class Door implements StreamListener {
  readonly localPort = 51820;
  readonly #waiting: AcceptedStream[] = [];
  #knock: (() => void) | undefined;
  #isClosed = false;

  /** @returns the caller's end of a new stream */
  open(from: string): ByteStream {
    const [here, there] = memoryStreamPair();
    this.#waiting.push({ stream: here, source: Endpoint.parse(from) ?? assert.fail(from) });
    this.#knock?.();
    return there;
  }

  async accept(): Promise<AcceptedStream | undefined> {
    while (!this.#isClosed && this.#waiting.length === 0) {
      await new Promise<void>((resolve) => this.#knock = resolve);
    }
    return this.#isClosed ? undefined : this.#waiting.shift();
  }

  close(): void {
    this.#isClosed = true;
    this.#knock?.();
  }
}

/** One message plane without a network, and whoever calls it. */
class Stage implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly timers = new VirtualTimers(this.clock);
  readonly random = new SeededRandom(1);
  readonly network = generateNetwork(this.random);
  readonly self = NodeIdentity.generate(this.random);
  readonly door = new Door();
  readonly counters = channelCounters();
  readonly logged: string[] = [];
  readonly roster: Roster;
  readonly plane: MessagePlane;

  constructor(parts: Partial<MessagePlaneParts> = {}) {
    const { id: networkId, verifyingKey } = this.network;
    this.roster = new Roster(new MemoryStateStore(), { networkId, verifyingKey, clock: this.clock });
    this.roster.merge(this.record(this.self));
    this.plane = new MessagePlane({
      identity: this.self,
      networkId,
      roster: this.roster,
      listener: this.door,
      clock: this.clock,
      timers: this.timers,
      random: this.random,
      log: {
        ...silentLogger,
        error: (text) => void this.logged.push(text),
        warn: (text) => void this.logged.push(text),
      },
      counters: this.counters,
      dial: () => Promise.resolve(undefined),
      sharesPrefix: () => false,
      tokenKey: () => undefined,
      serveJoin: () => Promise.resolve(),
      onRosterChange: () => this.plane.followRoster(),
      ...parts,
    });
    this.plane.start();
  }

  record(
    node: NodeIdentity,
    fields: Partial<MemberRecord> = {},
    network: NetworkIdentity = this.network,
  ): SignedRecord {
    const now = this.clock.wall();
    const record: MemberRecord = {
      networkId: this.network.id,
      nodeId: node.id,
      name: `n-${node.id.slice(0, 8)}`,
      publicKey: node.publicKey,
      verifyingKey: node.signingKey.verifyingKey,
      addresses: [IpAddress.parse("10.200.0.2") ?? assert.fail()],
      allowedIps: [],
      labels: {},
      roles: ["member"],
      version: 1,
      issuedAt: now,
      expiresAt: (now + 86_400_000) as MemberRecord["expiresAt"],
      revoked: false,
      ...fields,
    };
    return signRecord(record, network.signingKey ?? assert.fail());
  }

  /** @returns a new member that the plane knows */
  member(): NodeIdentity {
    const node = NodeIdentity.generate(this.random);
    assert.equal(this.roster.merge(this.record(node)), "added");
    return node;
  }

  /** Calls the plane as a member does. */
  call(node: NodeIdentity, stream: ByteStream): Promise<Channel> {
    const { random, clock, timers } = this;
    return openChannel(stream, {
      localStatic: node.privateKey,
      remoteStatic: this.self.publicKey,
      hello: encodeHello({ kind: "member", networkId: this.network.id, nodeId: node.id }),
      random,
      clock,
      timers,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = this.plane.close();
    this.timers.advance(60_000);
    await closing;
  }
}

/** Lets everything go on that waits for nothing but its turn. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve));
}

Deno.test("MessagePlane lets a member in while one address holds the door with silence", async () => {
  await using stage = new Stage();
  const node = stage.member();
  for (let i = 0; i < 200; i++) stage.door.open("192.0.2.66:1000");
  await settled();
  const channel = await stage.call(node, stage.door.open("192.0.2.2:1000"));
  await settled();
  assert.ok(stage.plane.links.get(node.id));
  channel.close();
});

Deno.test("MessagePlane outlives a join that fails", async () => {
  const token = "0".repeat(32);
  const presharedKey = PresharedKey.fromBytes(new Uint8Array(32).fill(7));
  await using stage = new Stage({
    tokenKey: () => presharedKey,
    serveJoin: () => Promise.reject(new Error("the disk is gone")),
  });
  const { random, clock, timers } = stage;
  const channel = await openChannel(stage.door.open("192.0.2.2:1000"), {
    localStatic: NodeIdentity.generate(random).privateKey,
    remoteStatic: stage.self.publicKey,
    presharedKey,
    hello: encodeHello({ kind: "join", tokenId: token }),
    random,
    clock,
    timers,
  });
  assert.equal(await channel.receive(), undefined);
  assert.deepEqual(stage.logged, ["cannot serve a join"]);
});
