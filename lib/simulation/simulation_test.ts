import assert from "node:assert/strict";
import { Simulation } from "./simulation.ts";

const names = (simulation: Simulation) =>
  simulation.nodes.map(({ replica }) => replica.roster.members().length);

Deno.test("Simulation.split() keeps changes from the other side until heal()", () => {
  const simulation = new Simulation({ nodes: 40, seed: 1 });
  assert.ok(simulation.untilConverged(10_000) !== undefined);
  simulation.split(20);
  const [left, right] = [simulation.nodes[5], simulation.nodes[30]];
  assert.ok(left && right);
  simulation.move(left);
  simulation.move(right);
  simulation.advance(120_000);
  assert.equal(simulation.isConverged(), false);
  const where = (of: typeof left, at: typeof left) =>
    at.replica.roster.get(of.identity.id)?.statement?.endpoints.join();
  const [first, last] = [simulation.nodes[0], simulation.nodes[39]];
  assert.ok(first && last);
  assert.equal(where(left, first), where(left, left), "its own side knows");
  assert.notEqual(where(left, last), where(left, left), "the other does not");
  assert.notEqual(where(right, first), where(right, right));
  assert.ok(simulation.isConverged(simulation.nodes.slice(0, 20)));
  simulation.heal();
  assert.ok(simulation.untilConverged(300_000) !== undefined);
  assert.equal(where(left, last), where(left, left));
});

Deno.test("SimNode.crash() loses what happens meanwhile, and start() resumes what was stored", () => {
  const simulation = new Simulation({ nodes: 30, seed: 2 });
  simulation.untilConverged(10_000);
  const [a, b] = [simulation.nodes[10], simulation.nodes[20]];
  assert.ok(a && b);
  simulation.move(a);
  simulation.untilConverged(10_000);
  const before = b.replica.versions.digest(b.clock.wall()).toHex();
  b.crash();
  assert.throws(() => b.replica, TypeError);
  simulation.admit();
  simulation.advance(60_000);
  b.start();
  assert.equal(b.replica.versions.digest(b.clock.wall()).toHex(), before);
  assert.ok(simulation.untilConverged(120_000) !== undefined);
  assert.ok(names(simulation).every((count) => count === 31), names(simulation).join());
});

Deno.test("SimNode.setClock() an hour ahead makes statements that others refuse until they are stated anew", () => {
  const simulation = new Simulation({ nodes: 20, seed: 3 });
  simulation.untilConverged(10_000);
  const [wrong, other] = [simulation.nodes[7], simulation.nodes[8]];
  assert.ok(wrong && other);
  const endpoints = () => other.replica.roster.get(wrong.identity.id)?.statement?.endpoints.join();
  const before = endpoints();
  wrong.setClock(3_600_000);
  simulation.move(wrong);
  simulation.advance(30_000);
  assert.equal(endpoints(), before);
  const refused = simulation.nodes.reduce((sum, { replica }) => sum + replica.refusals.get("future"), 0);
  assert.ok(refused > 0, "those with a link to it have refused it");
  wrong.setClock(0);
  simulation.move(wrong);
  assert.ok(simulation.untilConverged(100_000) !== undefined);
  assert.notEqual(endpoints(), before);
});

Deno.test("Simulation.revoke() takes a node's links, and its membership on every other node", () => {
  const simulation = new Simulation({ nodes: 25, seed: 4 });
  simulation.untilConverged(10_000);
  simulation.advance(5_000);
  const gone = simulation.nodes[24];
  assert.ok(gone && gone.linkCount > 0);
  simulation.revoke(gone);
  assert.ok(simulation.untilConverged(10_000) !== undefined);
  simulation.advance(5_000);
  assert.equal(gone.linkCount, 0);
  assert.equal(simulation.members.length, 24);
  for (const { replica } of simulation.members) assert.ok(replica.roster.isRevoked(gone.identity.publicKey));
});

Deno.test("Simulation: who is removed on one side and changes its keys on the other is nobody's peer in the end", () => {
  const simulation = new Simulation({ nodes: 30, seed: 5 });
  simulation.untilConverged(10_000);
  simulation.splitBy((index) => index % 2);
  const [a, b, gone] = [0, 1, 29].map((index) => simulation.nodes[index]);
  assert.ok(a && b && gone);
  const { id } = gone.identity;
  assert.ok(simulation.rotate(gone, b));
  simulation.revoke(gone, a, id);
  assert.ok(simulation.rotate(gone, b));
  simulation.advance(60_000);
  assert.ok(b.replica.roster.get(gone.identity.id), "its side has not heard");
  simulation.heal();
  assert.ok(simulation.untilConverged(300_000) !== undefined);
  simulation.advance(5_000);
  assert.deepEqual(simulation.violations(true), []);
  assert.equal(gone.linkCount, 0);
  assert.equal(simulation.members.length, 29);
});

Deno.test("Simulation.rotate() gives a leader new keys, and it still removes members", () => {
  const simulation = new Simulation({ nodes: 20, seed: 6 });
  simulation.untilConverged(10_000);
  const [leader, gone] = [simulation.nodes[0], simulation.nodes[19]];
  assert.ok(leader && gone);
  for (let times = 0; times < 4; times++) assert.ok(simulation.rotate(leader));
  assert.equal(simulation.rotate(leader), false, "four times a day");
  assert.ok(simulation.untilConverged(100_000) !== undefined);
  simulation.revoke(gone);
  assert.ok(simulation.untilConverged(100_000) !== undefined);
  simulation.advance(5_000);
  assert.deepEqual(simulation.violations(true), []);
});

Deno.test("Simulation: what a node sends while nothing changes does not grow with the network", () => {
  const MINUTES = 10;
  const [small, large] = [20, 80].map((nodes) => {
    const simulation = new Simulation({ nodes, seed: 8 });
    assert.ok(simulation.untilConverged(10_000) !== undefined);
    simulation.advance(60_000);
    const before = simulation.traffic.bytes;
    simulation.advance(MINUTES * 60_000);
    return (simulation.traffic.bytes - before) / nodes / MINUTES;
  });
  assert.ok(
    small !== undefined && large !== undefined && large < 1.1 * small,
    `${small} and ${large} bytes a minute`,
  );
  // A digest for each round.
  assert.ok(small < 6 * 600, `${small} bytes a minute`);
});
