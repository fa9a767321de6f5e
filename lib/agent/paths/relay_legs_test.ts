import assert from "node:assert/strict";
import { VirtualInternet } from "../../simulation/mod.ts";

function twoWithLeader(a: "open" | "symmetric-nat", b: "open" | "symmetric-nat") {
  const internet = new VirtualInternet(5);
  const leader = internet.add("open", true);
  const nodes = [internet.add(a), internet.add(b)] as const;
  for (const node of nodes) internet.acquaint(leader, node);
  for (const node of internet.nodes) node.start();
  for (const node of nodes) node.watch.want(leader.id);
  internet.run(1_000);
  internet.acquaint(...nodes);
  return { internet, leader, a: nodes[0], b: nodes[1] };
}

function use(
  internet: VirtualInternet,
  a: { watch: { want(id: never): void } },
  id: string,
  seconds: number,
): void {
  for (let i = 0; i < seconds * 4; i++) {
    a.watch.want(id as never);
    internet.run(250);
  }
}

Deno.test("RelayLegs lets a leg go a minute after packets have found a direct path", () => {
  const { internet, a, b } = twoWithLeader("open", "open");
  // The introduction comes when the direct path is there already.
  a.introductions.handleUnreached(b.id);
  use(internet, a, b.id, 2);
  assert.equal(a.watch.prober.paths(b.id)?.chosen?.kind, "direct");
  assert.ok(internet.bindsInLast(20_000) > 0);
  use(internet, a, b.id, 90);
  assert.equal(internet.bindsInLast(20_000), 0);
});

Deno.test("RelayLegs keeps the leg that carries packets bound", () => {
  const { internet, a, b } = twoWithLeader("symmetric-nat", "symmetric-nat");
  use(internet, a, b.id, 2);
  assert.equal(a.watch.prober.paths(b.id)?.chosen?.kind, "relay");
  use(internet, a, b.id, 150);
  assert.equal(a.watch.prober.paths(b.id)?.chosen?.kind, "relay");
  assert.ok(internet.bindsInLast(20_000) > 0);
});

Deno.test("RelayLegs asks for a stream when UDP no longer gets as far as the relay that carried packets", () => {
  const { internet, leader, a, b } = twoWithLeader("symmetric-nat", "symmetric-nat");
  use(internet, a, b.id, 5);
  assert.equal(a.watch.prober.paths(b.id)?.chosen?.kind, "relay");
  assert.deepEqual(a.askedStreams.filter(({ target }) => target === b.id), []);
  internet.blockUdp(a);
  a.legs.handleUnreached(b.id);
  internet.run(1_000);
  assert.ok(a.askedStreams.some(({ target, via }) => target === b.id && via === leader.id));
});

Deno.test("RelayLegs waits for no bind where packets to the relay go in a stream already", () => {
  const { internet, leader, a, b } = twoWithLeader("symmetric-nat", "symmetric-nat");
  a.legs.handleChosen(leader.id, "carrier");
  const leg = { port: 40_123, id: new Uint8Array(8).fill(1), secret: new Uint8Array(32).fill(2) };
  a.legs.take(leader.id, b.id, leg);
  assert.deepEqual(a.askedStreams.at(-1), { via: leader.id, target: b.id });
  a.legs.handleChosen(leader.id, "direct");
  a.askedStreams.length = 0;
  a.legs.take(leader.id, b.id, { ...leg, id: new Uint8Array(8).fill(3) });
  internet.run(250);
  assert.deepEqual(a.askedStreams, []);
  internet.run(150);
  assert.deepEqual(a.askedStreams, [{ via: leader.id, target: b.id }]);
  // Nothing but the proxy leads anywhere.
  a.isByProxy = true;
  a.legs.take(leader.id, b.id, { ...leg, id: new Uint8Array(8).fill(4) });
  assert.equal(a.askedStreams.length, 2);
});

Deno.test("RelayLegs waits for no bind where the relay has answered no datagram for a while", () => {
  const internet = new VirtualInternet(6);
  const leader = internet.add("open", true);
  const [a, b] = [internet.add("open"), internet.add("open")];
  internet.blockUdp(a);
  internet.acquaint(leader, a);
  internet.acquaint(leader, b);
  for (const node of internet.nodes) node.start();
  a.watch.want(leader.id);
  internet.run(200);
  internet.acquaint(a, b);
  const leg = { port: 40_123, id: new Uint8Array(8).fill(1), secret: new Uint8Array(32).fill(2) };
  a.legs.take(leader.id, b.id, leg);
  assert.deepEqual(a.askedStreams.filter(({ target }) => target === b.id), []);
  internet.run(150);
  assert.deepEqual(a.askedStreams.filter(({ target }) => target === b.id), [{
    via: leader.id,
    target: b.id,
  }]);
});

Deno.test("Introductions keeps one to a member of which this node hears only afterwards", () => {
  const { internet, leader, a } = twoWithLeader("open", "open");
  const other = internet.add("open");
  internet.acquaint(leader, other);
  other.start();
  const introduction = { member: other.id, candidates: [other.inside], isAnswer: true };
  a.introductions.handleMessage(leader.id, { kind: "introduction", introduction });
  internet.run(1_000);
  internet.acquaint(a, other);
  internet.run(100);
  assert.equal(a.watch.prober.paths(other.id)?.chosen?.kind, "direct");
  // For a while only: it may be somewhere else by then.
  const late = internet.add("open");
  late.start();
  const stale = { member: late.id, candidates: [late.inside], isAnswer: true };
  a.introductions.handleMessage(leader.id, { kind: "introduction", introduction: stale });
  internet.run(6_000);
  internet.acquaint(a, late);
  internet.run(1_000);
  assert.equal(a.watch.prober.paths(late.id)?.chosen, undefined);
});

Deno.test("PathWatch leaves the plane as it found it when it ends", () => {
  const { internet, a, b } = twoWithLeader("symmetric-nat", "symmetric-nat");
  use(internet, a, b.id, 2);
  assert.ok(a.chosen.has(b.id));
  a.legs.close();
  a.watch.close();
  assert.equal(a.chosen.size, 0);
});

Deno.test("Introductions take no leg of a member that does not relay", () => {
  const { internet, a, b } = twoWithLeader("symmetric-nat", "symmetric-nat");
  const other = internet.add("open");
  internet.acquaint(a, other);
  other.start();
  const leg = { port: 40_123, id: new Uint8Array(8).fill(1), secret: new Uint8Array(32).fill(2) };
  const introduction = { member: b.id, candidates: [], leg, isAnswer: true };
  const before = internet.bindsInLast(10);
  a.introductions.handleMessage(other.id, { kind: "introduction", introduction });
  internet.run(10);
  assert.equal(internet.bindsInLast(10), before);
});
