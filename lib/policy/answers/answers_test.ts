import assert from "node:assert/strict";
import { IpAddress } from "../../net/mod.ts";
import { compilePolicy, type PolicyRoster } from "../compile/mod.ts";
import { readProgram } from "../evaluate/mod.ts";
import { MAX_TEST_FAILURES, type PolicyDocument, readPolicyDocument } from "../model/mod.ts";
import {
  checkPolicy,
  decideAttempt,
  explainAttempt,
  parseAttempt,
  reachDifference,
  runPolicyTests,
  SubjectFinder,
} from "./mod.ts";

const roster: PolicyRoster = {
  members: ["web-1", "web-2", "db-1", "ops-1"].map((name, i) => ({
    id: `id-${name}`,
    name,
    labels: { role: name.split("-")[0] ?? "" },
    addresses: [IpAddress.parse(`10.200.0.${i + 1}`) ?? assert.fail()],
    services: name === "db-1" ? ["orders"] : [],
    roles: ["member"],
    blocks: [],
  })),
  networks: [],
};

function documentOf(rules: readonly unknown[], tests: readonly unknown[] = []): PolicyDocument {
  return readPolicyDocument({ policies: [{ name: "web-tier", rules }], ...tests.length > 0 && { tests } });
}

function programOf(document: PolicyDocument): Uint8Array {
  return compilePolicy(document, roster, { revision: "0123456789abcdef" }).bytes;
}

const attempts: Readonly<Record<string, readonly [string | undefined, unknown] | undefined>> = {
  "db-1": ["db-1", undefined],
  "db-1:5432": ["db-1", { kind: "packet", protocol: 6, sourcePort: 49_152, destinationPort: 5432 }],
  "db-1:udp/53": ["db-1", { kind: "packet", protocol: 17, sourcePort: 49_152, destinationPort: 53 }],
  "db-1:icmp": ["db-1", { kind: "packet", protocol: 1, sourcePort: 0, destinationPort: 0 }],
  "db-1:47": ["db-1", { kind: "packet", protocol: 6, sourcePort: 49_152, destinationPort: 47 }],
  "role=db:22": ["role=db", { kind: "packet", protocol: 6, sourcePort: 49_152, destinationPort: 22 }],
  "fd00::7": ["fd00::7", undefined],
  "[fd00::7]:443": ["fd00::7", { kind: "packet", protocol: 6, sourcePort: 49_152, destinationPort: 443 }],
  "web-1:ethertype:0x88b5": undefined,
  "service:orders/refund": [undefined, { kind: "call", path: "orders/refund" }],
  "topic:metrics/cpu": [undefined, { kind: "event", path: "metrics/cpu" }],
  "db-1:": undefined,
  "db-1:tcp": undefined,
  "db-1:tcp/70000": undefined,
  "db-1:icmp/3": undefined,
  ":22": undefined,
  "": undefined,
};
for (const [text, wanted] of Object.entries(attempts)) {
  Deno.test(`parseAttempt() reads ${JSON.stringify(text)}`, () => {
    const read = parseAttempt(text);
    assert.deepEqual(read && [read.destination, read.attempt], wanted);
  });
}

Deno.test("explainAttempt() names every rule that was asked, and why it does not match, up to the one that decides", () => {
  const program = programOf(documentOf([
    { deny: { from: "role=ops", to: "*" } },
    { deny: { from: "*", to: "role=web" } },
    { allow: { from: "role=web", to: "role=db", ports: "udp/53" } },
    { allow: { from: "role=web", to: "role=db", ports: "tcp/80" } },
    { allow: { from: "role=web", to: "role=db", ports: "tcp/5432" } },
    { allow: { from: "*", to: "role=db" } },
    { limit: { from: "*", to: "*", rate: "1mbit" } },
  ]));
  const evaluator = readProgram(program);
  const finder = new SubjectFinder(evaluator, roster, "mesh", {});
  const [web = { subject: 0 }] = finder.find("web-1");
  const [db = { subject: 0 }] = finder.find("10.200.0.3");
  const attempt = parseAttempt("db-1:5432")?.attempt ?? assert.fail();
  const { decision, steps } = explainAttempt(program, 0, web.subject, db.subject, attempt);
  assert.deepEqual(steps, [
    { rule: "web-tier#1", reason: "source" },
    { rule: "web-tier#2", reason: "destination" },
    { rule: "web-tier#3", reason: "protocol" },
    { rule: "web-tier#4", reason: "port" },
    { rule: "web-tier#5", reason: undefined },
  ]);
  assert.equal(evaluator.ruleNames[decision.rule], "web-tier#5");
  assert.equal(evaluator.ruleNames[decision.limit], "web-tier#7");
  assert.deepEqual(decision, decideAttempt(evaluator, 0, web.subject, db.subject, attempt));
});

