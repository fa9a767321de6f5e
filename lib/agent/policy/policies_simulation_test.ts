import assert from "node:assert/strict";
import { decodeState, PART_KIND, partKey, STATE_KIND } from "./policy_entry.ts";
import { PolicyStage } from "./testing/policy_stage.ts";

const SEED = 15;
const allowWeb = [{ allow: { from: "name=node-4", to: "name=node-5", ports: "tcp/5432" } }];
const allowSsh = [{ allow: { from: "name=node-0", to: "name=node-5", ports: "tcp/22" } }];
const denyAll = [{ deny: { from: "name=node-9", to: "*" } }];

Deno.test("Policies of 100 members enforce what a leader applies within a second, and say so", () => {
  const stage = new PolicyStage({ nodes: 100, seed: SEED });
  const { simulation } = stage;
  const appliedAt = simulation.nowMs;
  const revision = stage.apply(0, allowWeb);
  simulation.advance(1_000);
  const times = simulation.members.map((node) =>
    (stage.of(node).since.get(revision) ?? assert.fail(`node ${node.index} enforces another one`)) - appliedAt
  ).sort((a, b) => a - b);
  assert.equal(times.length, 100);
  const { policies } = stage.of(stage.node(7));
  const evaluator = policies.compiled.enforced?.evaluator ?? assert.fail();
  const mesh = evaluator.networkNumber("mesh") ?? assert.fail();
  const [web, db, other] = [4, 5, 6].map((index) => evaluator.subjectOf(mesh, stage.node(index).identity.id));
  assert.equal(evaluator.decide(mesh, web ?? 0, db ?? 0, 6, 40_000, 5432).isAllowed, true);
  assert.equal(evaluator.decide(mesh, other ?? 0, db ?? 0, 6, 40_000, 5432).isAllowed, false);
  assert.equal(evaluator.decide(mesh, db ?? 0, other ?? 0, 6, 40_000, 5432).isAllowed, true);
  const saysSo = () =>
    simulation.members.every(({ identity }) => {
      const entry = stage.node(3).replica.entries.get(STATE_KIND, identity.id, "");
      return entry !== undefined && decodeState(entry.body)?.enforced === revision;
    });
  assert.ok(simulation.until(5_000, saysSo) !== undefined, "each has told all others");
  stage.close();
});

Deno.test("Policies follow one that is applied during a partition when it ends, and keep the former till then", () => {
  const stage = new PolicyStage({ nodes: 30, seed: SEED });
  const { simulation } = stage;
  const first = stage.apply(0, allowWeb);
  assert.ok(stage.untilInForce(first, 2_000) !== undefined);
  simulation.splitBy((index) => index === 0 || index % 2 === 1 ? 0 : 1);
  simulation.advance(40_000);
  const second = stage.apply(0, allowSsh);
  simulation.advance(10_000);
  const [here, there] = [[1, 3, 5], [2, 4, 6]].map((group) => group.map((index) => stage.node(index)));
  assert.deepEqual(stage.revisions(here), new Map([[second, 3]]));
  assert.deepEqual(stage.revisions(there), new Map([[first, 3]]));
  simulation.heal();
  assert.ok(stage.untilInForce(second, 300_000) !== undefined);
  stage.close();
});

Deno.test("Policies of two leaders at once come to be one and the same everywhere, as a whole", () => {
  for (const [skewMs, winner] of [[0, undefined], [2_000, 1]] as const) {
    const stage = new PolicyStage({ nodes: 30, seed: SEED + skewMs });
    const { simulation } = stage;
    simulation.splitBy((index) => index % 2);
    simulation.advance(40_000);
    stage.node(1).setClock(skewMs);
    const revisions = [stage.apply(0, allowWeb), stage.apply(1, [...denyAll, ...allowSsh])];
    simulation.advance(10_000);
    assert.deepEqual(stage.revisions(), new Map(revisions.map((revision) => [revision, 15])));
    simulation.heal();
    const isOne = () => stage.revisions().size === 1;
    assert.ok(simulation.until(300_000, isOne) !== undefined);
    const [now] = stage.revisions().keys();
    assert.ok(revisions.includes(now ?? ""));
    if (winner !== undefined) assert.equal(now, revisions[winner], "the later one by its leader's clock");
    simulation.advance(20_000);
    assert.deepEqual(stage.revisions(), new Map([[now, 30]]), "and it stays");
    // The other one can be had back at every leader that had it in force.
    const other = revisions.find((revision) => revision !== now) ?? "";
    const had = revisions.indexOf(other);
    assert.ok(stage.of(stage.node(had)).policies.book.history.get(other) !== undefined);
    stage.close();
  }
});

Deno.test("Policies are rolled back on all members, and taken back so that all passes", () => {
  const stage = new PolicyStage({ nodes: 20, seed: SEED });
  const { simulation } = stage;
  const first = stage.apply(0, allowWeb);
  assert.ok(stage.untilInForce(first, 2_000) !== undefined);
  const second = stage.apply(1, allowSsh);
  assert.ok(stage.untilInForce(second, 2_000) !== undefined);
  const leader = stage.of(stage.node(2));
  assert.deepEqual(leader.policies.book.history.heads().map(({ revision }) => revision), [first]);
  assert.equal(stage.apply(2, allowWeb), first, "the same document has the same revision");
  assert.ok(stage.untilInForce(first, 2_000) !== undefined);
  assert.deepEqual(leader.policies.book.history.heads().map(({ revision }) => revision), [second]);
  leader.acts.remove("enforced");
  assert.ok(stage.untilInForce("none", 2_000) !== undefined);
  simulation.advance(5_000);
  const told = simulation.members.filter(({ replica, identity }) =>
    replica.entries.get(STATE_KIND, identity.id, "") !== undefined
  );
  assert.deepEqual(told, [], "who enforces none says nothing");
  assert.throws(() => leader.acts.remove("enforced"), { code: "NoPolicy" });
  stage.close();
});

