import assert from "node:assert/strict";
import { acceptChannel, ChannelRefusedError, openChannel } from "../../channel/mod.ts";
import { PresharedKey } from "../../crypto/mod.ts";
import {
  decodeMeshMessage,
  encodeHello,
  encodeMeshMessage,
  generateNetwork,
  type MemberRecord,
  MESH_TOPIC,
  NO_UPDATE,
  NodeIdentity,
  nodeIdOf,
  type Signed,
} from "../../mesh/mod.ts";
import { memoryStreamPair } from "../../transport/testing/memory_stream.ts";
import { MessagePlaneFixture, settled } from "./testing/message_plane_fixture.ts";

Deno.test("MessagePlane lets a member in while one address opens channels and stays silent", async () => {
  await using fixture = new MessagePlaneFixture();
  const node = fixture.member();
  for (let i = 0; i < 200; i++) fixture.acceptor.open("192.0.2.66:1000");
  await settled();
  const channel = await fixture.call(node, fixture.acceptor.open("192.0.2.2:1000"));
  await settled();
  assert.ok(fixture.plane.links.get(node.id));
  channel.close();
});

Deno.test("MessagePlane lets members in again during a flood from other sources, new and silent ones", async () => {
  await using fixture = new MessagePlaneFixture();
  const [known, stated] = [fixture.member(), fixture.member()];
  fixture.roster.mergeStatement(fixture.statement(stated, 1));
  const first = await fixture.call(known, fixture.acceptor.open("198.51.100.7:1000"));
  await settled();
  first.close();
  for (let i = 0; i < 3_000; i++) fixture.acceptor.open(`10.0.${i >> 8}.${i & 0xff}:1000`);
  await settled();
  assert.ok(fixture.counters.get("channel-handshake-rate-limited") > 2_000);
  const again = await fixture.call(known, fixture.acceptor.open("198.51.100.7:1001"));
  const other = await fixture.call(stated, fixture.acceptor.open("192.0.2.9:1000"));
  for (let i = 0; i < 3_000; i++) fixture.acceptor.open(`10.1.${i >> 8}.${i & 0xff}:1000`);
  await settled();
  for (const { id } of [known, stated]) assert.ok(fixture.plane.links.get(id)?.channel.isOpen);
  for (const channel of [again, other]) channel.close();
});

Deno.test("MessagePlane outlives a join that fails", async () => {
  const token = "0".repeat(32);
  const presharedKey = PresharedKey.fromBytes(new Uint8Array(32).fill(7));
  await using fixture = new MessagePlaneFixture({
    tokenKey: () => presharedKey,
    serveJoin: () => Promise.reject(new Error("the disk is gone")),
  });
  const { random, clock, timers } = fixture;
  const channel = await openChannel(fixture.acceptor.open("192.0.2.2:1000"), {
    localStatic: NodeIdentity.generate(random).privateKey,
    remoteStatic: fixture.self.publicKey,
    presharedKey,
    hello: encodeHello({ kind: "join", tokenId: token }),
    random,
    clock,
    timers,
  });
  assert.equal(await channel.receive(), undefined);
  assert.deepEqual(fixture.logged, ["cannot serve a join"]);
});

Deno.test("MessagePlane keeps no link to a member that was removed while it shook hands", async () => {
  await using fixture = new MessagePlaneFixture();
  const node = fixture.member();
  const stream = fixture.acceptor.open("192.0.2.2:1000");
  const held = Promise.withResolvers<void>();
  let written = 0;
  const calling = fixture.call(node, {
    remoteAddress: stream.remoteAddress,
    read: (out) => stream.read(out),
    write: async (bytes) => {
      // The second write is the proof that the call is no replay.
      if (++written === 2) await held.promise;
      return await stream.write(bytes);
    },
    close: () => stream.close(),
  });
  await settled();
  fixture.roster.merge(fixture.record(node, { revoked: true, version: 2 }));
  fixture.replica.deliverEvents();
  held.resolve();
  const channel = await calling;
  assert.equal(await channel.receive(), undefined);
  await settled();
  assert.deepEqual(fixture.plane.links.all(), []);
});

Deno.test("MessagePlane refuses a device that runs no weft", async () => {
  await using fixture = new MessagePlaneFixture();
  const node = NodeIdentity.generate(fixture.random);
  const id = nodeIdOf(node.publicKey);
  const device = { nodeId: id, verifyingKey: undefined, roles: ["wireguard"] } as const;
  assert.equal(
    fixture.roster.merge(fixture.record(node, device as unknown as Partial<MemberRecord>)),
    "added",
  );
  await assert.rejects(fixture.call(node, fixture.acceptor.open("192.0.2.2:1000"), id), ChannelRefusedError);
});

