import assert from "node:assert/strict";
import { type Millis, SeededRandom, unixMillis, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { acceptChannel } from "../../channel/mod.ts";
import type { DialTarget } from "../links/mod.ts";
import {
  type Admitted,
  encodeMeshMessage,
  generateNetwork,
  JoinToken,
  MESH_TOPIC,
  NodeIdentity,
  TokenSecret,
} from "../../mesh/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import { memoryStreamPair } from "../../transport/testing/memory_stream.ts";
import { JoinRefusedError, UnreachableError } from "../errors.ts";
import { joinNetwork } from "./join_network.ts";

const random = new SeededRandom(6);
const network = generateNetwork(random);
const cidr = Cidr.parse("10.200.0.0/16") ?? assert.fail();
const nothing = { payload: Uint8Array.of(1), signature: new Uint8Array(64) };
const admitted: Admitted = {
  record: nothing,
  settings: { verifyingKey: network.verifyingKey, cidrs: [cidr] },
  roster: { records: [], statements: [], entries: [] },
};
const TIMEOUT_MS = 30_000;

/** Who listens at an endpoint. */
type Host = "leader" | "refusing" | "other";

function endpointOf(number: number): Endpoint {
  return Endpoint.parse(`192.0.2.${number}:51820`) ?? assert.fail();
}

/** Joins by a token without endpoints, when the search finds these hosts in the DHT or on the LAN. */
async function join(
  hosts: readonly (Host | undefined)[],
  where: "dht" | "lan" = "dht",
): Promise<{ readonly result: unknown; readonly tookMs: number; readonly dialled: number }> {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const leader = NodeIdentity.generate(random);
  const token = new JoinToken({
    networkId: network.id,
    tokenId: "0".repeat(32),
    leaderPublicKey: leader.publicKey,
    endpoints: [],
    cidr,
    secret: TokenSecret.generate(random),
    expiresAt: unixMillis(clock.wall() + 60_000),
  });
  const serve = async (host: Host, stream: ReturnType<typeof memoryStreamPair>[0]): Promise<void> => {
    const identity = host === "other" ? NodeIdentity.generate(random) : leader;
    const granted = { presharedKey: token.presharedKey, reply: new Uint8Array(0), context: undefined };
    const accepted = await acceptChannel(stream, {
      localStatic: identity.privateKey,
      random,
      clock,
      timers,
      authorize: () => host === "refusing" ? undefined : granted,
    });
    if (await accepted?.channel.receive() === undefined) return;
    await accepted?.channel.send({
      topic: MESH_TOPIC,
      body: encodeMeshMessage({ kind: "admitted", admitted }),
    });
  };
  const endpoints = hosts.map((_, i) => endpointOf(i + 1));
  const search = {
    isAllowed: true,
    timeoutMs: TIMEOUT_MS,
    seek: () => Promise.resolve(),
    lanEndpoints: () => where === "lan" ? endpoints : [],
    dhtEndpoints: () => where === "dht" ? endpoints : [],
  };
  let dialled = 0;
  const dial = (endpoint: DialTarget) => {
    dialled++;
    const host = hosts[endpoints.findIndex((other) => String(other) === String(endpoint))];
    if (host === undefined) return Promise.resolve(undefined);
    const [here, there] = memoryStreamPair();
    void serve(host, there);
    return Promise.resolve(here);
  };
  const wanted = { name: "web", labels: {}, endpoints: [], channelEndpoints: [] };
  const startedAt: Millis = clock.now();
  let isDone = false;
  const joining = joinNetwork(token, NodeIdentity.generate(random), wanted, {
    clock,
    timers,
    random,
    search,
    dial,
  })
    .catch((error: unknown) => error).finally(() => isDone = true);
  while (!isDone) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    timers.advance(100);
  }
  return { result: await joining, tookMs: clock.now() - startedAt, dialled };
}

Deno.test("joinNetwork() finds the leader among other hosts and closed ports that the DHT has named", async () => {
  const { result, tookMs } = await join([undefined, "other", "other", undefined, "leader"]);
  assert.deepEqual(result, admitted);
  assert(tookMs < TIMEOUT_MS / 2, `${tookMs} ms`);
});

Deno.test("joinNetwork() takes no refusal from what only the DHT has named, and lists no such endpoint", async () => {
  const { result, tookMs } = await join(["other", undefined]);
  assert(result instanceof UnreachableError, String(result));
  assert.match(result.message, /no leader answers/);
  assert(tookMs >= TIMEOUT_MS);
});

Deno.test("joinNetwork() dials four endpoints of the DHT a second at most", async () => {
  const { dialled, tookMs } = await join(Array<undefined>(32).fill(undefined));
  assert(dialled >= 32 && dialled <= tookMs / 250 + 1, `${dialled} in ${tookMs} ms`);
});

Deno.test("joinNetwork() takes a refusal from a leader that answered on the LAN", async () => {
  const { result, tookMs } = await join(["refusing"], "lan");
  assert(result instanceof JoinRefusedError, String(result));
  assert(tookMs < TIMEOUT_MS / 2);
});
