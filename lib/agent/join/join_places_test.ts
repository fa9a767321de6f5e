import assert from "node:assert/strict";
import { type Millis, SeededRandom, unixMillis, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { acceptChannel } from "../../channel/mod.ts";
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
import { memoryStreamPair } from "../../transport/mod.ts";
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
const PATIENCE_MS = 30_000;

/** Who opens at a place, beside those where nobody does. */
type Host = "leader" | "refusing" | "stranger";

function placeOf(number: number): Endpoint {
  return Endpoint.parse(`192.0.2.${number}:51820`) ?? assert.fail();
}

/** Joins by a token without endpoints, when these places come up in the DHT, or are answered from nearby. */
async function join(
  hosts: readonly (Host | undefined)[],
  how: "places" | "found" = "places",
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
    const identity = host === "stranger" ? NodeIdentity.generate(random) : leader;
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
  const endpoints = hosts.map((_, i) => placeOf(i + 1));
  const search = {
    isAllowed: true,
    patienceMs: PATIENCE_MS,
    seek: () => Promise.resolve(),
    found: () => how === "found" ? endpoints : [],
    places: () => how === "places" ? endpoints : [],
  };
  let dialled = 0;
  const dial = (endpoint: Endpoint) => {
    dialled++;
    const host = hosts[endpoints.findIndex((other) => other.equals(endpoint))];
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

Deno.test("joinNetwork() finds the leader among strangers and closed ports that the DHT led to", async () => {
  const { result, tookMs } = await join([undefined, "stranger", "stranger", undefined, "leader"]);
  assert.deepEqual(result, admitted);
  assert(tookMs < PATIENCE_MS / 2, `${tookMs} ms`);
});

Deno.test("joinNetwork() takes no refusal from where only the DHT led to, and lists no such place", async () => {
  const { result, tookMs } = await join(["stranger", undefined]);
  assert(result instanceof UnreachableError, String(result));
  assert.match(result.message, /no leader answers/);
  assert(tookMs >= PATIENCE_MS);
});

Deno.test("joinNetwork() dials four places a second at most", async () => {
  const { dialled, tookMs } = await join(Array<undefined>(32).fill(undefined));
  assert(dialled >= 32 && dialled <= tookMs / 250 + 1, `${dialled} in ${tookMs} ms`);
});

Deno.test("joinNetwork() takes a refusal from a leader that answered nearby", async () => {
  const { result, tookMs } = await join(["refusing"], "found");
  assert(result instanceof JoinRefusedError, String(result));
  assert(tookMs < PATIENCE_MS / 2);
});
