import assert from "node:assert/strict";
import { SamplePolicies, samplePolicy } from "../../../agent/testing/sample_policies.ts";
import { type FakeAgent, type FakeAnswers, withFakeAgent } from "../../testing/fake_agent.ts";
import { SamplePorts, sampleStatus } from "../../testing/sample_ports.ts";
import { main } from "../../weft.ts";
import { differenceText } from "../../output/mod.ts";
import { policyFinding } from "./mod.ts";

const FILE = `rules:
  - allow: {from: role=web, to: role=db, ports: tcp/5432}
tests:
  - {from: web-1, accept: ["db-1:5432"], deny: ["db-1:22"]}
`;
const MEMBERS = "- {name: web-1, labels: {role: web}}\n- {name: db-1, labels: {role: db}}\n";
const control = new SamplePolicies();
const report = await control.applyPolicy({ text: FILE });
const { revision, failures, tests } = report;
const warnings = ["default#1: nobody is meant by role=db"];
const everybody = {
  ...samplePolicy,
  stale: 0,
  members: samplePolicy.members.map((one) => ({ ...one, isStale: false })),
};
const denial = await control.policyLog({})[Symbol.asyncIterator]().next();
const answers: FakeAnswers = {
  "GET /status": [200, sampleStatus],
  "GET /policies": [200, everybody],
  "POST /policies": [200, { ...report, warnings }],
  "POST /policies/test": [200, { revision, failures, tests, warnings }],
  "POST /policies/diff": [200, report.difference],
  "POST /policies/explain": [200, await control.explainPolicy({ source: "web-1", destination: "db-1:5432" })],
  "GET /policies/counters": [200, await control.policyCounters()],
  "GET /policies/log": [200, denial.value],
  "POST /policies/rollback": [200, report],
  "DELETE /policies": [200, { ...report, revision: "" }],
  "DELETE /policies?trial=1": [200, { ...report, isTrial: true }],
};

async function run(stateDir: string, line: string, environment: Record<string, string> = {}) {
  const ports = new SamplePorts();
  ports.files.set("policy.yaml", FILE).set("members.yaml", MEMBERS).set("-", FILE);
  ports.files.set("fails.yaml", FILE.replace("deny: [", 'deny: ["db-1:5432", ')).set(
    "wrong.yaml",
    "rules: [{alow: {}}]",
  );
  Object.assign(ports.environment, environment);
  const code = await main([...line.split(" "), "--state", stateDir], ports);
  return Object.assign(ports, { code });
}

const text = JSON.stringify(FILE);
const cases: readonly (readonly [line: string, asked: readonly string[], says: RegExp])[] = [
  [
    "policy test policy.yaml",
    [`POST /policies/test {"text":${text}}`],
    /line 2, column \d+: default#1: nobody.*\n.*2 tests pass/,
  ],
  ["policy test", ["POST /policies/test {}"], /The policy in force: 2 tests pass/],
  ["policy test policy.yaml --roster members.yaml", [], /^policy\.yaml: 2 tests pass\n$/],
  [
    "policy diff -",
    [`POST /policies/diff {"text":${text}}`],
    /1 of 2 pairs change: 1 lose, 0 gain\n.*\nlead → web-1 +all/,
  ],
  [
    "policy apply policy.yaml --yes",
    [
      `POST /policies/test {"text":${text}}`,
      `POST /policies {"text":${text},"yes":true}`,
      "GET /status",
      "GET /policies",
    ],
    /Applied 00112233445566ff\n2 of 2 members enforce it, after \d\.\d\d s\n$/,
  ],
  [
    "policy rollback 0011",
    ['POST /policies/rollback {"revision":"0011"}', "GET /status", "GET /policies"],
    /Applied/,
  ],
  ["policy remove --trial", ["DELETE /policies?trial=1"], /Nothing is tried any more\n$/],
  ["policy remove --wait 0s", ["DELETE /policies"], /everybody may reach everything/],
  [
    "policy show",
    ["GET /policies", "GET /policies/counters"],
    /^policy +00112233445566ff, 1 policy, 1 rule, applied by lead/,
  ],
  ["policy show --yaml", ["GET /policies"], /- allow: \{ from: role=web, to: role=db, ports: tcp\/5432 \}/],
  [
    "policy explain web-1 db-1:5432 --network mesh",
    ['POST /policies/explain {"source":"web-1","destination":"db-1:5432","network":"mesh"}'],
    /^allowed {2}web-1 may reach db-1:5432: web-tier#1 allows it\nNot in force yet on web-1\n\nRULE.*\nweb-tier#1 +decides/,
  ],
  ["policy counters", ["GET /policies/counters"], /^web-tier#1 +7 +700 B +1 +allow/m],
];
for (const [line, asked, says] of cases) {
  Deno.test(`\`weft ${line}\` asks what it is told, and prints the answer`, () =>
    withFakeAgent(answers, async ({ stateDir, asked: told }: FakeAgent) => {
      const { code, stdout, stderr } = await run(stateDir, line);
      assert.equal(code, 0, stderr);
      assert.deepEqual(told, asked);
      assert.match(stdout, says);
    }));
}

Deno.test("`weft policy apply` says where its user comes from, as sshd tells it", () =>
  withFakeAgent(answers, async ({ stateDir, asked }) => {
    await run(stateDir, "policy apply policy.yaml --dry-run", {
      SSH_CONNECTION: "10.200.0.9 50000 10.200.0.1 2222",
    });
    assert.match(asked[1] ?? "", /"dryRun":true,"fromAddress":"10\.200\.0\.9","atPort":2222\}$/);
  }));

