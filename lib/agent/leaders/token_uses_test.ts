import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { type MemberAnswer, MeshState, type NodeId, NodeIdentity, signStatement } from "../../mesh/mod.ts";
import { SmallPool, START } from "../../mesh/testing/test_network.ts";
import { Cidr } from "../../net/mod.ts";
import { countUse, serveTokenUse } from "./token_uses.ts";

const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();

/** A leader, another one that has stated itself, and a token for two machines. */
function setUp(instance: string | undefined = "0123456789abcdef") {
  const [clock, random] = [new VirtualClock(START), new SeededRandom(7)];
  const options = { clock, random, addressPool: () => new SmallPool(8) };
  const mesh = MeshState.create(new MemoryStateStore(), { ...options, name: "a", cidr });
  const other = NodeIdentity.generate(random);
  const { publicKey, signingKey } = other;
  const { verifyingKey } = signingKey;
  const added = mesh.admission?.addLeader({ name: "b", publicKey, verifyingKey, labels: {} });
  assert(typeof added === "object");
  const said = { nodeId: other.id, endpoints: [], channelEndpoints: [], labels: {} };
  const fields = { ...said, version: 1, issuedAt: START, ...instance !== undefined && { instance } };
  mesh.roster.mergeStatement(signStatement(fields, signingKey));
  const { tokenId } = mesh.tokens?.create({
    networkId: mesh.network.id,
    leaderPublicKey: mesh.identity.publicKey,
    endpoints: [],
    cidr,
    lifetimeMs: 1_000_000,
    uses: 2,
  }) ?? assert.fail();
  mesh.shareTokens();
  const machines = [1, 2, 3].map(() => NodeIdentity.generate(random).publicKey);
  return { mesh, other: added.record, tokenId, machines, timers: new VirtualTimers(clock) };
}

/** Asks a leader that answers so, one after the other. */
async function count(
  { mesh, timers, tokenId, machines }: ReturnType<typeof setUp>,
  elected: () => NodeId | undefined,
  ...answers: readonly (MemberAnswer | undefined)[]
) {
  const known: number[] = [];
  const result = countUse(
    {
      mesh,
      timers,
      elected,
      ask: (_leader, { tokenId: asked }, { entries }) => {
        assert.equal(asked, tokenId);
        known.push(entries.length);
        return Promise.resolve(answers[known.length - 1]);
      },
    },
    tokenId,
    machines[0] ?? assert.fail(),
  );
  let isDone = false;
  result.finally(() => isDone = true);
  while (!isDone) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    timers.advance(500);
  }
  return { result: await result, asks: known.length, known };
}

Deno.test("countUse() asks the elected leader, which hears first what is known of the token", async () => {
  const fixture = setUp();
  const other = () => fixture.other.nodeId;
  assert.deepEqual(await count(fixture, other, { kind: "done" }), {
    result: "elsewhere",
    asks: 1,
    known: [1],
  });
  assert.equal((await count(fixture, other, { kind: "refused" })).result, "refused");
  const later = { kind: "refused", retryAfterMs: 1_500 } as const;
  const again = await count(fixture, other, later, undefined, { kind: "done" });
  assert.deepEqual([again.result, again.asks], ["elsewhere", 3]);
});

Deno.test("countUse() counts here on the elected leader, without one, and beside a former release", async () => {
  const fixture = setUp();
  const { mesh, other } = fixture;
  for (const elected of [mesh.identity.id, undefined]) {
    assert.deepEqual(await count(fixture, () => elected), { result: "here", asks: 0, known: [] });
  }
  const former = setUp(undefined);
  assert.equal(
    (await count({ ...former, mesh: withoutInstance(former.mesh) }, () => former.other.nodeId)).asks,
    0,
  );
  let asked = 0;
  const dies = () => asked++ < 2 ? other.nodeId : mesh.identity.id;
  const { result, asks } = await count(fixture, dies);
  assert.deepEqual([result, asks], ["here", 2], "a dead one is elected no more");
});

Deno.test("countUse() lets nobody in while the elected leader lives and does not say that it may", async () => {
  const fixture = setUp();
  const { result, asks } = await count(fixture, () => fixture.other.nodeId);
  assert.deepEqual([result, asks], ["refused", 4]);
});

Deno.test("serveTokenUse() counts for leaders no more than there are, and each machine once", () => {
  const { mesh, other, tokenId, machines: [first, second, third] } = setUp();
  assert(first && second && third);
  const serve = (publicKey: typeof first, isElected = true) =>
    serveTokenUse(mesh, other, { tokenId, publicKey, isElected }).answer;
  assert.deepEqual(serve(first, false), { kind: "refused", retryAfterMs: 1_500 });
  assert.equal(serve(first).kind, "done");
  assert.equal(serve(first).kind, "done");
  assert.equal(serve(second).kind, "done");
  assert.deepEqual(serve(third), { kind: "refused" });
  assert.equal(mesh.tokens?.get(tokenId)?.used, 2);
  const member = { ...other, roles: ["member"] as const };
  assert.deepEqual(serveTokenUse(mesh, member, { tokenId, publicKey: first, isElected: true }).answer, {
    kind: "refused",
  });
});

/** The same, with what the other leader has stated as a former release states it. */
function withoutInstance(mesh: MeshState): MeshState {
  return Object.create(mesh, {
    identity: { value: mesh.identity },
    roster: { value: { get: () => ({ statement: {} }) } },
  });
}
