/**
 * A message plane without a network, for its tests.
 * @module
 */

import assert from "node:assert/strict";
import {
  type ByteStream,
  type Counters,
  MemoryStateStore,
  SeededRandom,
  silentLogger,
  VirtualClock,
  VirtualTimers,
} from "../../../base/mod.ts";
import { type Channel, channelCounters, type ChannelDropReason, openChannel } from "../../../channel/mod.ts";
import {
  encodeHello,
  generateNetwork,
  type MemberRecord,
  type NetworkIdentity,
  NO_GRANTS,
  type NodeId,
  NodeIdentity,
  Replica,
  type Roster,
  type Signed,
  signRecord,
  signStatement,
} from "../../../mesh/mod.ts";
import { Endpoint, IpAddress } from "../../../net/mod.ts";
import type { AcceptedStream, StreamListener } from "../../../transport/mod.ts";
import { memoryStreamPair } from "../../../transport/testing/memory_stream.ts";
import { MessagePlane, type MessagePlaneParts } from "../message_plane.ts";

/** A listener that is handed its streams. */
export class Acceptor implements StreamListener {
  readonly localPort = 51820;
  readonly #waiting: AcceptedStream[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;

  /** @returns the caller's end of a new stream */
  open(from: string): ByteStream {
    const [here, there] = memoryStreamPair();
    this.hand(here, Endpoint.parse(from) ?? assert.fail(from));
    return there;
  }

  /** Hands over a stream that somebody has opened. */
  hand(stream: ByteStream, source: Endpoint): void {
    this.#waiting.push({ stream, source });
    this.#wake?.();
  }

  async accept(): Promise<AcceptedStream | undefined> {
    while (!this.#isClosed && this.#waiting.length === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#isClosed ? undefined : this.#waiting.shift();
  }

  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }
}

/** One message plane without a network, and those who dial it. */
export class MessagePlaneFixture implements AsyncDisposable {
  readonly clock: VirtualClock = new VirtualClock();
  readonly timers: VirtualTimers = new VirtualTimers(this.clock);
  readonly random: SeededRandom = new SeededRandom(1);
  readonly network: NetworkIdentity = generateNetwork(this.random);
  readonly self: NodeIdentity = NodeIdentity.generate(this.random);
  readonly acceptor: Acceptor = new Acceptor();
  readonly counters: Counters<ChannelDropReason> = channelCounters();
  readonly logged: string[] = [];
  readonly replica: Replica;
  readonly roster: Roster;
  readonly plane: MessagePlane;

  constructor(parts: Partial<MessagePlaneParts> = {}) {
    const { id: networkId, verifyingKey } = this.network;
    this.replica = new Replica(new MemoryStateStore(), { networkId, verifyingKey, clock: this.clock });
    this.roster = this.replica.roster;
    this.roster.merge(this.record(this.self));
    this.plane = new MessagePlane({
      identity: this.self,
      networkId,
      verifyingKey,
      replica: this.replica,
      listener: this.acceptor,
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
      endpoints: { channelEndpoints: ({ statement }) => [...statement?.channelEndpoints ?? []] },
      tokenKey: () => undefined,
      serveJoin: () => Promise.resolve(),
      renew: () => false,
      onLeaderMessage: () => {},
      onSuspicion: () => {},
      onPathMessage: () => {},
      ...parts,
    });
    this.plane.start();
  }

  record(
    node: NodeIdentity,
    fields: Partial<MemberRecord> = {},
    network: NetworkIdentity = this.network,
  ): Signed {
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
      grants: NO_GRANTS,
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

  /** @returns where `node` says it is, its message plane only */
  statement(node: NodeIdentity, version: number): Signed {
    const channelEndpoints = [Endpoint.parse("192.0.2.9:51820") ?? assert.fail()];
    const issuedAt = this.clock.wall();
    const statement = { nodeId: node.id, endpoints: [], channelEndpoints, labels: {}, version, issuedAt };
    return signStatement(statement, node.signingKey);
  }

  /** Calls the plane as a member does. */
  call(node: NodeIdentity, stream: ByteStream, nodeId: NodeId = node.id): Promise<Channel> {
    const { random, clock, timers } = this;
    return openChannel(stream, {
      localStatic: node.privateKey,
      remoteStatic: this.self.publicKey,
      hello: encodeHello({ kind: "member", networkId: this.network.id, nodeId }),
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

/** Lets everything go on that waits for no timer. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
