import assert from "node:assert/strict";
import { MAX_POLICY_FILE_LENGTH, PolicyFileError, readPolicyFile } from "./mod.ts";

const good = `# Who may reach whom.
groups:
  front: role in (web, api)
policies:
  - name: web-tier
    priority: 100
    rules:
      - allow: { from: group:front, to: role=db, ports: tcp/5432 }
      - deny:
          from: "*"
          to: role=db
tests:
  - { from: web-1, accept: [db-1:5432], deny: [db-1:22] }
`;

Deno.test("readPolicyFile() reads YAML and JSON, and says where a part stands", async () => {
  const { document, positionOf } = await readPolicyFile(good, "policy.yaml");
  assert.deepEqual(document.policies.map(({ name, rules }) => [name, rules.length]), [["web-tier", 2]]);
  assert.deepEqual(positionOf(["policies", 0, "rules", 1, "deny", "to"]), { line: 11, column: 15 });
  // What is not there is looked for around it.
  assert.deepEqual(positionOf(["policies", 0, "rules", 1, "deny", "ports"]), { line: 10, column: 11 });
  assert.deepEqual(positionOf(["policies", 7]), positionOf(["policies"]));
  const json = await readPolicyFile(
    JSON.stringify({ rules: [{ allow: { from: "*", to: "*" } }] }),
    "policy.json",
  );
  assert.equal(json.document.policies[0]?.rules.length, 1);
});

Deno.test("readPolicyFile() says where a rule stands that others of its line are before", async () => {
  const { positionOf } = await readPolicyFile(
    `rules:
  - allow: { from: "*", to: role=web, ports: [tcp/80, udp/53] }
  - deny: { from: "*", to: role=db }
`,
  );
  assert.deepEqual(positionOf(["policies", 0, "rules", 1]), { line: 2, column: 5 });
  assert.deepEqual(positionOf(["policies", 0, "rules", 2]), { line: 3, column: 5 });
});

/** Text, message, line and column. */
const bad: Readonly<Record<string, readonly [string, RegExp, number?, number?]>> = {
  "an empty file": ["", /policy\.yaml: it is empty/],
  "comments alone": ["# nothing\n", /it is empty/],
  "no rules": ["policies: []\n", /it has no rules/, 1, 1],
  "a tab": ["rules:\n\t- allow: x\n", /policy\.yaml:2:1: /, 2, 1],
  "an open bracket": ["rules:\n  - allow: { from: web\n", /Cannot read policy\.yaml:/],
  "a key twice": ["names: show\nnames: hide\n", /:2:1: /, 2, 1],
  "an unknown key": ["rulez: []\n", /rulez/],
  "a selector that is none": [good.replace("role=db, ports", "role==, ports"), /is no selector/, 8, 41],
  "a protocol that is none": [good.replace("tcp/5432", "tpc/5432"), /protocol "tpc"/, 8],
  "a group that is not there": [
    good.replace("to: role=db\ntests", "to: group:back\ntests").replace("tcp/5432", "[tcp/1, udp/2]"),
    /group back/,
    9,
    9,
  ],
  "a rule that is text": [
    good.replace('- deny:\n          from: "*"\n          to: role=db', "- deny"),
    /is no rule/,
    9,
    9,
  ],
  "an alias": ["rules: &a\n  - *a\n", /aliases are not allowed/],
};
for (const [name, [text, message, line, column]] of Object.entries(bad)) {
  Deno.test(`readPolicyFile() refuses ${name}`, async () => {
    await assert.rejects(readPolicyFile(text, "policy.yaml"), (error) => {
      assert.ok(error instanceof PolicyFileError, `${error}`);
      assert.equal(error.code, "InvalidPolicy");
      assert.match(error.message, message);
      if (line !== undefined) assert.equal(error.position?.line, line);
      if (column !== undefined) assert.equal(error.position?.column, column);
      return true;
    });
  });
}

Deno.test("readPolicyFile() reads nothing of a file that is too long", async () => {
  await assert.rejects(
    readPolicyFile(" ".repeat(MAX_POLICY_FILE_LENGTH + 1), "policy.yaml"),
    /is longer than/,
  );
});

Deno.test("positionOf() says where a rule is written, also where the document has several of one", async () => {
  const { document, positionOf } = await readPolicyFile(
    "rules:\n  - allow: {from: '*', to: role=db, ports: [tcp/80, udp/53, tcp/443]}\n" +
      "  - deny: {from: '*', to: role=web}\npolicies:\n  - name: a\n    rules:\n      - allow: {from: '*', to: '*'}\n",
  );
  assert.deepEqual(document.policies.map(({ rules }) => rules.length), [1, 3]);
  const lineOf = (policy: number, rule: number) => positionOf(["policies", policy, "rules", rule])?.line;
  assert.deepEqual([lineOf(0, 0), lineOf(1, 0), lineOf(1, 1), lineOf(1, 2)], [7, 2, 2, 3]);
  assert.deepEqual(positionOf(["policies", 1, "rules", 2, "to"])?.line, 3);
});

Deno.test("readPolicyFile() says of another system's file how to make one of it", async () => {
  await assert.rejects(readPolicyFile('{"acls": []}'), { hint: /weft policy import/ });
});

Deno.test("readPolicyFile() says of a file in TypeScript how it is applied", async () => {
  const text =
    'import { definePolicy } from "@weft/mesh";\n\nexport const policy = definePolicy({ policies: [] });\n';
  await assert.rejects(readPolicyFile(text, "policy.ts"), { hint: /`deno run FILE \| weft policy apply -`/ });
  await assert.rejects(readPolicyFile(text, "policy.yaml"), { hint: /It is YAML/ });
});
