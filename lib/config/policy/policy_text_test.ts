import assert from "node:assert/strict";
import { compilePolicy, readPolicyDocument, runPolicyTests } from "../../policy/mod.ts";
import {
  importTailscalePolicy,
  noteText,
  POLICY_TEMPLATE,
  policyText,
  readPolicyFile,
  readRosterFile,
} from "./mod.ts";

Deno.test("policyText() writes what readPolicyFile() reads as the same document", async () => {
  const document = readPolicyDocument({
    answer: "reject",
    names: "hide",
    groups: { backend: "role in (api, db)" },
    policies: [
      {
        name: "web-tier",
        id: "p-1",
        priority: 7,
        rules: [
          { allow: { from: ["role=web", "name=ops-1"], to: "group:backend", ports: ["tcp/80-90", "icmp"] } },
          { deny: { from: "*", to: "10.0.0.0/8", protocol: "47", answer: "drop" } },
          {
            redirect: {
              from: "*",
              to: "role=db",
              ports: "tcp",
              via: "name=inspect-1",
              sourcePorts: "1024-65535",
            },
          },
          { qos: { from: "*", to: "topic:metrics/>", dscp: "ef" } },
          { limit: { from: "*", to: "*", rate: "100mbit", burst: "256KB" } },
        ],
      },
      {
        name: "blue",
        network: "blue",
        rules: [{ allow: { from: "*", to: "*", protocol: "ethertype:0x88b5" } }],
      },
    ],
    tests: [{ from: "web-1", accept: ["db-1:5432"], deny: ["db-1:22"] }, {
      from: "a",
      network: "blue",
      deny: ["b"],
    }],
  });
  const text = await policyText(document, { heading: ["Of a test"] });
  assert.match(text, /^# Of a test\n/);
  assert.match(text, /^ +- allow: \{ from: .*tcp\/80-90/m);
  assert.deepEqual((await readPolicyFile(text)).document, document);
});

Deno.test("POLICY_TEMPLATE takes nothing from anybody, and what it has commented out can be read, too", async () => {
  const { document } = await readPolicyFile(POLICY_TEMPLATE);
  const roster = await readRosterFile("[{name: web-1}, {name: db-1}]", "members.yaml");
  assert.deepEqual(
    runPolicyTests({ ...document, tests: [{ source: "*", accept: ["*"], deny: [] }] }, roster),
    [],
  );
  assert.ok(compilePolicy(document, roster, { revision: "0".repeat(16) }).bytes.length > 0);
  const uncommented = POLICY_TEMPLATE.replace(/^( *)# ((?: *)(?:- |tests:|network:|rules:).*)$/gm, "$1$2");
  const all = (await readPolicyFile(uncommented)).document;
  assert.equal(all.tests.length, 2);
  assert.deepEqual(new Set(all.policies.flatMap(({ rules }) => rules.map(({ type }) => type))).size, 5);
});

Deno.test("readRosterFile() reads members and endpoints, and what `weft peers --json` prints", async () => {
  const roster = await readRosterFile(
    "members:\n  - {name: web-1, labels: {role: web}, addresses: [10.200.0.2], blocks: [10.1.0.0/16], rttMs: 3}\n" +
      "networks:\n  blue:\n    - {name: printer, member: web-1, addresses: [10.0.0.9]}\n",
    "members.yaml",
  );
  assert.deepEqual(roster.members[0]?.labels, { role: "web" });
  assert.equal(roster.networks[0]?.endpoints[0]?.member, "web-1");
  const wrong: Readonly<Record<string, RegExp>> = {
    "[]": /has no members/,
    "5": /where an object is expected/,
    "- {name: a}\n- {name: a}": /members\.yaml:2:3: .*two that are called a/,
    "- {labels: {}}": /1:3: .*without a name/,
    "- {name: a, addresses: [x]}": /1:\d+: .*"x", which is no address/,
    "- {name: a, blocks: [x]}": /"x", which is no block/,
    "- {name: a, services: 5}": /something else than a list/,
    "members: [{name: a}]\nnetworks: {blue: [{name: p, member: b}]}": /2:\d+: .*endpoint of nobody/,
  };
  for (const [text, message] of Object.entries(wrong)) {
    await assert.rejects(readRosterFile(text, "members.yaml"), message);
  }
});

const acl = `{
  // Who is who.
  "groups": {"group:dev": ["alice@example.com", "bob@"]},
  "tagOwners": {"tag:web": ["group:dev"]},
  "hosts": {"printer": "10.0.0.9", "lab": "10.1.0.0/16"},
  "acls": [
    {"action": "accept", "src": ["tag:web"], "dst": ["tag:db:5432", "printer:*"]},
    {"action": "accept", "src": ["group:dev"], "proto": "tcp", "dst": ["*:22,80-90"]},
    {"action": "accept", "src": ["autogroup:member"], "dst": ["autogroup:internet:*"]},
    {"action": "drop", "src": ["*"], "dst": ["*:*"]},
  ],
  "grants": [
    {"src": ["tag:web"], "dst": ["lab"], "ip": ["udp:53", "gre:*"]},
    {"src": ["*"], "dst": ["tag:db"], "ip": ["*"], "srcPosture": ["posture:mac"]},
    {"src": ["*"], "dst": ["tag:db"], "app": {"example.com/cap/x": [{}]}},
  ],
  "tests": [
    {"src": "tag:web", "accept": ["tag:db:5432"], "deny": ["tag:db:22", "printer:x"]},
  ],
  /* Not for the network. */
  "ssh": [{"action": "check", "src": ["autogroup:member"], "dst": ["autogroup:self"], "users": ["root"]}],
  "nodeAttrs": [],
}`;

Deno.test("importTailscalePolicy() carries over what can be, and names the rest by its line", async () => {
  const { text, notes } = await importTailscalePolicy(acl, "acl.hujson");
  const { document } = await readPolicyFile(text);
  assert.deepEqual(document.groups, {
    dev: "user in (alice.example.com, bob)",
    "tag-db": "tag-db",
    "tag-web": "tag-web",
  });
  const rules = document.policies[0]?.rules.map((rule) =>
    [rule.sourceSelector, rule.destinationSelector, rule.protocol, rule.destinationPortRange].join(" ").trim()
  );
  assert.deepEqual(rules, [
    "group:tag-web group:tag-db tcp 5432",
    "group:tag-web group:tag-db udp 5432",
    "group:tag-web group:tag-db icmp",
    "group:tag-web 10.0.0.9 *",
    "group:dev * tcp 22,80-90",
    "group:tag-web 10.1.0.0/16 udp 53",
    "group:tag-web 10.1.0.0/16 47",
  ]);
  assert.deepEqual(document.tests, [
    { source: "group:tag-web", accept: ["group:tag-db:tcp/5432"], deny: ["group:tag-db:tcp/22"] },
  ]);
  assert.match(notes.map(noteText).join("\n"), /^line 21: ssh is not carried over: weft has no shell/m);
  assert.deepEqual(notes.map(({ position }) => position?.line), [4, 9, 9, 10, 14, 15, 18, 21, 22]);
});

Deno.test("an imported policy denies what the other one does not allow", async () => {
  const { text } = await importTailscalePolicy(acl, "acl.hujson");
  const { document } = await readPolicyFile(text);
  const roster = await readRosterFile(
    "[{name: web-1, labels: {tag-web: yes}}, {name: db-1, labels: {tag-db: yes}}, {name: x}]",
    "members.yaml",
  );
  assert.deepEqual(runPolicyTests(document, roster), []);
  const tests = [{ source: "x", accept: [], deny: ["db-1:5432", "web-1", "service:orders"] }];
  assert.deepEqual(runPolicyTests({ ...document, tests }, roster), []);
});

/** @returns the document that comes of a file of Tailscale's, and its notes */
async function imported(policy: object) {
  const { text, notes } = await importTailscalePolicy(JSON.stringify(policy), "acl.hujson");
  const { document } = await readPolicyFile(text);
  return { document, text, notes: notes.map(({ message }) => message) };
}

const accept = (src: readonly string[], dst: readonly string[], proto?: string) => ({
  action: "accept",
  src,
  dst,
  proto,
});

Deno.test("importTailscalePolicy() makes one label of two users, tags or groups never", async () => {
  const { document, notes } = await imported({
    groups: { "group:ops": ["alice.1@x.com", "carl@x.com"], "group:tag-web": ["bob@x.com"] },
    acls: [
      accept(["alice+1@x.com", "alice.1@x.com"], ["*:22"], "tcp"),
      accept(["tag:web"], ["tag:Web:1", "tag:db:2"], "tcp"),
      accept(["group:tag-web", "group:ops"], ["*:3"], "tcp"),
    ],
  });
  const rules = document.policies[0]?.rules.map(({ sourceSelector, destinationSelector }) =>
    `${sourceSelector} ${destinationSelector}`
  );
  assert.deepEqual(rules, ["user=alice.1.x.com *", "group:tag-web group:tag-db", "group:ops *"]);
  assert.deepEqual(document.groups, { "ops": "user=carl.x.com", "tag-db": "tag-db", "tag-web": "tag-web" });
  assert.equal(notes.filter((note) => / is that of /.test(note)).length, 4, notes.join("\n"));
});

Deno.test("importTailscalePolicy() carries long lists over, and the former names of their fields", async () => {
  const users = Array.from({ length: 200 }, (_, i) => `user-${i}@example.com`);
  const { document, notes, text } = await imported({
    groups: { "group:all": users },
    acls: [
      accept(users, ["tag:db:5432"], "tcp"),
      accept(["group:all"], ["tag:db:1"], "tcp"),
      { action: "accept", users: ["tag:web"], ports: ["tag:db:2"], proto: "udp" },
    ],
  });
  const rules = document.policies[0]?.rules ?? [];
  const named = rules.flatMap(({ sourceSelector }) => sourceSelector.match(/user=[^ )]+/g) ?? []);
  assert.deepEqual(named, users.map((user) => `user=${user.replace("@", ".")}`));
  assert.deepEqual(document.groups["all"], "group-all");
  assert.match(text, /weft label NAME group-all=yes/);
  assert.match(notes.join("\n"), /group:all has too many users/);
  assert.equal(rules.at(-1)?.destinationPortRange, "2");
});

Deno.test("importTailscalePolicy() says what it can make nothing of, in lines that stay comments", async () => {
  const { document, text, notes } = await imported({
    "x\nanswer: reject\u2028": 1,
    acls: [accept(["*"], ["*:22"], "tcp"), accept(["a\nnames: hide", "*"], ["*:23"], "tcp"), {
      action: "accept",
      src: ["*"],
    }],
    grants: { src: ["*"] },
    tests: "none",
  });
  assert.deepEqual([document.answer, document.names], ["drop", "show"]);
  assert.equal(document.policies[0]?.rules.length, 2);
  assert.doesNotMatch(text, /^(answer|names)/m);
  for (const part of [/^x answer/, /acls\[2\] has no dst/, /^grants .*no list/, /^tests .*no list/]) {
    assert.ok(notes.some((note) => part.test(note)), `${part} of ${notes.join("\n")}`);
  }
});

const strange: Readonly<Record<string, string>> = {
  "nothing": "{}",
  "a comment in a string": '{"hosts": {"a//b": "10.0.0.1"}, /* x */ "acls": [],}',
  "an escaped quote": '{"hosts": {"a\\",]": "10.0.0.1"}}',
  "no lists": '{"acls": 5, "grants": {}, "tests": "x", "groups": [], "hosts": 7}',
  "no texts": '{"acls": [{"action": "accept", "src": [5, null], "dst": {}}, null, "x"]}',
  "a group of nobody": '{"acls": [{"action": "accept", "src": ["group:gone"], "dst": ["*:*"]}]}',
  "names that nothing has":
    '{"acls": [{"action": "accept", "src": ["x y", "tag:ä", "tag:"], "dst": ["a b:5", "5", ""]}]}',
};
for (const [name, text] of Object.entries(strange)) {
  Deno.test(`importTailscalePolicy() makes no policy that denies all of ${name}`, async () => {
    await assert.rejects(importTailscalePolicy(text, "acl.hujson"), /no rule of it can be carried over/);
  });
}

Deno.test("importTailscalePolicy() refuses what is no such file, with its place", async () => {
  await assert.rejects(importTailscalePolicy('{\n  "acls": [\n', "acl.hujson"), /acl\.hujson:\d+:\d+: /);
});
