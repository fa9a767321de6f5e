import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { type AgentOptions, parseAgentOptions } from "../../config/mod.ts";
import { settle } from "../../channel/testing/memory_stream.ts";
import { openForwarder } from "../../dataplane/mod.ts";
import { decodeMeshMessage, encodeJoinRequest, MeshState, type NodeId } from "../../mesh/mod.ts";
import { SmallPool, START } from "../../mesh/testing/test_network.ts";
import { Cidr, Endpoint, IpAddress } from "../../net/mod.ts";
import { encodeBind, openBound, type RelayLeg } from "../../relay/mod.ts";
import { openUdp } from "../../transport/mod.ts";
import { EndpointSelector } from "../endpoint_selector.ts";
import { RelayHost, type RelayHostParts, type RelayLegs } from "./relay_host.ts";

const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();

/** A leader with three members, and its relay. */
class World implements AsyncDisposable {
  readonly clock = new VirtualClock(START);
  readonly timers = new VirtualTimers(this.clock);
  readonly random = new SeededRandom(6);
  readonly mesh: MeshState;
  readonly members: readonly NodeId[];
  readonly host: RelayHost;
  readonly options: AgentOptions;

  constructor(options?: Record<string, string>, open?: RelayHostParts["open"]) {
    const { clock, timers, random } = this;
    const parts = { random, clock, addressPool: () => new SmallPool(200) };
    const mesh = this.mesh = MeshState.create(new MemoryStateStore(), { ...parts, name: "lead", cidr });
    this.members = ["a", "b", "c"].map((name) => this.#join(name));
    this.options = parseAgentOptions({ stateDir: "/s", dataplane: "portable", ...options });
    this.host = new RelayHost({
      mesh,
      clock,
      timers,
      random,
      log: silentLogger,
      options: this.options,
      bounds: { perMember: 1, total: 8, idleMs: 120_000 },
      ...open && { open },
    });
  }

  open(a: number, b: number): ReturnType<RelayHost["open"]> {
    const [first, second] = [this.members[a], this.members[b]];
    assert.ok(first !== undefined && second !== undefined);
    return this.host.open(first, second);
  }

  #join(name: string): NodeId {
    const { mesh, random, clock } = this;
    const identity = MeshState.prepareJoin(new MemoryStateStore(), random);
    const token = mesh.tokens?.create({
      networkId: mesh.network.id,
      leaderPublicKey: mesh.identity.publicKey,
      endpoints: [],
      cidr,
      lifetimeMs: 60_000,
    }) ?? assert.fail();
    const wanted = { name, labels: {}, endpoints: [], channelEndpoints: [], clock };
    const asked = decodeMeshMessage(encodeJoinRequest(identity, token, wanted));
    assert.equal(asked?.kind, "join-request");
    const request = { ...asked.request, tokenId: token.tokenId, remotePublicKey: identity.publicKey };
    const enrolled = mesh.admission?.admit(request);
    assert(typeof enrolled === "object");
    return enrolled.record.nodeId;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.host.close();
    assert.equal(this.timers.size, 0);
  }
}

function legs(opened: ReturnType<RelayHost["open"]>): RelayLegs {
  return typeof opened === "object" ? opened : assert.fail(opened);
}

/** @returns whether a bind is answered */
async function bind(leg: RelayLeg): Promise<boolean> {
  const socket = openUdp({ port: 0 });
  const place = new Endpoint(IpAddress.parse("127.0.0.1") ?? assert.fail(), leg.port);
  socket.send(encodeBind("bind", leg, 1), place);
  const batch = await socket.receiveBatch();
  socket.close();
  return batch !== undefined && openBound(batch.datagram(0), leg) === 1;
}

Deno.test("RelayHost opens one session for two members, whoever asks", async () => {
  await using world = new World();
  assert.equal(world.open(0, 1), "not-relaying");
  world.host.start();
  const first = legs(world.open(0, 1));
  const turned = legs(world.open(1, 0));
  assert.deepEqual([turned.b, turned.a], [first.a, first.b]);
  assert.ok(await bind(first.a) && await bind(first.b));
  assert.equal(world.open(0, 2), "too-many-of-member");
  assert.equal(world.open(2, 2), "not-member");
  assert.equal(world.host.open(world.members[2] ?? assert.fail(), "ffff" as NodeId), "not-member");
  assert.deepEqual(world.host.report(), {
    kind: "portable",
    sessions: 1,
    datagrams: 0,
    bytes: 0,
    drops: {},
  });
});

