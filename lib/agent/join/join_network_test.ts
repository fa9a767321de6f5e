import assert from "node:assert/strict";
import { SeededRandom, unixMillis, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { generateNetwork, JoinToken, NodeIdentity, TokenSecret } from "../../mesh/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import { UnreachableError } from "../errors.ts";
import { joinNetwork } from "./join_network.ts";

const random = new SeededRandom(4);
const named = Endpoint.parse("192.0.2.1:51820") ?? assert.fail();
const near = Endpoint.parse("192.0.2.7:51999") ?? assert.fail();

/** Joins where nobody answers. @returns the failure, and whom was dialled in which order */
async function failToJoin(
  endpoints: readonly Endpoint[],
  isAllowed: boolean,
): Promise<{ readonly error: UnreachableError; readonly dialled: string[]; readonly seeks: number }> {
  const clock = new VirtualClock();
  const timers = new VirtualTimers(clock);
  const dialled: string[] = [];
  const found: Endpoint[] = [];
  let seeks = 0;
  const token = new JoinToken({
    networkId: generateNetwork(random).id,
    tokenId: "0".repeat(32),
    leaderPublicKey: NodeIdentity.generate(random).publicKey,
    endpoints,
    cidr: Cidr.parse("10.200.0.0/16") ?? assert.fail(),
    secret: TokenSecret.generate(random),
    expiresAt: unixMillis(2_000_000_000_000),
  });
  const wanted = { name: "b", labels: {}, endpoints: [], channelEndpoints: [] };
  const joining = joinNetwork(token, NodeIdentity.generate(random), wanted, {
    clock,
    timers,
    random,
    dial: (endpoint) => {
      dialled.push(endpoint.toString());
      return Promise.resolve(undefined);
    },
    search: {
      isAllowed,
      seek: () => {
        if (isAllowed && seeks++ === 0) found.push(near, named);
        return Promise.resolve();
      },
      timeoutMs: 6_000,
      lanEndpoints: () => found,
      dhtEndpoints: () => [],
    },
  });
  let error: unknown;
  joining.catch((cause) => error = cause);
  for (let i = 0; i < 200 && error === undefined; i++) {
    timers.advance(100);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }
  assert(error instanceof UnreachableError, String(error));
  return { error, dialled, seeks };
}

Deno.test("joinNetwork() dials what the token names first, and then who answers nearby", async () => {
  const { dialled, error } = await failToJoin([named], true);
  assert.deepEqual(dialled.slice(0, 3), [`${named}`, `${named}`, `${near}`]);
  assert.match(error.message, /192\.0\.2\.1:51820 or 192\.0\.2\.7:51999/);
});

Deno.test("joinNetwork() finds the leader without an endpoint in the token", async () => {
  const { dialled } = await failToJoin([], true);
  assert.deepEqual([...new Set(dialled)], [`${near}`, `${named}`]);
});

Deno.test("joinNetwork() says at once that a token without endpoints needs discovery", async () => {
  const { error, dialled, seeks } = await failToJoin([], false);
  assert.match(error.message, /discovery is off/);
  assert.deepEqual([dialled.length, seeks], [0, 0]);
});
