/**
 * Several message planes in one process, of which only some can dial each other.
 * @module
 */

import assert from "node:assert/strict";
import {
  type ByteStream,
  type Clock,
  MemoryStateStore,
  SeededRandom,
  silentLogger,
  type UnixMillis,
  VirtualClock,
  VirtualTimers,
} from "../../../base/mod.ts";
import { type Channel, channelCounters } from "../../../channel/mod.ts";
import {
  generateNetwork,
  type NetworkIdentity,
  NO_GRANTS,
  NO_UPDATE,
  NodeIdentity,
  Replica,
  type Signed,
  signRecord,
  signStatement,
} from "../../../mesh/mod.ts";
import { Endpoint, IpAddress } from "../../../net/mod.ts";
import { memoryStreamPair } from "../../../transport/testing/memory_stream.ts";
import type { DialTarget } from "../dial.ts";
import { type LinkObserver, MessagePlane, type MessagePlaneParts } from "../message_plane.ts";
import { Acceptor, settled } from "./message_plane_fixture.ts";

/** The topic of what tests send. */
export const TEST_TOPIC = "test";

const OVERLAY_ADDRESS = IpAddress.parse("10.200.0.2") ?? assert.fail();

/** One node of it. */
export class PlaneNode {
  readonly identity: NodeIdentity;
  readonly endpoint: Endpoint;
  readonly acceptor: Acceptor = new Acceptor();
  readonly replica: Replica;
  readonly plane: MessagePlane;
  /** What has come on any of its links, as text. */
  readonly heard: string[] = [];
  /** How often a link ended with something lost. */
  losses = 0;
  readonly streams: ByteStream[] = [];

  constructor(readonly network: PlaneNetwork, index: number, parts: Partial<MessagePlaneParts>) {
    const { timers, keys: { id: networkId, verifyingKey } } = network;
    // Timers of this clock may fire between two milliseconds.
    const clock: Clock = {
      now: () => network.clock.now(),
      wall: () => Math.floor(network.clock.wall()) as UnixMillis,
    };
    const random = new SeededRandom(100 + index);
    this.identity = NodeIdentity.generate(random);
    this.endpoint = Endpoint.parse(`192.0.2.${index + 1}:51820`) ?? assert.fail();
    this.replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock });
    const services: LinkObserver = {
      prepare: (channel: Channel) => {
        channel.attach(TEST_TOPIC, (body) => void this.heard.push(new TextDecoder().decode(body)));
      },
      handleLink: () => {},
      handleSpareLink: () => {},
      handleLinkClosed: () => void this.losses++,
    };
    this.plane = new MessagePlane({
      identity: this.identity,
      networkId,
      verifyingKey,
      replica: this.replica,
      listener: this.acceptor,
      clock,
      timers,
      random,
      log: silentLogger,
      counters: channelCounters(),
      dial: (target) => network.dial(this, target),
      endpoints: { channelEndpoints: ({ statement }) => [...statement?.channelEndpoints ?? []] },
      tokenKey: () => undefined,
      serveJoin: () => Promise.resolve(),
      renew: () => false,
      onLeaderMessage: () => {},
      onSuspicion: () => {},
      onPathMessage: () => {},
      services,
      ...parts,
    });
  }

  /** @returns how it is linked to another node: "none", "direct", "tunnel" or "relay" */
  wayTo(other: PlaneNode): string {
    return this.plane.links.get(other.identity.id)?.way.kind ?? "none";
  }

  /** Sends text on the link of the moment. @returns whether there is one */
  say(other: PlaneNode, text: string): boolean {
    const channel = this.plane.links.get(other.identity.id)?.channel;
    return channel?.post(TEST_TOPIC, new TextEncoder().encode(text)) ?? false;
  }
}

/** Nodes, time that stands still, and who can dial whom. */
export class PlaneNetwork implements AsyncDisposable {
  readonly clock: VirtualClock = new VirtualClock();
  readonly timers: VirtualTimers = new VirtualTimers(this.clock);
  readonly keys: NetworkIdentity = generateNetwork(new SeededRandom(7));
  readonly nodes: PlaneNode[] = [];
  /** Whether a dial comes through. */
  canDial: (from: PlaneNode, to: PlaneNode) => boolean = () => true;
  /** Who is at the overlay's address, which all nodes have here; nobody without it. */
  tunnel: (from: PlaneNode) => PlaneNode | undefined = () => undefined;
  #cuts = 0;
  readonly #mute = new Set<PlaneNode>();

