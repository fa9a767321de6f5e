import assert from "node:assert/strict";
import { FIRST_VERSION, SeededRandom, unixMillis, type VersionRange } from "../../base/mod.ts";
import { openChannel } from "../../channel/mod.ts";
import type { PresharedKey } from "../../crypto/mod.ts";
import {
  encodeHello,
  JoinToken,
  type NodeIdentity,
  NodeIdentity as Identity,
  OWN_PROTOCOLS,
  type ProtocolVersions,
  TokenSecret,
} from "../../mesh/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import { memoryStreamPair } from "../../transport/testing/memory_stream.ts";
import { IncompatibleVersionError } from "../errors.ts";
import { joinNetwork } from "../join/mod.ts";
import { dialChannel, type DialOptions, isDialled } from "./dial.ts";
import { MessagePlaneFixture, settled } from "./testing/message_plane_fixture.ts";

const range = (oldest: number, newest = oldest): VersionRange => ({ oldest, newest });
const speaking = (versions: ProtocolVersions): ProtocolVersions => ({ ...OWN_PROTOCOLS, ...versions });
const THERE = Endpoint.parse("192.0.2.2:1000") ?? assert.fail();

/** @returns how `node` dials the plane of the fixture */
function dialOptions(
  { self, network, random, clock, timers }: MessagePlaneFixture,
  node: NodeIdentity,
  protocols?: ProtocolVersions,
): DialOptions {
  return {
    localStatic: node.privateKey,
    remoteStatic: self.publicKey,
    hello: { kind: "member", networkId: network.id, nodeId: node.id },
    signal: new AbortController().signal,
    ...{ random, clock, timers, protocols },
  };
}

Deno.test("two members speak the newest version of each protocol that both do", async () => {
  await using fixture = new MessagePlaneFixture({
    protocols: speaking({ mesh: range(1, 3), service: range(2, 4), handshake: range(1, 2) }),
  });
  const node = fixture.member();
  const protocols = speaking({ mesh: range(2, 9), service: range(1, 2), handshake: range(1, 7) });
  const dial = () => Promise.resolve(fixture.acceptor.open("192.0.2.2:1000"));
  const dialled = await dialChannel(THERE, dial, dialOptions(fixture, node, protocols));
  assert(isDialled(dialled));
  await settled();
  const link = fixture.plane.links.get(node.id);
  for (const versions of [dialled.versions, link?.versions]) {
    assert.deepEqual([versions?.mesh, versions?.service, versions?.handshake, versions?.path], [3, 2, 2, 1]);
  }
  assert.equal(dialled.channel.handshakeVersion, 2);
  dialled.channel.close();
});

Deno.test("a member of the former release, which says nothing of versions, has a link both ways", async () => {
  await using fixture = new MessagePlaneFixture();
  const node = fixture.member();
  const channel = await fixture.call(node, fixture.acceptor.open("192.0.2.2:1000"));
  await settled();
  assert.equal(channel.reply.length, 0);
  assert.equal(fixture.plane.links.get(node.id)?.versions?.mesh, 1);
  channel.close();
});

Deno.test("two members without a version in common both know which, and which of them is the older one", async () => {
  await using fixture = new MessagePlaneFixture();
  const node = fixture.member();
  const dial = () => Promise.resolve(fixture.acceptor.open("192.0.2.2:1000"));
  const newer = dialOptions(fixture, node, speaking({ service: range(2, 3) }));
  const failure = await dialChannel(THERE, dial, newer);
  assert.deepEqual(failure, { protocol: "service", ours: range(2, 3), theirs: range(1) });
  await settled();
  assert.equal(fixture.plane.links.get(node.id), undefined);
  assert.deepEqual(fixture.plane.conflicts.of(node.id), {
    protocol: "service",
    ours: range(1),
    theirs: range(2, 3),
  });
  const name = `n-${node.id.slice(0, 8)}`;
  assert.deepEqual(fixture.plane.conflicts.warnings(), [{
    kind: "versions",
    about: node.id,
    text: `no link to ${name}: ${name} speaks versions 2 to 3 of the protocol service, this node version 1`,
    hint: "Upgrade weft on this node.",
  }]);
  assert.equal(fixture.counters.get("channel-handshake-version"), 1);

  // It was downgraded, or this node was upgraded: the conflict is over.
  const again = await dialChannel(THERE, dial, dialOptions(fixture, node));
  assert(isDialled(again));
  await settled();
  assert.deepEqual(fixture.plane.conflicts.warnings(), []);
  again.channel.close();
});

