import assert from "node:assert/strict";
import { PART_KIND, partKey } from "./policy_entry.ts";
import { PolicyStage } from "./testing/policy_stage.ts";

const PART_GRACE_MS = 600_000;
const DAY_MS = 86_400_000;
const small = [{ allow: { from: "name=node-1", to: "name=node-2", ports: "tcp/22" } }];
const large = Array.from({ length: 2_000 }, (_, i) => ({
  allow: { from: `name=n${(i * 2654435761 % 2 ** 32).toString(36)}`, to: "name=node-2", ports: "tcp/80" },
}));

Deno.test("PolicyActs.apply() refuses what is not to be replaced, and says what is in force already", () => {
  const stage = new PolicyStage({ nodes: 3, seed: 1, leaders: 1 });
  const { acts, policies } = stage.of(stage.node(0));
  const first = stage.apply(0, small);
  const document = policies.book.get("enforced")?.document ?? assert.fail();
  const again = acts.apply({ document, place: "enforced", expectedRevision: first });
  assert.equal(again.isSame, true);
  assert.throws(() => acts.apply({ document, place: "enforced", expectedRevision: "" }), {
    code: "PolicyConflict",
    message: `Cannot apply that policy: ${first} is in force, and not none`,
  });
  stage.close();
});

Deno.test("PolicyActs.apply() of what is tried ends the trial", () => {
  const stage = new PolicyStage({ nodes: 3, seed: 1, leaders: 1 });
  const { policies } = stage.of(stage.node(0));
  const tried = stage.apply(0, small, "trial");
  const revisions = () => {
    const { enforced, trial } = policies.compiled;
    return [enforced?.revision, trial?.revision];
  };
  assert.deepEqual(revisions(), [undefined, tried], "it decides nothing");
  stage.apply(0, small);
  assert.deepEqual(revisions(), [tried, undefined]);
  stage.close();
});

Deno.test("PolicyActs.lookAfter() takes parts back that no head needs, after some time", () => {
  const stage = new PolicyStage({ nodes: 3, seed: 1, leaders: 1 });
  const { simulation } = stage;
  const { acts, policies } = stage.of(stage.node(0));
  stage.apply(0, large);
  const { digest } = policies.book.head("enforced") ?? assert.fail();
  const { entries } = stage.node(0).replica;
  stage.apply(0, small);
  acts.lookAfter();
  assert.ok(entries.list(PART_KIND).length > 0, "another leader's head may be on its way");
  simulation.advance(PART_GRACE_MS + 1_000);
  acts.lookAfter();
  assert.deepEqual(entries.list(PART_KIND), []);
  // It is there again as a whole when it is wanted back.
  const revision = stage.apply(0, large);
  assert.equal(policies.book.head("enforced")?.digest, digest);
  assert.ok(stage.untilInForce(revision, 5_000) !== undefined);
  stage.close();
});

Deno.test("PolicyActs.lookAfter() signs parts again that another leader has taken back", () => {
  const stage = new PolicyStage({ nodes: 3, seed: 1, leaders: 1 });
  const { acts, policies } = stage.of(stage.node(0));
  const revision = stage.apply(0, large);
  const { digest } = policies.book.head("enforced") ?? assert.fail();
  const key = partKey(digest, 1);
  const { entries } = stage.node(0).replica;
  const origin = entries.networkOrigin(PART_KIND, key);
  const { signingKey } = stage.simulation.identity;
  entries.write(origin, signingKey ?? assert.fail(), { kind: PART_KIND, key, body: undefined });
  assert.equal(entries.get(PART_KIND, origin, key), undefined);
  acts.lookAfter();
  assert.ok(entries.get(PART_KIND, origin, key) !== undefined);
  assert.ok(stage.untilInForce(revision, 5_000) !== undefined);
  stage.close();
});

Deno.test("PolicyBook goes on with a policy that nobody has renewed, and says so", () => {
  const stage = new PolicyStage({ nodes: 2, seed: 1, leaders: 1 });
  const node = stage.node(1);
  const revision = stage.apply(0, small);
  assert.ok(stage.untilInForce(revision, 2_000) !== undefined);
  stage.crash(node);
  node.setClock(89 * DAY_MS);
  node.start();
  const { policies } = stage.start(node);
  node.setClock(91 * DAY_MS);
  policies.sync();
  assert.equal(policies.compiled.enforced?.revision, revision);
  assert.equal(policies.problem(), "no leader has renewed it");
  stage.close();
});

Deno.test("PolicyBook refuses a state in which the policy is damaged", () => {
  const stage = new PolicyStage({ nodes: 2, seed: 1, leaders: 1 });
  const node = stage.node(0);
  stage.apply(0, small);
  stage.crash(node);
  const kept = node.store.get("policy-document", "enforced") ?? assert.fail();
  kept[3] = (kept[3] ?? 0) ^ 1;
  node.store.put("policy-document", "enforced", kept);
  node.start();
  assert.throws(() => stage.start(node), { code: "State", message: /the policy .* is damaged/ });
  stage.close();
});