Deno.test("RelayHost relays if its node leads, unless it is told not to", async () => {
  for (const [relay, isOn] of [["auto", true], ["off", false], ["on", true]] as const) {
    await using world = new World({ relay });
    world.host.start();
    assert.equal(world.host.isOn, isOn, relay);
    // Whoever has no other way is told whom to ask.
    assert.equal(new EndpointSelector(world.mesh, world.options).own().relays, isOn);
    assert.equal(typeof world.open(0, 1), isOn ? "object" : "string");
    assert.equal(world.host.report()?.sessions, isOn ? 1 : undefined);
  }
});

Deno.test("RelayHost ends sessions that nobody uses, and those of members that are removed", async () => {
  await using world = new World();
  world.host.start();
  world.open(0, 1);
  // Nobody binds it.
  world.timers.advance(10_000);
  assert.equal(world.host.report()?.sessions, 1);
  world.timers.advance(10_000);
  assert.equal(world.host.report()?.sessions, 0);
  world.open(0, 1);
  const removed = world.mesh.roster.get(world.members[1] ?? assert.fail())?.record ?? assert.fail();
  world.mesh.admission?.revoke(removed.publicKey);
  world.mesh.replica.deliverEvents();
  assert.equal(world.host.report()?.sessions, 0);
  assert.equal(world.open(0, 1), "not-member");
  world.open(0, 2);
  world.host.closeMember(world.members[0] ?? assert.fail());
  assert.equal(world.host.report()?.sessions, 0);
});

Deno.test("RelayHost.prepare() has the forwarder wait for a session, and for no longer than a while", async () => {
  const opened: boolean[] = [];
  let isClosed = false;
  await using world = new World({}, (options) => {
    opened.push(true);
    const forwarder = openForwarder(options, true);
    void forwarder.ended.then(() => isClosed = true);
    return forwarder;
  });
  world.host.prepare();
  assert.deepEqual(opened, [], "it does not relay yet");
  world.host.start();
  world.host.prepare();
  world.host.prepare();
  assert.equal(opened.length, 1);
  world.timers.advance(10_000);
  await settle();
  assert.ok(!isClosed);
  world.timers.advance(10_000);
  await settle();
  assert.ok(isClosed);
});

Deno.test("RelayHost joins streams unless it has to meter them, and counts what they carry", async () => {
  for (
    const [options, joins] of [
      [{}, true],
      [{ relayLimitMbit: "100" }, false],
      [{ relaySessionLimitMbit: "100" }, false],
      [{ relay: "off" }, false],
    ] as const
  ) {
    await using world = new World(options);
    world.host.start();
    assert.equal(world.host.joinsStreams, joins, JSON.stringify(options));
    world.host.noteCarried(2, 300);
    const { datagrams, bytes } = world.host.report() ?? { datagrams: 2, bytes: 300 };
    assert.deepEqual([datagrams, bytes], [2, 300]);
  }
});

Deno.test("RelayHost uses no ports but those that it is told", async () => {
  await using world = new World({ relayPorts: "27310-27311" });
  world.host.start();
  const { a, b } = legs(world.open(0, 1));
  assert.deepEqual([a.port, b.port].sort(), [27310, 27311]);
  world.host.closeMember(world.members[2] ?? assert.fail());
  assert.equal(world.host.report()?.sessions, 1);
});

Deno.test("RelayHost goes on by the runtime's sockets when its thread has died, and counts what was dropped before", async () => {
  const death = Promise.withResolvers<"failed">();
  const asked: boolean[] = [];
  await using world = new World({ dataplane: "auto" }, (options, isPortable) => {
    asked.push(isPortable);
    const forwarder = openForwarder(options, true);
    if (isPortable) return forwarder;
    return {
      kind: "fast",
      ended: death.promise,
      open: (keys) => forwarder.open(keys),
      drops: () => ({ ...forwarder.drops(), unbound: 7 }),
      close: () => forwarder.close(),
    };
  });
  world.host.start();
  const before = legs(world.open(0, 1));
  assert.equal(world.host.report()?.kind, "fast");
  death.resolve("failed");
  await settle();
  assert.equal(world.host.report()?.sessions, 0);
  const after = legs(world.open(0, 1));
  assert.notDeepEqual(after.a.id, before.a.id);
  assert.ok(await bind(after.a));
  assert.deepEqual(asked, [false, true]);
  const { kind, drops } = world.host.report() ?? assert.fail();
  assert.deepEqual([kind, drops], ["portable", { unbound: 7 }]);
});
