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
import { memoryStreamPair } from "../../transport/mod.ts";
import { settled, Stage } from "./testing/message_plane_stage.ts";

Deno.test("MessagePlane lets a member in while one address opens channels and stays silent", async () => {
  await using stage = new Stage();
  const node = stage.member();
  for (let i = 0; i < 200; i++) stage.acceptor.open("192.0.2.66:1000");
  await settled();
  const channel = await stage.call(node, stage.acceptor.open("192.0.2.2:1000"));
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
  const channel = await openChannel(stage.acceptor.open("192.0.2.2:1000"), {
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

Deno.test("MessagePlane keeps no link to a member that was removed while it shook hands", async () => {
  await using stage = new Stage();
  const node = stage.member();
  const stream = stage.acceptor.open("192.0.2.2:1000");
  const held = Promise.withResolvers<void>();
  let written = 0;
  const calling = stage.call(node, {
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
  stage.roster.merge(stage.record(node, { revoked: true, version: 2 }));
  stage.replica.deliverEvents();
  held.resolve();
  const channel = await calling;
  assert.equal(await channel.receive(), undefined);
  await settled();
  assert.equal(stage.plane.links.size, 0);
});

Deno.test("MessagePlane refuses a device that runs no weft", async () => {
  await using stage = new Stage();
  const node = NodeIdentity.generate(stage.random);
  const id = nodeIdOf(node.publicKey);
  const device = { nodeId: id, verifyingKey: undefined, roles: ["wireguard"] } as const;
  assert.equal(stage.roster.merge(stage.record(node, device as unknown as Partial<MemberRecord>)), "added");
  await assert.rejects(stage.call(node, stage.acceptor.open("192.0.2.2:1000"), id), ChannelRefusedError);
});

Deno.test("MessagePlane closes the link to a member that passes on a forged record", async () => {
  await using stage = new Stage();
  const [liar, victim] = [stage.member(), stage.member()];
  const channel = await stage.call(liar, stage.acceptor.open("192.0.2.2:1000"));
  const forged = stage.record(victim, { version: 9, revoked: true }, generateNetwork(stage.random));
  const body = encodeMeshMessage({ kind: "roster-update", update: { ...NO_UPDATE, records: [forged] } });
  await channel.send({ topic: MESH_TOPIC, body });
  await channel.closed;
  assert.equal(channel.closeReason, "a signature is false");
  assert.ok(stage.roster.get(victim.id));
});

Deno.test("MessagePlane hands on a suspicion, and forwards it to no other member", async () => {
  const suspicions: string[][] = [];
  await using stage = new Stage({ onSuspicion: (...both) => void suspicions.push(both) });
  const [sender, other] = [stage.member(), stage.member()];
  const channel = await stage.call(sender, stage.acceptor.open("192.0.2.2:1000"));
  const quiet = await stage.call(other, stage.acceptor.open("192.0.2.3:1000"));
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
  stage.plane.broadcast({ kind: "suspicion", nodeId: sender.id });
  await settled();
  assert.ok(received.includes("suspicion"));
  channel.close();
  quiet.close();
});

Deno.test("MessagePlane bounds the work that one member causes", async () => {
  await using stage = new Stage();
  const node = stage.member();
  const channel = await stage.call(node, stage.acceptor.open("192.0.2.2:1000"));
  void (async () => {
    for (let version = 1; version <= 3000; version++) {
      const update = { ...NO_UPDATE, statements: [stage.statement(node, version)] };
      const body = encodeMeshMessage({ kind: "roster-update", update });
      if (!await channel.send({ topic: MESH_TOPIC, body })) return;
    }
  })();
  const version = () => stage.roster.get(node.id)?.statement?.version ?? 0;
  while (version() < 900) await settled();
  for (let turn = 0; turn < 10; turn++) await settled();
  assert.ok(version() <= 1001, `${version()} of 3000 at once`);
  stage.timers.advance(1_000);
  await settled();
  assert.ok(version() > 1001 && version() < 1200, `${version()} after a second`);
  channel.close();
});

Deno.test("MessagePlane waits longer and longer for a member whose links end at once", async () => {
  let dials = 0;
  await using stage = new Stage({
    dial: () => {
      dials++;
      const [here, there] = memoryStreamPair();
      void acceptChannel(there, {
        localStatic: flapping.privateKey,
        random: stage.random,
        clock: stage.clock,
        timers: stage.timers,
        authorize: () => ({ reply: new Uint8Array(0), context: undefined }),
      }).then((accepted) => accepted?.channel.close("the disk is full"));
      return Promise.resolve(here);
    },
  });
  const flapping = stage.member();
  stage.roster.mergeStatement(stage.statement(flapping, 1));
  stage.replica.deliverEvents();
  for (let second = 0; second < 30; second++) {
    stage.timers.advance(1_000);
    await settled();
  }
  assert.ok(dials > 3 && dials < 12, `${dials} dials in 30 s`);
});

Deno.test("MessagePlane.ping() gives up on a member that sends but does not answer", async () => {
  await using stage = new Stage();
  const node = stage.member();
  const stream = stage.acceptor.open("192.0.2.2:1000");
  let isDeaf = false;
  const channel = await stage.call(node, {
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
  const rtt = stage.plane.ping(node.id);
  for (let second = 0; second < 6; second++) {
    await channel.send({ topic: "chatter", body });
    stage.timers.advance(1_000);
    await settled();
  }
  assert.equal(await Promise.race([rtt, Promise.resolve("still waiting")]), undefined);
  assert.ok(stage.plane.links.get(node.id));
  channel.close();
});

Deno.test("MessagePlane sends a member that was removed while it was away its removal, and nothing else", async () => {
  await using stage = new Stage();
  const [node, other] = [stage.member(), stage.member()];
  stage.roster.mergeStatement(stage.statement(other, 1));
  const removal = stage.record(node, { revoked: true, version: 2 });
  stage.roster.merge(removal);
  const channel = await stage.call(node, stage.acceptor.open("192.0.2.2:1000"));
  const message = await channel.receive();
  const said = decodeMeshMessage(message?.body ?? assert.fail());
  assert(said?.kind === "roster-update");
  assert.deepEqual(said.update.records.map(({ payload }) => payload.toHex()), [removal.payload.toHex()]);
  assert.deepEqual(said.update.statements, []);
  assert.equal(await channel.receive(), undefined);
  assert.equal(stage.plane.links.size, 0);
});

Deno.test("MessagePlane lets a member in whose record has expired when it is renewed, and only then", async () => {
  for (const isRenewed of [true, false]) {
    await using stage = new Stage({ renew: () => isRenewed });
    const node = stage.member();
    stage.timers.advance(2 * 86_400_000);
    assert.equal(stage.roster.get(node.id), undefined);
    const calling = stage.call(node, stage.acceptor.open("192.0.2.2:1000"));
    if (!isRenewed) {
      await assert.rejects(calling, ChannelRefusedError);
      continue;
    }
    // What a leader does in `renew`.
    stage.roster.merge(stage.record(node, { version: 2 }));
    const channel = await calling;
    await settled();
    assert.ok(stage.plane.links.get(node.id));
    channel.close();
  }
});

Deno.test("MessagePlane keeps links to a leader whose record has expired: it renews it", async () => {
  await using stage = new Stage();
  const node = NodeIdentity.generate(stage.random);
  stage.roster.merge(stage.record(node, { roles: ["leader", "member"] }));
  stage.timers.advance(2 * 86_400_000);
  const channel = await stage.call(node, stage.acceptor.open("192.0.2.2:1000"));
  await settled();
  stage.replica.deliverEvents();
  await settled();
  assert.ok(stage.plane.links.get(node.id));
  channel.close();
});

Deno.test("MessagePlane sends a member that has new keys its removal and its new record", async () => {
  await using stage = new Stage();
  const [node, next] = [stage.member(), NodeIdentity.generate(stage.random)];
  const added = stage.record(next);
  stage.roster.merge(added);
  const removal = stage.record(node, { revoked: true, version: 2, successor: next.id });
  stage.roster.merge(removal);
  const channel = await stage.call(node, stage.acceptor.open("192.0.2.2:1000"));
  const said = decodeMeshMessage((await channel.receive())?.body ?? assert.fail());
  assert(said?.kind === "roster-update");
  const hex = (records: readonly Signed[]) => records.map(({ payload }) => payload.toHex());
  assert.deepEqual(hex(said.update.records), hex([added, removal]));
});
