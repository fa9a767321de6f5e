import assert from "node:assert/strict";
import fc from "fast-check";
import { millis } from "../../base/mod.ts";
import { Election, HEARTBEAT_MS, LEADER_DEAD_MS } from "./election.ts";
import type { NodeId } from "../identity/identity.ts";

const [a, b, c, m] = ["a", "b", "c", "0"].map((digit) => digit.repeat(32) as NodeId) as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
];

/** Nodes that send each other heartbeats, unless the way between two is cut. */
class Fixture {
  now = millis(1000);
  readonly nodes = new Map<NodeId, Election>();
  readonly announced = new Map<NodeId, (NodeId | undefined)[]>();
  isCut: (from: NodeId, to: NodeId) => boolean = () => false;

  constructor(leaders: readonly NodeId[], others: readonly NodeId[] = []) {
    for (const id of [...leaders, ...others]) this.start(id, leaders);
  }

  start(id: NodeId, leaders: readonly NodeId[]): void {
    const election = new Election(id, this.now);
    election.setLeaders(leaders, this.now);
    this.nodes.set(id, election);
    this.announced.set(id, []);
  }

  run(ms: number): void {
    for (const end = this.now + ms; this.now < end;) {
      this.now = millis(this.now + 100);
      for (const [id, election] of this.nodes) {
        election.handleTimeout(this.now);
        if (!election.pollHeartbeat(this.now)) continue;
        for (const [other, receiver] of this.nodes) {
          if (other !== id && !this.isCut(id, other)) receiver.handleHeartbeat(id, this.now);
        }
      }
      for (const [id, election] of this.nodes) {
        for (let event = election.pollEvent(); event; event = election.pollEvent()) {
          this.announced.get(id)?.push(event.elected);
        }
      }
    }
  }

  all(): (NodeId | undefined)[] {
    return [...this.nodes.values()].map(({ elected }) => elected);
  }
}

Deno.test("Election elects the highest id on every node, with one event", () => {
  const stage = new Fixture([a, b, c], [m]);
  stage.run(60_000);
  assert.deepEqual(stage.all(), [c, c, c, c]);
  for (const events of stage.announced.values()) assert.deepEqual(events, [c]);
});

Deno.test("Election elects the next id 5 s after the elected one died, and the first again when it is back", () => {
  const stage = new Fixture([a, b, c], [m]);
  stage.run(10_000);
  stage.nodes.delete(c);
  stage.run(LEADER_DEAD_MS - HEARTBEAT_MS - 100);
  assert.deepEqual(stage.all(), [c, c, c], "not before");
  stage.run(HEARTBEAT_MS + 200);
  assert.deepEqual(stage.all(), [b, b, b]);
  stage.start(c, [a, b, c]);
  stage.run(HEARTBEAT_MS + 200);
  assert.deepEqual(stage.all(), [c, c, c, c].slice(0, 4));
  for (const id of [a, b, m]) assert.deepEqual(stage.announced.get(id), [c, b, c]);
});

Deno.test("Election elects a leader on each side of a split, and one again when it heals", () => {
  const stage = new Fixture([a, b, c], [m]);
  stage.run(10_000);
  const left = [c, m];
  stage.isCut = (from, to) => left.includes(from) !== left.includes(to);
  stage.run(20_000);
  assert.deepEqual(stage.all(), [b, b, c, c]);
  stage.isCut = () => false;
  stage.run(HEARTBEAT_MS + 200);
  assert.deepEqual(stage.all(), [c, c, c, c]);
  assert.deepEqual(stage.announced.get(a), [c, b, c]);
  assert.deepEqual(stage.announced.get(m), [c]);
});

Deno.test("Election elects nobody without leaders, and ignores heartbeats of others", () => {
  const stage = new Fixture([a], [m]);
  stage.run(5_000);
  stage.nodes.delete(a);
  stage.run(10_000);
  assert.deepEqual(stage.all(), [undefined]);
  const election = stage.nodes.get(m) ?? assert.fail();
  election.handleHeartbeat(c, stage.now);
  assert.equal(election.elected, undefined);
  assert.equal(election.pollTimeout(), undefined);
  election.setLeaders([m], stage.now);
  assert.equal(election.elected, m, "it was promoted");
  assert.equal(election.pollHeartbeat(stage.now), true);
  election.setLeaders([], stage.now);
  assert.equal(election.elected, undefined, "it was demoted");
  assert.equal(election.pollHeartbeat(millis(stage.now + 10_000)), false);
});

Deno.test("Election.handleTimeout() takes nobody for dead after this process stood still", () => {
  const election = new Election(a, millis(0));
  election.setLeaders([a, b], millis(0));
  for (let now = 0; now <= 10_000; now += 1000) {
    election.handleHeartbeat(b, millis(now));
    election.handleTimeout(millis(now));
    election.pollHeartbeat(millis(now));
  }
  assert.equal(election.elected, b);
  election.handleTimeout(millis(70_000));
  assert.equal(election.elected, b);
  election.pollHeartbeat(millis(70_000));
  for (let now = 71_000; now <= 76_000; now += 1000) {
    election.handleTimeout(millis(now));
    election.pollHeartbeat(millis(now));
  }
  assert.equal(election.elected, a, "but now it has had its time");
});

Deno.test("Election agrees on every node once all heartbeats arrive for a while, whatever happened before", () => {
  const happening = fc.tuple(fc.constantFrom(a, b, c, m), fc.constantFrom(a, b, c, m), fc.nat(8000));
  fc.assert(fc.property(fc.array(happening, { maxLength: 10 }), (happenings) => {
    const stage = new Fixture([a, b, c], [m]);
    for (const [from, to, ms] of happenings) {
      stage.isCut = (x, y) => x === from || y === to;
      stage.run(ms);
    }
    stage.isCut = () => false;
    stage.run(HEARTBEAT_MS + 200);
    assert.deepEqual(stage.all(), [c, c, c, c]);
    for (const events of stage.announced.values()) {
      events.forEach((elected, i) => assert.notEqual(elected, events[i - 1], "once for each change"));
    }
  }));
});
