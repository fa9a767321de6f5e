import assert from "node:assert/strict";
import { MemoryStateStore, StateError, VirtualClock } from "../../base/mod.ts";
import { Cidr } from "../../net/mod.ts";
import { START, TestNetwork } from "../testing/test_network.ts";
import { JoinApprovals, MAX_WAITING, MAX_WAITING_BY_ORIGIN, MAX_WAITING_BY_TOKEN } from "./join_approvals.ts";
import { TokenBook } from "./token_book.ts";

function setUp() {
  const network = new TestNetwork(43);
  const clock = new VirtualClock(START);
  const store = new MemoryStateStore();
  const tokens = new TokenBook(store, { random: network.random, clock });
  const newToken = () =>
    tokens.create({
      networkId: network.identity.id,
      leaderPublicKey: network.node().publicKey,
      endpoints: [],
      cidr: Cidr.parse("10.200.0.0/16") ?? assert.fail(),
      lifetimeMs: 3_600_000,
      needsApproval: true,
    }).tokenId;
  const open = () => new JoinApprovals(store, { clock, tokens });
  const asker = (tokenId: string, origin: string) => {
    const { publicKey, signingKey: { verifyingKey } } = network.node();
    return {
      name: "Web 1",
      publicKey,
      verifyingKey,
      tokenId,
      origin,
      from: `${origin}:1`,
      address: undefined,
    };
  };
  return { clock, store, tokens, newToken, open, asker };
}

Deno.test("JoinApprovals.ask() puts a machine on the list once, and the list survives a restart", () => {
  const { newToken, open, asker, tokens } = setUp();
  const tokenId = newToken();
  const machine = asker(tokenId, "192.0.2.1");
  const approvals = open();
  for (let i = 0; i < 3; i++) assert.equal(approvals.ask(machine), "pending");
  const [waiting, ...others] = open().list();
  assert.equal(others.length, 0);
  assert(waiting !== undefined);
  assert.equal(waiting.name, "web-1");
  assert(waiting.publicKey.equals(machine.publicKey) && waiting.verifyingKey.equals(machine.verifyingKey));
  approvals.refuse(waiting);
  assert.deepEqual(approvals.list(), []);
  assert.equal(approvals.ask(machine), "refused:not-approved");
  assert.equal(
    approvals.ask({ ...machine, tokenId: newToken() }),
    "pending",
    "another token is another question",
  );
  const [again] = approvals.list();
  tokens.revoke(again?.tokenId ?? "");
  assert.deepEqual(approvals.list(), []);
});

Deno.test("JoinApprovals.ask() is bounded by origin, by token and in all; who is silent makes room", () => {
  const { clock, newToken, open, asker } = setUp();
  const approvals = open();
  const ask = (tokenId: string, origin: string) => approvals.ask(asker(tokenId, origin));
  const first = newToken();
  for (let i = 0; i < MAX_WAITING_BY_ORIGIN; i++) assert.equal(ask(first, "192.0.2.1"), "pending");
  assert.equal(ask(first, "192.0.2.1"), "refused:too-many-wait");
  for (let i = MAX_WAITING_BY_ORIGIN; i < MAX_WAITING_BY_TOKEN; i++) {
    assert.equal(ask(first, `192.0.2.${i + 2}`), "pending");
  }
  assert.equal(ask(first, "198.51.100.1"), "refused:too-many-wait");
  for (let token = newToken(); approvals.list().length < MAX_WAITING; token = newToken()) {
    for (let i = 0; i < MAX_WAITING_BY_TOKEN; i++) assert.equal(ask(token, `${token}/${i}`), "pending");
  }
  assert.equal(ask(newToken(), "203.0.113.1"), "refused:too-many-wait");
  const resumed = open();
  const late = asker(newToken(), "203.0.113.1");
  assert.equal(resumed.ask(late), "refused:too-many-wait", "all may be alive after a restart");
  clock.advance(120_000);
  assert.equal(resumed.ask(late), "pending");
  assert.equal(resumed.list().length, MAX_WAITING);
});

Deno.test("JoinApprovals.ask() takes one silent machine's place, though several bounds are reached at once", () => {
  const { clock, newToken, open, asker } = setUp();
  const approvals = open();
  const token = newToken();
  const askers = Array.from({ length: MAX_WAITING }, (_, i) => {
    const isOfFirst = i < MAX_WAITING_BY_TOKEN;
    const origin = i < MAX_WAITING_BY_ORIGIN ? "192.0.2.1" : `198.51.100.${i}`;
    return asker(isOfFirst ? token : newToken(), origin);
  });
  for (const each of askers) assert.equal(approvals.ask(each), "pending");
  clock.advance(120_000);
  for (const each of askers.slice(1)) assert.equal(approvals.ask(each), "pending");
  assert.equal(approvals.ask(asker(token, "192.0.2.1")), "pending");
  assert.equal(approvals.list().length, MAX_WAITING);
  assert.equal(approvals.ask(asker(token, "192.0.2.1")), "refused:too-many-wait");
  assert.equal(approvals.list().length, MAX_WAITING);
});

Deno.test("JoinApprovals refuses damaged state", () => {
  const { store, open } = setUp();
  store.put("join-waiting", "0".repeat(32), Uint8Array.of(1));
  assert.throws(() => open().list(), StateError);
});