Deno.test("a member that dials finds the same, and of who is removed nothing is said any more", async () => {
  await using there = new MessagePlaneFixture({ protocols: speaking({ mesh: range(4) }) });
  const { self } = there;
  const identity = Identity.generate(new SeededRandom(9));
  // Fixtures are drawn alike, so that both are of one network.
  await using here = new MessagePlaneFixture({
    identity,
    dial: () => Promise.resolve(there.acceptor.open("192.0.2.2:1000")),
  });
  there.roster.merge(there.record(identity));
  for (const { roster } of [here, there]) roster.merge(here.record(self));
  here.roster.mergeStatement(here.statement(self, 1));
  await settled();
  assert.equal(await here.plane.dialer.dial(self.id), false);
  assert.deepEqual(here.plane.conflicts.of(self.id), { protocol: "mesh", ours: range(1), theirs: range(4) });
  await settled();
  assert.deepEqual(there.plane.conflicts.of(identity.id)?.theirs, range(1));
  here.roster.merge(here.record(self, { revoked: true, version: 2 }));
  assert.deepEqual(here.plane.conflicts.warnings(), []);
});

Deno.test("whoever lowers the handshake of two ends by playing a former release is found out", async () => {
  await using fixture = new MessagePlaneFixture({ protocols: speaking({ handshake: range(1, 2) }) });
  const node = fixture.member();
  let dials = 0;
  const dial = () => {
    // The question of versions is answered as the former release does: by a frame without content, and the end.
    if (dials++ > 0) return Promise.resolve(fixture.acceptor.open("192.0.2.2:1000"));
    const [attacker, end] = memoryStreamPair();
    void attacker.read(new Uint8Array(64)).then(() => attacker.write(new Uint8Array(2))).then(() =>
      attacker.close()
    );
    return Promise.resolve(end);
  };
  const options = dialOptions(fixture, node, speaking({ handshake: range(1, 2) }));
  assert.equal(await dialChannel(THERE, dial, options), "failed");
  assert.equal(dials, 2);
  await settled();
  assert.equal(fixture.plane.links.get(node.id), undefined);
  assert.equal(fixture.counters.get("channel-handshake-version"), 1);
});

Deno.test("a former release is called by its own handshake, once the question has failed", async () => {
  // It takes the question for a bad handshake.
  await using fixture = new MessagePlaneFixture({ protocols: speaking({ handshake: FIRST_VERSION }) });
  const node = fixture.member();
  let dials = 0;
  const dial = () => {
    if (dials++ > 0) return Promise.resolve(fixture.acceptor.open("192.0.2.2:1000"));
    const [former, end] = memoryStreamPair();
    void former.read(new Uint8Array(64)).then(() => former.write(new Uint8Array(2))).then(() =>
      former.close()
    );
    return Promise.resolve(end);
  };
  const outcome = await dialChannel(
    THERE,
    dial,
    dialOptions(fixture, node, speaking({ handshake: range(1, 2) })),
  );
  assert(isDialled(outcome));
  assert.equal(outcome.versions.handshake, 1);
  outcome.channel.close();
});

Deno.test("a machine that joins is told which versions the leader speaks, and the leader's log which it does", async () => {
  let served = 0;
  await using fixture = new MessagePlaneFixture({
    tokenKey: (): PresharedKey => token.presharedKey,
    serveJoin: (channel) => (served++, channel.close(), Promise.resolve()),
    protocols: speaking({ join: range(2) }),
  });
  const { random, clock, timers, self, network } = fixture;
  const secret = TokenSecret.generate(random);
  const token = new JoinToken({
    networkId: network.id,
    tokenId: "0".repeat(32),
    leaderPublicKey: self.publicKey,
    endpoints: [THERE],
    cidr: Cidr.parse("10.200.0.0/16") ?? assert.fail(),
    secret,
    expiresAt: unixMillis(2_000_000_000_000),
  });
  const joining = joinNetwork(
    token,
    Identity.generate(random),
    { name: "b", labels: {}, endpoints: [], channelEndpoints: [] },
    {
      ...{ clock, timers, random },
      dial: () => Promise.resolve(fixture.acceptor.open("192.0.2.2:1000")),
      search: {
        isAllowed: false,
        seek: () => Promise.resolve(),
        timeoutMs: 6_000,
        lanEndpoints: () => [],
        dhtEndpoints: () => [],
      },
    },
  );
  await assert.rejects(joining, (error) => {
    assert(error instanceof IncompatibleVersionError, String(error));
    assert.equal(
      error.message,
      "Cannot join: the leader speaks version 2 of the protocol join, this node version 1",
    );
    assert.equal(error.hint, "Upgrade weft on this machine.");
    return true;
  });
  await settled();
  assert.equal(served, 0);
  assert.deepEqual(fixture.logged, [
    "cannot let in: a machine with a token speaks version 1 of the protocol join, this node version 2",
  ]);
});

Deno.test("a stranger learns no versions but those of the handshake", async () => {
  await using fixture = new MessagePlaneFixture();
  const { random, clock, timers, self, network } = fixture;
  const stranger = Identity.generate(random);
  const hello = {
    kind: "member",
    networkId: network.id,
    nodeId: stranger.id,
    protocols: OWN_PROTOCOLS,
  } as const;
  const stream = fixture.acceptor.open("192.0.2.2:1000");
  await assert.rejects(
    openChannel(stream, {
      localStatic: stranger.privateKey,
      remoteStatic: self.publicKey,
      hello: encodeHello(hello),
      ...{ random, clock, timers },
    }),
    /refused/,
  );
});
