import assert from "node:assert/strict";
import { SeededRandom, unixMillis, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { acceptChannel } from "../../channel/mod.ts";
import type { DialTarget } from "../links/mod.ts";
import {
  type Admitted,
  decodeMeshMessage,
  encodeMeshMessage,
  generateNetwork,
  JoinToken,
  MESH_TOPIC,
  type MeshMessage,
  NodeIdentity,
  TokenSecret,
} from "../../mesh/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import { memoryStreamPair } from "../../transport/testing/memory_stream.ts";
import { JoinRefusedError } from "../errors.ts";
import { joinNetwork } from "./join_network.ts";

const random = new SeededRandom(5);
const clock = new VirtualClock();
const timers = new VirtualTimers(clock);
const network = generateNetwork(random);
const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();
const nothing = { payload: Uint8Array.of(1), signature: new Uint8Array(64) };
const admitted: Admitted = {
  record: nothing,
  settings: { verifyingKey: network.verifyingKey, cidrs: [cidr] },
  roster: { records: [], statements: [], entries: [] },
};

/** Leaders that give these answers, each at an endpoint of its own; undefined is away, "hello" refuses the handshake. */
async function join(
  ...answers: readonly (MeshMessage | "hello" | undefined)[]
): Promise<{ asked: number[]; result: unknown }> {
  const leaders = answers.map((answer, i) => ({
    answer,
    identity: NodeIdentity.generate(random),
    endpoint: Endpoint.parse(`192.0.2.${i + 1}:51820`) ?? assert.fail(),
  }));
  const [first, ...others] = leaders.map(({ identity: { publicKey }, endpoint }) => ({
    publicKey,
    endpoints: [endpoint],
  }));
  assert.ok(first);
  const token = new JoinToken({
    networkId: network.id,
    tokenId: "0".repeat(32),
    leaderPublicKey: first.publicKey,
    endpoints: first.endpoints,
    cidr,
    secret: TokenSecret.generate(random),
    expiresAt: unixMillis(clock.wall() + 1000),
    others,
  });
  const asked: number[] = [];
  const dial = (endpoint: DialTarget) => {
    const at = leaders.findIndex((leader) => String(leader.endpoint) === String(endpoint));
    const leader = leaders[at];
    const reply = leader?.answer;
    if (leader === undefined || reply === undefined) return Promise.resolve(undefined);
    const [here, there] = memoryStreamPair();
    void (async () => {
      const accepted = await acceptChannel(there, {
        localStatic: leader.identity.privateKey,
        random,
        clock,
        timers,
        authorize: () =>
          reply === "hello"
            ? undefined
            : { presharedKey: token.presharedKey, reply: new Uint8Array(0), context: undefined },
      });
      const message = await accepted?.channel.receive();
      if (message === undefined || reply === "hello") return;
      assert.equal(decodeMeshMessage(message.body)?.kind, "join-request");
      asked.push(at);
      await accepted?.channel.send({ topic: MESH_TOPIC, body: encodeMeshMessage(reply) });
    })();
    return Promise.resolve(here);
  };
  const search = {
    isAllowed: false,
    seek: () => Promise.resolve(),
    lanEndpoints: () => [],
    dhtEndpoints: () => [],
    timeoutMs: 6_000,
  };
  const joiner = NodeIdentity.generate(random);
  const wanted = { name: "web", labels: {}, endpoints: [], channelEndpoints: [] };
  const joining = joinNetwork(token, joiner, wanted, { clock, timers, random, search, dial })
    .catch((error: unknown) => error);
  let isDone = false;
  joining.finally(() => isDone = true);
  while (!isDone) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    timers.advance(100);
  }
  return { asked, result: await joining };
}

Deno.test("joinNetwork() asks another leader of the token when one is away, or has no address left", async () => {
  const refused = { kind: "refused" } as const;
  const yes = { kind: "admitted", admitted } as const;
  assert.deepEqual(await join(yes, yes), { asked: [0], result: admitted });
  assert.deepEqual(await join(undefined, yes), { asked: [1], result: admitted });
  assert.deepEqual(await join(refused, yes), { asked: [0, 1], result: admitted });
  assert.deepEqual((await join(refused, undefined, yes)).asked, [0, 2]);
});

Deno.test("joinNetwork() fails when all leaders refuse, each asked once", async () => {
  const refused = { kind: "refused" } as const;
  const { asked, result } = await join(refused, refused);
  assert.deepEqual(asked, [0, 1]);
  assert.ok(result instanceof JoinRefusedError);
});

Deno.test("joinNetwork() says why the first leader refused, also when the others lead no more or are away", async () => {
  const full = { kind: "refused", reason: "no-address" } as const;
  for (const other of ["hello", undefined] as const) {
    const { asked, result } = await join(full, other);
    assert.deepEqual(asked, [0]);
    assert.ok(result instanceof JoinRefusedError, String(result));
    assert.match(result.message, /no address left/);
    assert.match(String(result.hint), /weft peer prune .*another leader/);
  }
});

Deno.test("joinNetwork() says by how much the clocks differ when that is why", async () => {
  const wallTime = unixMillis(clock.wall() - 3_600_000);
  const { result } = await join({ kind: "refused", reason: "clock", wallTime });
  assert.ok(result instanceof JoinRefusedError);
  assert.match(result.message, /this machine's clock is 60 min ahead of the leader's/);
  assert.match(String(result.hint), /NTP/);
});

Deno.test("joinNetwork() does not go on to wait at another leader when somebody has refused the machine", async () => {
  const { asked, result } = await join({ kind: "refused", reason: "not-approved" }, { kind: "pending" });
  assert.deepEqual(asked, [0]);
  assert.ok(result instanceof JoinRefusedError);
  assert.match(result.message, /somebody at the leader has refused this machine/);
});