Deno.test("Policies in parts reach all members, and who lacks a part goes on with the former one", () => {
  const stage = new PolicyStage({ nodes: 12, seed: SEED });
  const { simulation } = stage;
  const first = stage.apply(0, allowWeb);
  assert.ok(stage.untilInForce(first, 2_000) !== undefined);
  simulation.splitBy((index) => index === 11 ? 1 : 0);
  simulation.advance(40_000);
  // Names that compress badly: some 60 KiB, in more than 20 parts.
  const random = Array.from({ length: 2_000 }, (_, i) => `n${(i * 2654435761 % 2 ** 32).toString(36)}`);
  const rules = random.map((name) => ({
    allow: { from: `name=${name}`, to: "name=node-5", ports: "tcp/80" },
  }));
  const revision = stage.apply(0, rules);
  const head = stage.of(stage.node(0)).policies.book.head("enforced");
  assert.ok(head !== undefined && head.parts > 3, String(head?.parts));
  const rest = simulation.members.filter(({ index }) => index !== 11);
  assert.ok(stage.untilInForce(revision, 5_000, rest) !== undefined);
  // The one that is away hears of all but one part.
  const away = stage.node(11);
  const lacking = partKey(head.digest, 1);
  const { entries } = stage.node(0).replica;
  const update = stage.node(0).replica.snapshot();
  const lacked = entries.signedEntry(entries.networkOrigin(PART_KIND, lacking), PART_KIND, lacking);
  assert.ok(lacked !== undefined);
  away.replica.merge({ ...update, entries: update.entries.filter((signed) => signed !== lacked) });
  away.replica.deliverEvents();
  simulation.advance(1_000);
  const { policies } = stage.of(away);
  assert.deepEqual(stage.revisions([away]), new Map([[first, 1]]));
  assert.equal(policies.problem(), `1 of its ${head.parts} parts are missing`);
  away.replica.merge({ ...update, entries: [lacked] });
  away.replica.deliverEvents();
  simulation.advance(1_000);
  assert.deepEqual(stage.revisions([away]), new Map([[revision, 1]]));
  assert.equal(policies.problem(), undefined);
  stage.close();
});

Deno.test("Policies of a member that starts again are in force before anything is asked, and a newcomer's at once", () => {
  const stage = new PolicyStage({ nodes: 12, seed: SEED });
  const { simulation } = stage;
  const first = stage.apply(0, allowWeb);
  assert.ok(stage.untilInForce(first, 2_000) !== undefined);
  const node = stage.node(8);
  stage.crash(node);
  const second = stage.apply(1, allowSsh);
  simulation.advance(60_000);
  node.start();
  const started = stage.start(node);
  assert.equal(started.since.get(first), simulation.nowMs, "what it had is there when it is made");
  assert.ok(stage.untilInForce(second, 60_000) !== undefined);
  stage.close();
});

Deno.test("Policies: who cannot take a program keeps no others from it, is told of, and is asked again", () => {
  const stage = new PolicyStage({ nodes: 3, seed: SEED });
  const { policies } = stage.of(stage.node(0));
  const taken: string[] = [];
  let isBroken = false;
  policies.attach({
    setPolicies: ({ enforced }) => {
      if (isBroken) throw new Error("no memory");
      taken.push(enforced?.revision ?? "none");
    },
  });
  const others: string[] = [];
  policies.attach({ setPolicies: ({ enforced }) => void others.push(enforced?.revision ?? "none") });
  isBroken = true;
  const revision = stage.apply(0, allowWeb);
  assert.deepEqual([taken, others], [["none"], ["none", revision]]);
  assert.match(policies.problem() ?? "", /goes on with the former/);
  stage.simulation.advance(2_000);
  const own = stage.node(0).identity.id;
  const told = () => stage.node(0).replica.entries.get(STATE_KIND, own, "");
  assert.equal(told(), undefined, "it does not say that it enforces it");
  isBroken = false;
  policies.lookAfter();
  stage.simulation.advance(2_000);
  assert.deepEqual([taken, others], [["none", revision], ["none", revision]]);
  assert.equal(policies.problem(), undefined);
  assert.ok(told() !== undefined);
  stage.close();
});

Deno.test("Policies that a node has stored and cannot compile keep it from starting, since all would pass", () => {
  const stage = new PolicyStage({ nodes: 3, seed: SEED });
  const first = stage.apply(0, allowWeb);
  assert.ok(stage.untilInForce(first, 2_000) !== undefined);
  const node = stage.node(2);
  stage.crash(node);
  node.start();
  const broken = () => {
    throw new RangeError("unknown protocol");
  };
  assert.throws(() => stage.start(node, broken), { code: "State" });
  assert.equal(stage.start(node).policies.compiled.enforced?.revision, first);
  stage.close();
});
