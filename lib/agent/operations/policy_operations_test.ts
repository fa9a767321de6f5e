import assert from "node:assert/strict";
import type { PolicyStatus } from "../../api/mod.ts";
import { silentLogger } from "../../base/mod.ts";
import { freeTcpPort } from "../../transport/mod.ts";
import { OverlayBootstrap } from "../overlay_bootstrap.ts";

const BOUND_MS = 10_000;

/** Options of a node on the loopback that needs no privileges, and calls nobody. */
function optionsOf(folder: string, name: string) {
  const port = freeTcpPort();
  const endpoints = `127.0.0.1:${port}`;
  return { stateDir: `${folder}/${name}`, port, endpoints, rootless: true, discovery: false, name };
}

async function withPair(
  body: (lead: OverlayBootstrap, web: OverlayBootstrap, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "weft-policy-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const lead = await OverlayBootstrap.initLeader(optionsOf(folder, "lead"));
  stack.defer(() => lead.stop());
  await lead.start();
  const web = await OverlayBootstrap.join(lead.joinToken(), optionsOf(folder, "web-1"));
  stack.defer(() => web.stop());
  await web.start();
  lead.control.changeLabels({ node: "web-1", set: { role: "web" } });
  await body(lead, web, folder);
}

async function until(
  node: OverlayBootstrap,
  condition: (status: PolicyStatus) => boolean,
): Promise<PolicyStatus> {
  const end = Date.now() + BOUND_MS;
  for (;;) {
    const status = node.control.policyStatus();
    if (condition(status)) return status;
    if (Date.now() > end) assert.fail(`not within ${BOUND_MS} ms: ${JSON.stringify(status)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const text = `
rules:
  - allow: { from: role=web, to: name=lead, ports: tcp/5432 }
tests:
  - from: web-1
    accept: ["lead:5432"]
    deny: ["lead:22"]
`;
const other = { rules: [{ deny: { from: "role=web", to: "name=lead", ports: "tcp/22" } }] };

Deno.test("policyOperations() apply, show, explain, compare, roll back and remove, on leader and member", () =>
  withPair(async (lead, web) => {
    const { control } = lead;
    assert.equal(control.policyStatus().enforced, null);
    await assert.rejects(control.testPolicy({}), { code: "NoPolicy" });
    await assert.rejects(web.control.applyPolicy({ text }), {
      code: "NotLeader",
      hint: /^Do it on lead; .*weft leader recover FILE/,
    });
    await until(lead, () => control.members({ node: "web-1" })[0]?.labels["role"] === "web");
    const tested = await control.testPolicy({ text });
    assert.deepEqual([tested.tests, tested.failures], [2, []]);
    const applied = await control.applyPolicy({ text, expectedRevision: "" });
    assert.equal(applied.revision, tested.revision);
    assert.deepEqual([applied.isSame, applied.isTrial, applied.difference.from], [false, false, null]);
    assert.deepEqual(
      applied.difference.changes.map(({ source, destination }) => `${source} ${destination}`),
      [
        "web-1 lead",
      ],
    );
    assert.ok(applied.difference.losing === 1 && applied.difference.gaining === 0);
    const { revision } = applied;
    const status = await until(web, ({ here }) => here.revision === revision);
    assert.equal(status.enforced?.appliedBy, "lead");
    assert.deepEqual([status.here.isStale, status.enforced?.rules, status.failures], [false, 1, []]);
    const told = await until(lead, ({ stale }) => stale === 0);
    assert.deepEqual(told.members.map((member) => [member.name, member.revision]), [
      ["lead", revision],
      ["web-1", revision],
    ]);
    const denied = await web.control.explainPolicy({ source: "web-1", destination: "lead:22" });
    assert.deepEqual([denied.isAllowed, denied.rule, denied.answer], [false, "default", "drop"]);
    assert.deepEqual(denied.steps.map(({ isMatch, reason }) => [isMatch, reason]), [[false, "port"]]);
    await assert.rejects(
      web.control.explainPolicy({ source: "web-1", destination: "lead:22", network: "blue" }),
      { code: "UnknownNetwork", message: 'Cannot explain that: there is no overlay network "blue"' },
    );
    const passes = await web.control.explainPolicy({ source: "web-1", destination: "lead:5432" });
    assert.ok(passes.isAllowed && passes.rule.endsWith("#1"), JSON.stringify(passes));
    assert.match(passes.message, /^web-1 may reach lead:5432: .+#1 allows it$/);
    const difference = await control.diffPolicy({ document: other });
    assert.equal(difference.from, revision);
    assert.ok(difference.losing === 1 && difference.addedRules.length === 1);
    assert.deepEqual(web.control.policyCounters().rules.map(({ rule }) => rule), [passes.rule]);
    const second = await control.applyPolicy({ document: other });
    await until(web, ({ here }) => here.revision === second.revision);
    const former = control.policyStatus().history.map((one) => one.revision);
    assert.deepEqual(former, [revision]);
    const back = await control.rollbackPolicy({ revision: revision.slice(0, 6) });
    assert.equal(back.revision, revision);
    await assert.rejects(async () => await control.rollbackPolicy({ revision: "0000" }), {
      code: "UnknownRevision",
    });
    await until(web, ({ here }) => here.revision === revision);
    const removed = control.removePolicy({});
    assert.equal(removed.difference.to, null);
    await until(web, ({ here, enforced }) => here.revision === null && enforced === null);
    const kinds = control.listAudit({}).map(({ kind }) => kind).filter((kind) => kind.startsWith("policy"));
    assert.deepEqual(new Set(kinds), new Set(["policy-applied", "policy-removed"]));
  }));

Deno.test("policyOperations() apply nothing that fails a test, or cuts off the operator's way", () =>
  withPair(async (lead) => {
    const { control } = lead;
    const wrong = text.replace(`deny: ["lead:22"]`, `deny: ["lead:5432"]`);
    await assert.rejects(control.applyPolicy({ text: wrong }), {
      code: "PolicyTestFailed",
      message: /a test fails: web-1 to lead:5432: it is allowed, since .+#1 decides/,
    });
    await assert.rejects(control.applyPolicy({ text: "rules:\n  - allow: {form: role=web}" }), {
      code: "InvalidPolicy",
      message: /:2:\d+: /,
    });
    await assert.rejects(control.applyPolicy({ text: "" }), { code: "InvalidPolicy" });
    const fromAddress = control.members({ node: "web-1" })[0]?.addresses[0] ?? assert.fail();
    await assert.rejects(control.applyPolicy({ text, fromAddress }), {
      code: "PolicyCutsOff",
      message: /from web-1, where you come from, to this node's port 22 \(default\)$/,
    });
    assert.equal(control.policyStatus().enforced, null, "nothing was applied");
    const tried = await control.applyPolicy({ text, fromAddress, dryRun: true });
    assert.ok(tried.isTrial && control.policyStatus().trial?.revision === tried.revision);
    const applied = await control.applyPolicy({ text, fromAddress, yes: true });
    assert.equal(control.policyStatus().enforced?.revision, applied.revision);
    assert.equal(control.policyStatus().trial, null);
    await assert.rejects(control.applyPolicy({ text: wrong, expectedRevision: "" }), {
      code: "PolicyTestFailed",
    });
  }));

Deno.test("OverlayBootstrap puts the declared policy in force at a leader's start, and leaves alone what was applied since", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weft-policy-" });
  try {
    const policy = `${folder}/policy.yaml`;
    const logged: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void logged.push(message) };
    const options = { ...optionsOf(folder, "lead"), policy };
    await assert.rejects(OverlayBootstrap.initLeader(options), {
      code: "InvalidRequest",
      message: /there is no such file/,
    });
    await Deno.writeTextFile(policy, "rules: [{ allow: 5 }]");
    await assert.rejects(OverlayBootstrap.initLeader(options), { code: "InvalidPolicy", message: /:1:/ });
    // Tests of members who are still to come count later.
    await Deno.writeTextFile(policy, text);
    const once = async (body: (node: OverlayBootstrap) => Promise<void> | void) => {
      const node = await OverlayBootstrap.initLeader(options, { logger });
      try {
        await body(node);
        await node.start();
      } finally {
        await node.stop();
      }
    };
    const revisionOf = (node: OverlayBootstrap) => node.control.policyStatus().here.revision;
    let first: string | null = null;
    await once((node) => {
      first = revisionOf(node);
      assert.ok(first !== null, "before it has started");
    });
    await Deno.writeTextFile(policy, text.replace("5432 }", "5433 }").replace("5432", "5433"));
    let second: string | null = null;
    await once((node) => {
      second = revisionOf(node);
      assert.ok(second !== null && second !== first, "the file has changed");
    });
    await once(async ({ control }) => void await control.applyPolicy({ document: other, yes: true }));
    assert.deepEqual(logged.filter((line) => line.includes("policy")), []);
    await Deno.writeTextFile(policy, text);
    await once((node) => assert.ok(![null, first, second].includes(revisionOf(node))));
    assert.deepEqual(logged.filter((line) => line.includes("policy")), [
      "another policy is in force than is declared, and stays",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