Deno.test("`weft policy apply` applies nothing whose tests fail, and names them", () => {
  const failing = [{
    network: "mesh",
    source: "a",
    destination: "b",
    expected: "deny",
    rule: "x#1",
    message: "a to b: x#1",
  }];
  const answer = { revision, tests: 1, failures: failing, warnings: [] };
  return withFakeAgent({ ...answers, "POST /policies/test": [200, answer] }, async ({ stateDir, asked }) => {
    const { code, stdout, stderr } = await run(stateDir, "policy apply policy.yaml");
    assert.deepEqual([code, asked.length], [1, 1]);
    assert.match(stdout, /^fails {2}a to b: x#1$/m);
    assert.match(stderr, /^weft: Cannot apply policy\.yaml: 1 of 1 tests fail\nhint: /);
    const asJson = await run(stateDir, "policy apply policy.yaml --json");
    assert.equal(asJson.code, 1);
    assert.deepEqual(JSON.parse(asJson.stdout), answer);
  });
});

Deno.test("`weft policy apply` waits for those who can be reached, and names the others", () =>
  withFakeAgent({ ...answers, "GET /policies": [200, samplePolicy] }, async ({ stateDir }) => {
    const { code, stdout } = await run(stateDir, "policy apply policy.yaml --wait 100ms");
    assert.equal(code, 0);
    assert.match(stdout, /1 of 2 members enforce it; not web-1, waited for \d/);
  }));

const wrong: readonly (readonly [line: string, code: number, says: RegExp])[] = [
  ["policy", 2, /policy needs a command: init, test, diff/],
  ["policy list", 2, /`weft policy show`/],
  ["policy apply", 2, /<file>/],
  ["policy apply gone.yaml", 2, /gone\.yaml: No such file/],
  ["policy apply wrong.yaml", 2, /wrong\.yaml:1:\d+: rules\[0\]\.alow/],
  ["policy apply policy.yaml --wait soon", 2, /--wait soon/],
  ["policy test fails.yaml --roster members.yaml", 1, /fails\.yaml: 1 of 3 tests fail/],
  ["policy test --roster members.yaml", 2, /name a file/],
  ["policy test - --roster -", 2, /standard input/],
  ["policy test policy.yaml --roster policy.yaml", 2, /no members/],
  ["policy diff", 2, /either a file or a --revision/],
  ["policy rollback xyz", 2, /xyz/],
  ["policy show --yaml --json", 2, /at once/],
  ["policy show --trial", 2, /--trial/],
  ["policy log --lines 0", 2, /--lines 0/],
  ["policy import members.yaml", 2, /members\.yaml/],
  ["policy import policy.yaml", 2, /\nhint: It is a policy of weft already: `weft policy apply FILE`/],
  ["policy init /dev/null/p.yaml", 1, /Not a directory/],
];
for (const [line, code, says] of wrong) {
  Deno.test(`\`weft ${line}\` is refused`, () =>
    withFakeAgent(answers, async ({ stateDir }) => {
      const { code: ended, stderr } = await run(stateDir, line);
      assert.match(stderr, /^weft: .*\nhint: .*\n$/);
      assert.match(stderr, says);
      assert.equal(ended, code);
    }));
}

Deno.test("`weft policy init` writes a file once, and its own name is what it is read by", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const path = `${dir}/policy.yaml`;
    const first = await run(dir, `policy init ${path}`);
    assert.deepEqual([first.code, first.stderr], [0, ""]);
    assert.match(await Deno.readTextFile(path), /^# Who may reach whom/);
    const second = await run(dir, `policy init ${path}`);
    assert.equal(second.code, 2);
    assert.match(second.stderr, /it is there already/);
    assert.equal((await run(dir, `policy init ${path} --force`)).code, 0);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("policyFinding() names stale members, failing tests and a trial that was forgotten", () => {
  const now = 1_700_000_000_000;
  const { revision, ...applied } = samplePolicy.enforced ?? assert.fail();
  const failing = [{
    network: "mesh",
    source: "a",
    destination: "b",
    expected: "deny",
    rule: "x#1",
    message: "a to b: x#1",
  }] as const;
  const cases = [
    [everybody, "ok", /in force on all 2 members/],
    [samplePolicy, "problem", /1 of 2 members enforce it; not web-1/],
    [{ ...everybody, failures: failing }, "problem", /a to b: x#1/],
    [
      { ...everybody, here: { revision: null, isStale: true, problem: "parts are missing" } },
      "problem",
      /parts/,
    ],
    [
      { ...everybody, here: { revision, isStale: false, problem: "a part of this node could not take it" } },
      "problem",
      /could not take it/,
    ],
    [
      { ...everybody, trial: { ...applied, revision, appliedAt: now - 4 * 86_400_000 } },
      "problem",
      /on trial/,
    ],
    [{ ...everybody, trial: { ...applied, revision, appliedAt: now - 1_000 } }, "ok", /in force/],
  ] as const;
  for (const [status, kind, says] of cases) {
    const finding = policyFinding(status, now);
    assert.equal(finding?.kind, kind);
    assert.match(finding?.detail ?? "", says);
  }
  assert.equal(policyFinding({ ...everybody, enforced: null }, now), undefined);
});

Deno.test("differenceText() says when only some pairs were looked at", () => {
  const { terminal } = new SamplePorts();
  const { difference } = report;
  assert.doesNotMatch(differenceText(difference, terminal), /only these pairs/);
  for (const changed of [0, 1]) {
    const text = differenceText({ ...difference, changed, isPartial: true }, terminal);
    assert.match(text, /only these pairs were looked at/);
    assert.doesNotMatch(text, /anybody/);
  }
});