Deno.test("MessagePlane closes the link to a member that passes on a forged record", async () => {
  await using fixture = new MessagePlaneFixture();
  const [forger, victim] = [fixture.member(), fixture.member()];
  const channel = await fixture.call(forger, fixture.acceptor.open("192.0.2.2:1000"));
  const forged = fixture.record(victim, { version: 9, revoked: true }, generateNetwork(fixture.random));
  const body = encodeMeshMessage({ kind: "roster-update", update: { ...NO_UPDATE, records: [forged] } });
  await channel.send({ topic: MESH_TOPIC, body });
  await channel.closed;
  assert.equal(channel.closeReason, "a signature is false");
  assert.ok(fixture.roster.get(victim.id));
});

Deno.test("MessagePlane hands on a suspicion, and forwards it to no other member", async () => {
  const suspicions: string[][] = [];
  await using fixture = new MessagePlaneFixture({ onSuspicion: (...both) => void suspicions.push(both) });
  const [sender, other] = [fixture.member(), fixture.member()];
  const channel = await fixture.call(sender, fixture.acceptor.open("192.0.2.2:1000"));
  const quiet = await fixture.call(other, fixture.acceptor.open("192.0.2.3:1000"));
  const received: (string | undefined)[] = [];
  void (async () => {
    for (let message = await quiet.receive(); message; message = await quiet.receive()) {
      received.push(decodeMeshMessage(message.body)?.kind);
    }
  })();
  const body = encodeMeshMessage({ kind: "suspicion", nodeId: other.id });
  await channel.send({ topic: MESH_TOPIC, body });
  await settled();
  assert.deepEqual(suspicions, [[sender.id, other.id]]);
  assert.ok(!received.includes("suspicion"));
  fixture.plane.broadcast({ kind: "suspicion", nodeId: sender.id });
  await settled();
  assert.ok(received.includes("suspicion"));
  channel.close();
  quiet.close();
});

Deno.test("MessagePlane bounds the work that one member causes", async () => {
  await using fixture = new MessagePlaneFixture();
  const node = fixture.member();
  // It passes on what others have changed, of whom each may change so much only.
  const origins = Array.from({ length: 30 }, () => fixture.member());
  const channel = await fixture.call(node, fixture.acceptor.open("192.0.2.2:1000"));
  void (async () => {
    for (let i = 0; i < 3000; i++) {
      const origin = origins[i % origins.length] ?? assert.fail();
      const update = { ...NO_UPDATE, statements: [fixture.statement(origin, 1 + Math.floor(i / 30))] };
      const body = encodeMeshMessage({ kind: "roster-update", update });
      if (!await channel.send({ topic: MESH_TOPIC, body })) return;
    }
  })();
  const taken = () =>
    origins.reduce((sum, { id }) => sum + (fixture.roster.get(id)?.statement?.version ?? 0), 0);
  while (taken() < 900) await settled();
  for (let turn = 0; turn < 10; turn++) await settled();
  assert.ok(taken() <= 1001, `${taken()} of 3000 at once`);
  fixture.timers.advance(1_000);
  await settled();
  assert.ok(taken() > 1001 && taken() < 1200, `${taken()} after a second`);
  channel.close();
});

Deno.test("MessagePlane waits longer and longer for a member whose links end at once", async () => {
  let dials = 0;
  await using fixture = new MessagePlaneFixture({
    dial: () => {
      dials++;
      const [here, there] = memoryStreamPair();
      void acceptChannel(there, {
        localStatic: flapping.privateKey,
        random: fixture.random,
        clock: fixture.clock,
        timers: fixture.timers,
        authorize: () => ({ reply: new Uint8Array(0), context: undefined }),
      }).then((accepted) => accepted?.channel.close("the disk is full"));
      return Promise.resolve(here);
    },
  });
  const flapping = fixture.member();
  fixture.roster.mergeStatement(fixture.statement(flapping, 1));
  fixture.replica.deliverEvents();
  for (let second = 0; second < 30; second++) {
    fixture.timers.advance(1_000);
    await settled();
  }
  assert.ok(dials > 3 && dials < 12, `${dials} dials in 30 s`);
});

