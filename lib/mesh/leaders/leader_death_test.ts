import assert from "node:assert/strict";
import { millis, SeededRandom, VirtualClock, VirtualTimers } from "../../base/mod.ts";
import { encodeHex, randomBytes, randomFraction } from "../../base/mod.ts";
import type { NodeId } from "../identity/identity.ts";
import { wantedLinks } from "../replica/mod.ts";
import { Election, HEARTBEAT_MS, LEADER_DEAD_MS } from "./election.ts";
import { HeartbeatTargets, WATCHERS } from "./heartbeat_targets.ts";

/** One node with its links, as `LeaderWatch` drives it. */
class Station {
  readonly election: Election;
  readonly targets = new HeartbeatTargets();
  readonly links = new Set<Station>();
  readonly announced: (NodeId | undefined)[] = [];
  isUp = true;
  sent = 0;
  told = 0;

  constructor(readonly id: NodeId, readonly world: Mesh, readonly leaders: ReadonlySet<NodeId>) {
    this.election = new Election(id, world.clock.now());
  }

  start(): void {
    const now = this.world.clock.now();
    this.election.setLeaders(this.leaders, now);
    for (const { id } of this.links) this.election.handleAnswer(id, now);
    this.advance();
  }

  send(to: Station, arrive: (now: ReturnType<VirtualClock["now"]>) => void): void {
    this.sent++;
    const { timers, random, clock, isCut } = this.world;
    timers.setTimer(5 + 95 * randomFraction(random), () => {
      if (!this.isUp || !to.isUp || isCut(this, to)) return;
      arrive(clock.now());
      to.advance();
    });
  }

  doubt(about: NodeId): void {
    this.election.handleDoubt(about, this.world.clock.now());
    this.advance();
  }

  advance(): void {
    if (!this.isUp) return;
    const { election, world: { clock } } = this;
    const now = clock.now();
    election.handleTimeout(now);
    if (election.pollHeartbeat(now)) {
      const linked = new Map([...this.links].map((station) => [station.id, station]));
      for (const id of this.targets.next([...linked.keys()], (id) => this.leaders.has(id))) {
        const to = linked.get(id) as Station;
        this.send(to, (at) => to.election.handleHeartbeat(this.id, at));
      }
    }
    for (let asked = election.pollQuestion(); asked !== undefined; asked = election.pollQuestion()) {
      const to = [...this.links].find(({ id }) => id === asked);
      if (to === undefined) continue;
      this.send(to, () => to.send(this, (at) => this.election.handleAnswer(to.id, at)));
    }
    for (let missed = election.pollMissed(); missed !== undefined; missed = election.pollMissed()) {
      const about = missed;
      this.told++;
      for (const to of this.links) this.send(to, (at) => to.election.handleDoubt(about, at));
    }
    for (let event = election.pollEvent(); event !== undefined; event = election.pollEvent()) {
      this.announced.push(event.elected);
    }
  }
}

/** Nodes that are linked as agents are; nobody closes a link. */
class Mesh {
  readonly clock = new VirtualClock();
  readonly timers = new VirtualTimers(this.clock);
  readonly random: SeededRandom;
  readonly stations: readonly Station[];
  isCut: (from: Station, to: Station) => boolean = () => false;

  constructor(count: number, leaders: number, seed: number) {
    this.random = new SeededRandom(seed);
    const ids = Array.from({ length: count }, () => encodeHex(randomBytes(this.random, 16)) as NodeId);
    const leading = new Set(ids.slice(0, leaders));
    const members = ids.map((nodeId) => ({
      nodeId,
      verifyingKey: {} as never,
      roles: leading.has(nodeId) ? ["leader", "member"] as const : ["member"] as const,
    }));
    this.stations = ids.map((id) => new Station(id, this, leading));
    for (const station of this.stations) {
      for (const other of wantedLinks(station.id, members)) {
        const to = this.stations.find(({ id }) => id === other) as Station;
        station.links.add(to);
        to.links.add(station);
      }
    }
    for (const station of this.stations) station.start();
  }

  run(ms: number): void {
    // A timer that each node sets for itself, as often as need be.
    for (const end = this.clock.now() + ms; this.clock.now() < end;) {
      this.timers.advance(50);
      for (const station of this.stations) {
        if ((station.election.pollTimeout() ?? Infinity) <= this.clock.now()) station.advance();
      }
    }
  }

  get elected(): Station {
    const best = this.stations.filter(({ id, leaders, isUp }) => isUp && leaders.has(id))
      .reduce((best, each) => best.id > each.id ? best : each);
    return best;
  }

  agreed(on: NodeId): number {
    return this.stations.filter(({ election, isUp }) => isUp && election.elected === on).length;
  }
}

