import assert from "node:assert/strict";
import { encodeHex, MemoryStateStore, SeededRandom, VirtualClock } from "../../base/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import { generateNetwork, NodeIdentity } from "../identity/mod.ts";
import { LEAST_START_TOKEN_MS, START_TOKEN_LIFETIME_MS, startToken } from "./start_token.ts";
import { TokenBook } from "./token_book.ts";

function setUp() {
  const random = new SeededRandom(42);
  const clock = new VirtualClock();
  const store = new MemoryStateStore();
  const network = generateNetwork(random);
  const fields = {
    networkId: network.id,
    leaderPublicKey: NodeIdentity.generate(random).publicKey,
    endpoints: [Endpoint.parse("192.0.2.1:51820") ?? assert.fail()],
    cidr: Cidr.parse("10.200.0.0/16") ?? assert.fail(),
  };
  const joiner = NodeIdentity.generate(random).publicKey;
  // As a process that begins anew finds it.
  const book = () => new TokenBook(store, { random, clock });
  const start = (changes: Partial<typeof fields> = {}, key = network.signingKey) => {
    const parts = { store, tokens: book(), signingKey: key, wall: clock.wall() };
    return startToken(parts, { ...fields, ...changes });
  };
  return { random, clock, store, start, book, joiner };
}

Deno.test("startToken() is the same at every start, names what holds now, and lets in", () => {
  const { start, book, clock, joiner } = setUp();
  const first = start();
  assert.equal(first.expiresAt, clock.wall() + START_TOKEN_LIFETIME_MS);
  clock.advance(3_600_000);
  assert.equal(start().encode(), first.encode());
  const moved = start({ endpoints: [] });
  assert.deepEqual(moved.endpoints, []);
  assert.equal(moved.tokenId, first.tokenId);
  assert.equal(book().list().length, 1);
  assert(book().redeem(first.tokenId, first.secret, joiner));
  assert(book().presharedKeyFor(moved.tokenId, joiner)?.equals(moved.presharedKey));
});

Deno.test("startToken() makes another one when less than an hour is left, and the former stays good until its end", () => {
  const { start, book, clock, joiner } = setUp();
  const first = start();
  clock.advance(START_TOKEN_LIFETIME_MS - LEAST_START_TOKEN_MS);
  assert.equal(start().tokenId, first.tokenId);
  clock.advance(1);
  const second = start();
  assert.notEqual(second.tokenId, first.tokenId);
  assert.notDeepEqual(second.secret.hash(), first.secret.hash());
  assert(book().redeem(first.tokenId, first.secret, joiner));
  assert.equal(start().tokenId, second.tokenId);
});

Deno.test("startToken() never shows a token that was revoked", () => {
  const { start, book, joiner } = setUp();
  const first = start();
  book().revoke(first.tokenId);
  const second = start();
  assert.notEqual(second.tokenId, first.tokenId);
  book().revoke(second.tokenId);
  assert(![first.tokenId, second.tokenId].includes(start().tokenId));
  assert.equal(book().redeem(first.tokenId, first.secret, joiner), undefined);
});

Deno.test("startToken() leaves no more than a hash of the secret in the state", () => {
  const { start, store } = setUp();
  const { secret, tokenId } = start();
  const [, bytes] = store.entries("token").find(([id]) => id === tokenId) ?? [];
  const text = new TextDecoder().decode(bytes);
  assert(text.includes(encodeHex(secret.hash())));
  for (const collection of ["token", "start-token", "network"]) {
    for (const [, value] of store.entries(collection)) {
      assert(!encodeHex(value).includes(encodeHex(secret.exposeBytes())));
      assert(!new TextDecoder().decode(value).includes(encodeHex(secret.exposeBytes())));
    }
  }
});