  /** Adds nodes and tells all of them of each other. The first `leaders` of them are leaders. */
  start(
    count: number,
    leaders: number,
    parts: (index: number) => Partial<MessagePlaneParts> = () => ({}),
  ): void {
    for (let i = 0; i < count; i++) this.nodes.push(new PlaneNode(this, i, parts(i)));
    const records = this.nodes.map((node, i) => this.#record(node, i < leaders));
    const statements = this.nodes.map((node) => this.#statement(node, 1));
    for (const { replica, plane } of this.nodes) {
      replica.merge({ ...NO_UPDATE, records, statements });
      replica.deliverEvents();
      plane.start();
    }
  }

  /** All hear a second statement of a node. */
  restate(node: PlaneNode): void {
    const statements = [this.#statement(node, 2)];
    for (const { replica } of this.nodes) {
      replica.merge({ ...NO_UPDATE, statements });
      replica.deliverEvents();
    }
  }

  /** From now on nothing that a node sends arrives, and nothing arrives there. */
  mute(node: PlaneNode): void {
    this.#mute.add(node);
  }

  /** From now on nothing passes on the connections that there are; new ones work. */
  cut(): void {
    this.#cuts++;
  }

  /** Closes every connection of a node, as the end of its process does. */
  kill(node: PlaneNode): void {
    this.canDial = both(this.canDial, (from, to) => from !== node && to !== node);
    for (const stream of node.streams) stream.close();
  }

  async dial(from: PlaneNode, endpoint: DialTarget): Promise<ByteStream | undefined> {
    assert.ok(endpoint instanceof Endpoint, "nobody here has a URL");
    const isTunnel = endpoint.address.equals(OVERLAY_ADDRESS);
    const to = isTunnel ? this.tunnel(from) : this.nodes.find((node) => node.endpoint.equals(endpoint));
    await settled();
    if (to === undefined || !isTunnel && !this.canDial(from, to)) return undefined;
    const [here, there] = memoryStreamPair();
    for (const node of [from, to]) node.streams.push(here, there);
    to.acceptor.hand(this.#wire(there, from, to), from.endpoint);
    return this.#wire(here, from, to);
  }

  /** Lets time pass in small steps. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) {
      this.timers.advance(50);
      await settled();
    }
  }

  /** Lets time pass until something is so. @returns how long that took, in milliseconds */
  async until(what: string, condition: () => boolean, atMostMs = 30_000): Promise<number> {
    const since = this.clock.now();
    while (!condition()) {
      assert.ok(this.clock.now() - since < atMostMs, `${what}, within ${atMostMs} ms`);
      await this.pass(50);
    }
    return this.clock.now() - since;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = Promise.all(this.nodes.map(({ plane }) => plane.close()));
    await this.pass(2_000);
    this.timers.advance(60_000);
    await closing;
  }

  #wire(stream: ByteStream, ...ends: PlaneNode[]): ByteStream {
    const cuts = this.#cuts;
    const isMute = () => this.#cuts > cuts || ends.some((node) => this.#mute.has(node));
    return {
      remoteAddress: stream.remoteAddress,
      read: (out) => stream.read(out),
      write: (bytes) => isMute() ? new Promise(() => {}) : stream.write(bytes),
      close: () => isMute() ? undefined : stream.close(),
    };
  }

  #statement({ identity, endpoint }: PlaneNode, version: number): Signed {
    return signStatement({
      nodeId: identity.id,
      endpoints: [],
      channelEndpoints: [endpoint],
      labels: {},
      version,
      issuedAt: Math.floor(this.clock.wall()) as UnixMillis,
    }, identity.signingKey);
  }

  #record({ identity }: PlaneNode, isLeader: boolean): Signed {
    const now = Math.floor(this.clock.wall()) as UnixMillis;
    return signRecord({
      networkId: this.keys.id,
      nodeId: identity.id,
      name: `n-${identity.id.slice(0, 8)}`,
      publicKey: identity.publicKey,
      verifyingKey: identity.signingKey.verifyingKey,
      addresses: [OVERLAY_ADDRESS],
      allowedIps: [],
      labels: {},
      grants: NO_GRANTS,
      roles: isLeader ? ["leader", "member"] : ["member"],
      version: 1,
      issuedAt: now,
      expiresAt: (now + 86_400_000) as typeof now,
      revoked: false,
    }, this.keys.signingKey ?? assert.fail());
  }
}

type CanDial = PlaneNetwork["canDial"];

/** @returns what both allow */
function both(one: CanDial, other: CanDial): CanDial {
  return (from, to) => one(from, to) && other(from, to);
}