for (const count of [6, 20, 60, 300]) {
  Deno.test(`Election: of ${count} nodes all know within seconds that a leader has fallen silent, and a leader sends few heartbeats`, () => {
    for (let seed = 0; seed < 4; seed++) {
      const mesh = new Mesh(count, 3, seed);
      mesh.run(120_000);
      const first = mesh.elected;
      assert.equal(mesh.agreed(first.id), count, `seed ${seed}`);
      for (const { announced } of mesh.stations) assert.deepEqual(announced, [first.id], "no false alarm");
      for (const { sent, leaders, id, told } of mesh.stations) {
        assert.equal(told, 0);
        const perBeat = sent / (120_000 / HEARTBEAT_MS);
        // Watchers in turn ask twice when their turn has ended.
        assert.ok(perBeat < (leaders.has(id) ? WATCHERS + 3 : 1), `${perBeat} a beat, seed ${seed}`);
      }
      first.isUp = false;
      mesh.run(LEADER_DEAD_MS - HEARTBEAT_MS - 200);
      assert.equal(mesh.agreed(first.id), count - 1, "not before");
      mesh.run(HEARTBEAT_MS + 2_500);
      const second = mesh.elected;
      assert.equal(mesh.agreed(second.id), count - 1, `seed ${seed}`);
      first.isUp = true;
      for (const to of first.links) to.election.handleAnswer(first.id, mesh.clock.now());
      mesh.run(3_000);
      assert.equal(mesh.agreed(first.id), count);
    }
  });
}

Deno.test("Election: both sides of a split network know within seconds which leaders they have", () => {
  for (let seed = 0; seed < 8; seed++) {
    const mesh = new Mesh(60, 2, seed);
    mesh.run(60_000);
    const [high, low] = [
      mesh.elected,
      ...mesh.stations.filter(({ id, leaders }) => leaders.has(id))
        .filter((station) => station !== mesh.elected),
    ] as [Station, Station];
    const others = mesh.stations.filter((station) => station !== high && station !== low);
    const near = new Set([low, ...others.slice(0, 30)]);
    mesh.isCut = (from, to) => near.has(from) !== near.has(to);
    mesh.run(8_000);
    for (const station of mesh.stations) {
      assert.equal(station.election.elected, near.has(station) ? low.id : high.id, `seed ${seed}`);
    }
    mesh.isCut = () => false;
    mesh.run(4_000);
    // Who was told asks no more: the leader is heard of as soon as something comes by its link.
    for (const station of near) station.election.handleAnswer(high.id, mesh.clock.now());
    assert.equal(mesh.agreed(high.id), 60);
  }
});

Deno.test("Election: a member that says that a leader is gone brings about questions, and no other leader", () => {
  const mesh = new Mesh(60, 2, 1);
  mesh.run(30_000);
  const first = mesh.elected;
  const liar = mesh.stations.find(({ id, leaders }) => !leaders.has(id)) ?? assert.fail();
  for (const station of mesh.stations) station.sent = 0;
  for (let i = 0; i < 1_000; i++) {
    for (const victim of liar.links) victim.doubt(first.id);
    mesh.run(50);
  }
  for (const { announced, told } of mesh.stations) assert.deepEqual([announced, told], [[first.id], 0]);
  const questions = [...liar.links].reduce((sum, { sent }) => sum + sent, 0) / liar.links.size;
  assert.ok(first.sent / 25 < WATCHERS + 3 + liar.links.size, `${first.sent} in 25 beats`);
  assert.ok(questions < 1_000, `${questions}`);
});

Deno.test("Election: a member to whom no way leads takes a leader for dead after 5 s, and for alive with a link", () => {
  const [self, leader] = ["0", "a"].map((digit) => digit.repeat(32) as NodeId) as [NodeId, NodeId];
  const election = new Election(self, millis(0));
  let now = 0;
  const passUntil = (end: number) => {
    for (; now < end; now += 100) election.handleTimeout(millis(now));
  };
  election.setLeaders([leader], millis(0));
  passUntil(LEADER_DEAD_MS);
  assert.equal(election.elected, leader);
  passUntil(LEADER_DEAD_MS + 200);
  assert.equal(election.elected, undefined);
  election.handleAnswer(leader, millis(now));
  assert.equal(election.elected, leader);
  passUntil(600_000);
  assert.equal(election.elected, leader, "nobody has a doubt");
  election.handleLinkLost(leader, millis(now));
  const lostAt = now;
  passUntil(lostAt + LEADER_DEAD_MS);
  assert.equal(election.elected, leader);
  passUntil(lostAt + LEADER_DEAD_MS + 200);
  assert.equal(election.elected, undefined);
});
