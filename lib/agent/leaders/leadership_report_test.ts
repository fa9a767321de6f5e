import assert from "node:assert/strict";
import { type LeaderView, MARK_KEY, MARK_KIND, noteExport, recoveryContent } from "../../mesh/mod.ts";
import { MeshFixture } from "../../mesh/testing/mesh_fixture.ts";
import { leadershipReport } from "./leadership_report.ts";

const DAY_MS = 86_400_000;

function setUp(seed: number) {
  const stage = new MeshFixture(seed);
  const a = stage.create();
  const view = (fields: Partial<LeaderView> = {}): LeaderView => {
    return { nodeId: a.identity.id, isAlive: true, isElected: true, lastHeardAt: undefined, ...fields };
  };
  const report = (views: readonly LeaderView[], seenMs?: number) =>
    leadershipReport({ mesh: a, views, lastSeen: () => seenMs, wallMs: stage.clock.wall() });
  return { stage, a, view, report };
}

Deno.test("leadershipReport() warns of a leader that is alone, once it has members, until it was exported", () => {
  const { stage, a, view, report } = setUp(1);
  assert.equal(report([view()]).problem, undefined, "nobody has anything to lose");
  const b = stage.join(a, "b");
  const alone = report([view()]);
  assert.match(alone.problem ?? "", /^a is the only leader/);
  assert.match(alone.hint ?? "", /weft leader promote NODE.*weft leader export FILE.*on a\.$/);
  const away = view({ nodeId: b.identity.id, isAlive: false, isElected: false });
  const wallMs = stage.clock.wall();
  assert.equal(report([view(), away], wallMs - DAY_MS + 1).problem, undefined, "it may only start again");
  assert.match(report([view(), away], wallMs - DAY_MS).problem ?? "", /only leader/);
  noteExport(a, recoveryContent(a, stage.clock.wall()));
  assert.deepEqual(report([view()]), { present: 1, lastExportMs: wallMs, lastMarkMs: null });
});

Deno.test("leadershipReport() says how long no leader has been there, and what to do", () => {
  const { stage, a, view, report } = setUp(2);
  const body = a.replica.networkClock.nextMark();
  a.replica.entries.write(a.network.id, a.network.signingKey ?? assert.fail(), {
    kind: MARK_KIND,
    key: MARK_KEY,
    body,
  });
  const gone = [view({ isAlive: false, isElected: false })];
  assert.match(report(gone).problem ?? "", /^no leader was heard of: /);
  stage.clock.advance(12 * DAY_MS);
  const { present, problem, hint } = report(gone);
  assert.deepEqual([present, /for 12 days/.test(problem ?? "")], [0, true]);
  assert.match(hint ?? "", /weft leader recover FILE/);
});

Deno.test("leadershipReport() says for how long no leader has answered, before it is given up", () => {
  const { stage, view, report } = setUp(3);
  const seenMs = stage.clock.wall();
  const away = [view({ isAlive: false, isElected: false })];
  const told: readonly (readonly [afterMs: number, says: string | undefined])[] = [
    [59_999, undefined],
    [60_000, "no leader has answered for 1 min: nobody is let in, renewed or removed"],
    [119 * 60_000, "no leader has answered for 119 min: nobody is let in, renewed or removed"],
    [DAY_MS - 1, "no leader has answered for 23 h: nobody is let in, renewed or removed"],
  ];
  for (const [afterMs, says] of told) {
    stage.clock.advance(seenMs + afterMs - stage.clock.wall());
    const { present, problem, hint } = report(away, seenMs);
    assert.deepEqual([present, problem], [1, says]);
    if (says !== undefined) assert.match(hint ?? "", /^Start a again; .*weft leader recover FILE/);
  }
  assert.equal(report([view()], seenMs).problem, undefined, "one that is alive was heard of");
});