Deno.test("MessagePlane dials where a member says that it is at a bounded rate, however often that changes", async () => {
  const dials: number[] = [];
  await using fixture = new MessagePlaneFixture({
    dial: () => Promise.resolve(void dials.push(fixture.clock.now())),
  });
  const node = fixture.member();
  fixture.replica.deliverEvents();
  for (let version = 1; version <= 3_000; version++) {
    const statements = [fixture.statement(node, version)];
    fixture.replica.merge({ ...NO_UPDATE, statements });
    fixture.plane.dialer.redial(node.id);
    void fixture.plane.dialer.dial(node.id);
    fixture.timers.advance(10);
    if (version % 10 === 0) await settled();
  }
  const late = dials.filter((at) => at >= 20_000).length;
  assert.ok(late <= 21, `${late} dials in 10 s`);
  assert.ok(dials.length > 32, `${dials.length}`);
});

Deno.test("MessagePlane.ping() gives up on a member that sends but does not answer", async () => {
  await using fixture = new MessagePlaneFixture();
  const node = fixture.member();
  const stream = fixture.acceptor.open("192.0.2.2:1000");
  let isDeaf = false;
  const channel = await fixture.call(node, {
    remoteAddress: stream.remoteAddress,
    read: async (out) => {
      const length = await stream.read(out);
      if (isDeaf) await new Promise(() => {});
      return length;
    },
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
  });
  await settled();
  isDeaf = true;
  const body = new Uint8Array(1);
  const rtt = fixture.plane.ping(node.id);
  for (let second = 0; second < 6; second++) {
    await channel.send({ topic: "chatter", body });
    fixture.timers.advance(1_000);
    await settled();
  }
  assert.equal(await Promise.race([rtt, Promise.resolve("still waiting")]), undefined);
  assert.ok(fixture.plane.links.get(node.id));
  channel.close();
});

Deno.test("MessagePlane sends a member that was removed while it was away its removal, and nothing else", async () => {
  await using fixture = new MessagePlaneFixture();
  const [node, other] = [fixture.member(), fixture.member()];
  fixture.roster.mergeStatement(fixture.statement(other, 1));
  const removal = fixture.record(node, { revoked: true, version: 2 });
  fixture.roster.merge(removal);
  const channel = await fixture.call(node, fixture.acceptor.open("192.0.2.2:1000"));
  const message = await channel.receive();
  const said = decodeMeshMessage(message?.body ?? assert.fail());
  assert(said?.kind === "roster-update");
  assert.deepEqual(said.update.records.map(({ payload }) => payload.toHex()), [removal.payload.toHex()]);
  assert.deepEqual(said.update.statements, []);
  assert.equal(await channel.receive(), undefined);
  assert.deepEqual(fixture.plane.links.all(), []);
});

Deno.test("MessagePlane lets a member in whose record has expired when it is renewed, and only then", async () => {
  for (const isRenewed of [true, false]) {
    await using fixture = new MessagePlaneFixture({ renew: () => isRenewed });
    const node = fixture.member();
    fixture.timers.advance(2 * 86_400_000);
    assert.equal(fixture.roster.get(node.id), undefined);
    const calling = fixture.call(node, fixture.acceptor.open("192.0.2.2:1000"));
    if (!isRenewed) {
      await assert.rejects(calling, ChannelRefusedError);
      continue;
    }
    // What a leader does in `renew`.
    fixture.roster.merge(fixture.record(node, { version: 2 }));
    const channel = await calling;
    await settled();
    assert.ok(fixture.plane.links.get(node.id));
    channel.close();
  }
});

Deno.test("MessagePlane keeps links to a leader whose record has expired: it renews it", async () => {
  await using fixture = new MessagePlaneFixture();
  const node = NodeIdentity.generate(fixture.random);
  fixture.roster.merge(fixture.record(node, { roles: ["leader", "member"] }));
  fixture.timers.advance(2 * 86_400_000);
  const channel = await fixture.call(node, fixture.acceptor.open("192.0.2.2:1000"));
  await settled();
  fixture.replica.deliverEvents();
  await settled();
  assert.ok(fixture.plane.links.get(node.id));
  channel.close();
});

Deno.test("MessagePlane sends a member that has new keys its removal and its new record", async () => {
  await using fixture = new MessagePlaneFixture();
  const [node, next] = [fixture.member(), NodeIdentity.generate(fixture.random)];
  const added = fixture.record(next);
  fixture.roster.merge(added);
  const removal = fixture.record(node, { revoked: true, version: 2, successor: next.id });
  fixture.roster.merge(removal);
  const channel = await fixture.call(node, fixture.acceptor.open("192.0.2.2:1000"));
  const said = decodeMeshMessage((await channel.receive())?.body ?? assert.fail());
  assert(said?.kind === "roster-update");
  const hex = (records: readonly Signed[]) => records.map(({ payload }) => payload.toHex());
  assert.deepEqual(hex(said.update.records), hex([added, removal]));
});
