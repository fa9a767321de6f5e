import assert from "node:assert/strict";
import { MemoryStateStore, SeededRandom, VirtualClock } from "../../base/mod.ts";
import { Cidr, Endpoint } from "../../net/mod.ts";
import { generateNetwork, NodeIdentity } from "../identity/identity.ts";
import { TokenSecret } from "../records/join_token.ts";
import { NO_GRANTS } from "../records/grants.ts";
import { MAX_TOKENS, type NewToken, TokenBook, TooManyTokensError } from "./token_book.ts";

const HOUR_MS = 3_600_000;

function setUp() {
  const random = new SeededRandom(41);
  const clock = new VirtualClock();
  const store = new MemoryStateStore();
  const book = new TokenBook(store, { random, clock });
  const options: NewToken = {
    networkId: generateNetwork(random).id,
    leaderPublicKey: NodeIdentity.generate(random).publicKey,
    endpoints: [Endpoint.parse("192.0.2.1:51820") ?? assert.fail()],
    cidr: Cidr.parse("10.200.0.0/16") ?? assert.fail(),
    lifetimeMs: HOUR_MS,
  };
  const [a, b] = [NodeIdentity.generate(random).publicKey, NodeIdentity.generate(random).publicKey];
  return { random, clock, store, book, options, a, b };
}

Deno.test("TokenBook.redeem() admits by a single-use token once, and the same machine again", () => {
  const { book, options, a, b, store, clock, random } = setUp();
  const { tokenId, secret, presharedKey } = book.create({ ...options, uses: 1, labels: { role: "web" } });
  assert.ok(book.presharedKeyFor(tokenId, a)?.equals(presharedKey));
  assert.equal(book.redeem(tokenId, TokenSecret.generate(random), a), undefined);
  assert.deepEqual(book.redeem(tokenId, secret, a), {
    labels: { role: "web" },
    grants: NO_GRANTS,
    createdAt: clock.wall(),
  });
  assert.equal(book.redeem(tokenId, secret, b), undefined);
  assert.equal(book.presharedKeyFor(tokenId, b), undefined);

  const reopened = new TokenBook(store, { random, clock });
  assert.ok(reopened.presharedKeyFor(tokenId, a));
  assert.deepEqual(reopened.redeem(tokenId, secret, a), {
    labels: { role: "web" },
    grants: NO_GRANTS,
    createdAt: clock.wall(),
  });
  const [entry] = reopened.list();
  assert.deepEqual([entry?.used, entry?.usesLeft, entry?.state], [1, 0, "used"]);
});

Deno.test("TokenBook.redeem() admits any number by a token without a limit, until it expires", () => {
  const { book, options, a, b, clock } = setUp();
  const { tokenId, secret } = book.create(options);
  for (const key of [a, b, a]) assert.ok(book.redeem(tokenId, secret, key));
  assert.equal(book.get(tokenId)?.usesLeft, null);
  clock.advance(HOUR_MS - 1);
  assert.equal(book.get(tokenId)?.state, "usable");
  clock.advance(1);
  assert.equal(book.get(tokenId)?.state, "expired");
  assert.equal(book.presharedKeyFor(tokenId, a), undefined);
  assert.equal(book.redeem(tokenId, secret, a), undefined);
});

Deno.test("TokenBook.revoke() ends a token for everybody", () => {
  const { book, options, a } = setUp();
  const { tokenId, secret } = book.create({ ...options, uses: 1 });
  assert.ok(book.redeem(tokenId, secret, a));
  assert.equal(book.revoke(tokenId), true);
  assert.equal(book.revoke("0".repeat(32)), false);
  assert.equal(book.get(tokenId)?.state, "revoked");
  assert.equal(book.presharedKeyFor(tokenId, a), undefined);
  assert.equal(book.redeem(tokenId, secret, a), undefined);
});

Deno.test("TokenBook.redeem() counts nothing when the admission is undone", () => {
  const { book, options, store, a } = setUp();
  const { tokenId, secret } = book.create({ ...options, uses: 1 });
  assert.throws(() =>
    store.transaction(() => {
      assert.ok(book.redeem(tokenId, secret, a));
      throw new Error("no room");
    })
  );
  assert.equal(book.get(tokenId)?.used, 0);
});

Deno.test("TokenBook stores no secret", () => {
  const { book, options, store } = setUp();
  const token = book.create(options);
  const kept = store.entries("token").map(([, value]) => new TextDecoder().decode(value)).join();
  assert.ok(!kept.includes(token.secret.exposeBytes().toHex()));
  assert.ok(!kept.includes(token.encode()));
});

Deno.test("TokenBook.create() forgets useless tokens when there are 1,024, and refuses when all are usable", () => {
  const { book, options, clock } = setUp();
  book.create({ ...options, lifetimeMs: 1 });
  clock.advance(1);
  for (let i = 0; i < MAX_TOKENS; i++) book.create(options);
  assert.equal(book.list().length, MAX_TOKENS);
  assert.ok(book.list().every(({ state }) => state === "usable"));
  assert.throws(() => book.create(options), TooManyTokensError);
});

Deno.test("TokenBook.create() refuses uses, lifetimes, labels and grants out of bounds", () => {
  const { book, options } = setUp();
  for (const wrong of [{ uses: 0 }, { uses: 1.5 }, { lifetimeMs: 0 }, { lifetimeMs: Infinity }]) {
    assert.throws(() => book.create({ ...options, ...wrong }), RangeError);
  }
  assert.throws(() => book.create({ ...options, labels: { "": "" } }), RangeError);
  for (const grants of [{ offer: ["a b"] }, { names: ["db."] }, { claimed: ["orders"] }]) {
    assert.throws(() => book.create({ ...options, grants: { ...NO_GRANTS, ...grants } }), RangeError);
  }
});
