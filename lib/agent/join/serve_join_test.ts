import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, silentLogger, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import type { Channel, ChannelMessage } from "../../channel/mod.ts";
import { IpAllocator } from "../../ipam/mod.ts";
import { encodeJoinRequest, MESH_TOPIC, MeshState, NodeIdentity, PLAIN_READER } from "../../mesh/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import { serveJoin } from "./serve_join.ts";

Deno.test("serveJoin() publishes the record of a newcomer that does not read its answer", async () => {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const random = new SeededRandom(1);
  const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();
  const mesh = MeshState.create(new MemoryStateStore(), {
    random,
    clock,
    addressPool: (pool) => new IpAllocator(pool),
    name: "leader",
    cidr,
  });
  const token = mesh.tokens?.create({
    networkId: mesh.network.id,
    leaderPublicKey: mesh.identity.publicKey,
    endpoints: [],
    cidr,
    lifetimeMs: 60_000,
  }) ?? assert.fail();
  const newcomer = NodeIdentity.generate(random);
  const wanted = { name: "newcomer", labels: {}, endpoints: [], channelEndpoints: [], clock };
  const request: ChannelMessage = { topic: MESH_TOPIC, body: encodeJoinRequest(newcomer, token, wanted) };
  const hangUp = Promise.withResolvers<boolean>();
  const slow = {
    remoteStatic: newcomer.publicKey,
    receive: () => Promise.resolve(request),
    send: () => hangUp.promise,
    close: () => hangUp.resolve(false),
  } as unknown as Channel;
  const announced: string[] = [];
  mesh.replica.subscribe({
    handleOwnUpdate: ({ records }) => {
      for (const { payload } of records) {
        announced.push(PLAIN_READER.record(payload)?.name ?? "");
      }
    },
  });
  const serving = serveJoin(slow, {
    tokenId: token.tokenId,
    source: Endpoint.parse("192.0.2.2:1000") ?? assert.fail(),
  }, {
    mesh,
    timers,
    log: silentLogger,
    clock,
    countUse: () => Promise.resolve("here"),
  });
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(announced, ["newcomer"]);
  timers.advance(10_000);
  await serving;
  assert.equal(timers.size, 0);
});