Deno.test("reachDifference() says what changes for whom, counted over all pairs", () => {
  const before = programOf(
    documentOf([{ allow: { from: "role=web", to: "role=db", ports: ["tcp/80-90", "udp/53"] } }]),
  );
  const after = programOf(documentOf([
    { allow: { from: "role=web", to: "role=db", ports: ["tcp/85-95"] } },
    { allow: { from: "name=web-1", to: "service:orders" } },
  ]));
  const { changes, ...counts } = reachDifference(before, after, roster);
  assert.deepEqual(counts, { pairs: 12, changed: 2, gaining: 2, losing: 2, isPartial: false });
  assert.deepEqual(changes.find(({ source }) => source === "web-1")?.gained, ["tcp/91-95", "service:orders"]);
  assert.deepEqual(changes.find(({ source }) => source === "web-2"), {
    network: "mesh",
    source: "web-2",
    destination: "db-1",
    gained: ["tcp/91-95"],
    lost: ["tcp/80-84", "udp/53"],
  });
});

Deno.test("reachDifference(): no policy is all, and the same one changes nothing", () => {
  const program = programOf(documentOf([{ allow: { from: "role=web", to: "role=db", ports: "tcp/5432" } }]));
  const same = reachDifference(program, program, roster);
  assert.deepEqual([same.pairs, same.changed], [12, 0]);
  const closed = programOf(documentOf([{ deny: { from: "role=ops", to: "role=web" } }]));
  const taken = reachDifference(undefined, closed, roster);
  assert.deepEqual(taken.changes.find(({ source }) => source === "ops-1")?.lost, ["all"]);
  const given = reachDifference(closed, undefined, roster, { maxChanges: 1 });
  assert.equal(given.changes.length, 1);
  assert.deepEqual([given.gaining, given.losing], [taken.losing, taken.gaining]);
});

Deno.test("runPolicyTests() names what fails and the rule that decided", () => {
  const rules = [
    { allow: { from: "role=web", to: "role=db", ports: "tcp/5432" } },
    { deny: { from: "name=web-2", to: "role=db" } },
    { allow: { from: "role=ops", to: "service:orders" } },
  ];
  const good = documentOf(rules, [
    {
      source: "web-1",
      accept: ["db-1:5432", "ops-1:22"],
      deny: ["10.200.0.3:22", "db-1:icmp", "service:orders/list"],
    },
    { source: "role=ops", accept: ["service:orders/refund"], deny: ["db-1:5432"] },
    { source: "web-2", accept: [], deny: ["db-1"] },
  ]);
  assert.deepEqual(runPolicyTests(good, roster), []);
  const bad = documentOf(rules, [{
    source: "role=web",
    accept: ["db-1:5432", "gone:22"],
    deny: ["ops-1:22"],
  }]);
  assert.deepEqual(
    runPolicyTests(bad, roster).map(({ source, destination, rule }) => [source, destination, rule]),
    [
      ["web-2", "db-1:5432", "web-tier#2"],
      ["role=web", "gone:22", "default"],
      ["web-1", "ops-1:22", "default"],
      ["web-2", "ops-1:22", "default"],
    ],
  );
  assert.match(runPolicyTests(bad, roster)[0]?.message ?? "", /denied, since web-tier#2 decides/);
});

Deno.test("runPolicyTests() asks for so many pairs, and tells of so many failures, and of all that was not asked", () => {
  const rosterOf = (count: number): PolicyRoster => ({
    members: Array.from({ length: count }, (_, i) => ({
      id: `m${i}`,
      name: `m${i}`,
      labels: {},
      addresses: [IpAddress.parse(`10.200.${i >> 8}.${i & 255}`) ?? assert.fail()],
      services: [],
      roles: [],
      blocks: [],
    })),
    networks: [],
  });
  const document = documentOf([{ deny: { from: "*", to: "*" } }], [
    { from: "*", deny: ["*:22"] },
    { from: "m1", accept: ["m2:22"] },
  ]);
  const messages = runPolicyTests(document, rosterOf(1_000)).map(({ message }) => message);
  assert.equal(messages.length, 2);
  assert.match(messages[0] ?? "", /it means 1000000 pairs, of 500000/);
  assert.match(messages[1] ?? "", /m1 to m2:22: it is denied/);
  const failing = documentOf([{ deny: { from: "*", to: "*" } }], [{ from: "*", accept: ["*:22"] }]);
  assert.equal(runPolicyTests(failing, rosterOf(100)).length, MAX_TEST_FAILURES);
});

Deno.test("reachDifference() and checkPolicy() go through so many rules, and say that the rest was left out", () => {
  const count = 3_000;
  const members = Array.from({ length: 60 }, (_, i) => ({
    id: `id-${i}`,
    name: `m${i}`,
    labels: {},
    addresses: [],
    services: [],
    roles: [],
    blocks: [],
  }));
  const many = { members, networks: [] };
  const rules = Array.from({ length: count }, (_, i) => ({
    allow: { from: `name!=m${i % 60}`, to: `name!=m${(i * 7 + 1) % 60}`, ports: "tcp/80" },
  }));
  const document = documentOf(rules);
  const { bytes } = compilePolicy(document, many, { revision: "0123456789abcdef" });
  const { isPartial, pairs } = reachDifference(bytes, undefined, many);
  assert.ok(isPartial && pairs > 0 && pairs < 60 * 59, `${pairs} pairs`);
  const warnings = checkPolicy(document, many);
  assert.match(warnings.at(-1)?.message ?? "", /were not compared/);
  // One subset test looks at almost every class: a thirtieth of the rules is all that there is time for.
  assert.ok(warnings.length < 2 * count / 3, String(warnings.length));
});
