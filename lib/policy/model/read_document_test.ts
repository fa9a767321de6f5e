import assert from "node:assert/strict";
import {
  decodePolicy,
  encodePolicy,
  InvalidPolicyError,
  readPolicyDocument,
  readPolicySource,
} from "./mod.ts";

const whole = {
  groups: { backend: "role in (api, db)" },
  answer: "reject",
  names: "hide",
  policies: [{
    name: "web-tier",
    priority: 100,
    rules: [
      { allow: { from: "role=web", to: "group:backend", ports: ["tcp/5432", "tcp/8090-8100", "udp/53"] } },
      { deny: { from: "*", to: "role=db", answer: "drop" } },
      { limit: { from: ["role=web", "name=api-1"], to: "role=db", rate: "100mbit", burst: "256KB" } },
      { qos: { from: "role=voip", to: "*", dscp: "ef" } },
      { redirect: { from: "role=web", to: "role=db", ports: "tcp/5432", via: "name=inspect-1" } },
      { allow: { from: "role=web", to: "service:orders/refund" } },
    ],
  }, {
    id: "policy-001",
    name: "blue-tier",
    networkId: "blue",
    rules: [{
      type: "allow",
      sourceSelector: "role=web",
      destinationSelector: "role=app",
      protocol: "tcp",
      destinationPortRange: "8090-8100",
    }],
  }],
  rules: [{ allow: { from: "*", to: "topic:metrics/>" } }],
  tests: [{ from: "web-1", accept: ["db-1:5432"], deny: "db-1:22" }],
};

Deno.test("readPolicyDocument() reads the short form and the long one", () => {
  const document = readPolicyDocument(whole);
  const [web, blue, outside] = document.policies;
  assert.deepEqual(web?.rules[0], {
    type: "allow",
    sourceSelector: "role=web",
    destinationSelector: "group:backend",
    protocol: "tcp",
    destinationPortRange: "5432,8090-8100",
  });
  assert.equal(web?.rules[1]?.protocol, "udp");
  assert.equal(web?.rules[3]?.sourceSelector, "role=web || name=api-1");
  assert.equal(blue?.id, "policy-001");
  assert.equal(blue?.networkId, "blue");
  assert.equal(outside?.name, "default");
  assert.deepEqual(document.tests, [{ source: "web-1", accept: ["db-1:5432"], deny: ["db-1:22"] }]);
  assert.deepEqual([document.answer, document.names], ["reject", "hide"]);
});

Deno.test("A document survives its bytes, and other bytes are none", () => {
  const document = readPolicyDocument(whole);
  const bytes = encodePolicy(document);
  assert.deepEqual(JSON.parse(JSON.stringify(decodePolicy(bytes))), JSON.parse(JSON.stringify(document)));
  for (const text of ["", "{}", "null", `${new TextDecoder().decode(bytes)} `, '{"__proto__":1}']) {
    assert.equal(decodePolicy(new TextEncoder().encode(text)), undefined, text);
  }
  for (let at = 0; at < bytes.length; at++) assert.equal(decodePolicy(bytes.subarray(0, at)), undefined);
});

Deno.test("readPolicyDocument() makes a rule of each service and topic of a list", () => {
  const targets = (to: unknown, more: object = {}) =>
    readPolicyDocument({ groups: { g: "*" }, rules: [{ allow: { from: "*", to, ...more } }] })
      .policies[0]?.rules.map(({ destinationSelector }) => destinationSelector);
  // Of both together a selector would mean the members that offer one of them, with all that they have.
  assert.deepEqual(targets(["service:orders", "service:users"]), ["service:orders", "service:users"]);
  assert.deepEqual(targets(["role=db", "topic:group:x", "name=a"]), ["role=db || name=a", "topic:group:x"]);
  assert.deepEqual(targets(["service:orders"], { ports: "tcp/80" }), ["service:orders"]);
  assert.deepEqual(targets(["service:orders", "group:g"], { ports: "tcp/80" }), [
    "service:orders || group:g",
  ]);
});

Deno.test("readPolicySource() says where in the value a rule stands", () => {
  const { sourcePath } = readPolicySource({
    policies: [{
      name: "a",
      rules: [
        { allow: { from: "*", to: "*", ports: ["tcp/1", "udp/2"] } },
        { deny: { from: "*", to: "*" } },
      ],
    }],
    rules: [{ allow: { from: "*", to: ["topic:a", "topic:b"] } }],
  });
  assert.deepEqual(sourcePath(["policies", 0, "rules", 1]), ["policies", 0, "rules", 0]);
  assert.deepEqual(sourcePath(["policies", 0, "rules", 2, "deny"]), ["policies", 0, "rules", 1, "deny"]);
  assert.deepEqual(sourcePath(["policies", 1, "rules", 1]), ["rules", 0]);
  assert.deepEqual(sourcePath(["policies", 1, "name"]), ["policies", 1, "name"]);
});

const rule = (type: string, value: object) => ({ rules: [{ [type]: { from: "*", to: "*", ...value } }] });

/** What is wrong, where, and what is said. */
const wrong: readonly (readonly [unknown, string, RegExp])[] = [
  [undefined, "", /is empty/],
  [{}, "", /has no rules/],
  [[], "", /a list, not an object/],
  [{ rule: [] }, "rule", /not known/],
  [{ rules: [{}] }, "rules.0", /does nothing/],
  [{ rules: [{ allow: {}, deny: {} }] }, "rules.0", /both allow and deny/],
  [{ rules: [{ allow: { to: "*" } }] }, "rules.0.allow.from", /is missing/],
  [rule("allow", { to: "role=" }), "rules.0.allow.to", /no selector/],
  [rule("allow", { to: "group:nobody" }), "rules.0", /group nobody/],
  [rule("allow", { ports: "5432" }), "rules.0.allow.ports", /of which protocol/],
  [rule("allow", { ports: "tcp/" }), "rules.0.allow.ports", /without a port/],
  [rule("allow", { ports: "tcp/70000" }), "rules.0.allow.ports", /for ports/],
  [rule("allow", { ports: "icmp/8" }), "rules.0.allow.ports", /icmp has none/],
  [rule("allow", { ports: "tpc/80" }), "rules.0.allow.ports", /which is none/],
  [rule("allow", { rate: "1mbit" }), "rules.0.allow.rate", /not known/],
  [rule("allow", { to: "topic:a", ports: "tcp/80" }), "rules.0.allow.to", /is for events/],
  [rule("allow", { to: ["topic:a"], protocol: "call" }), "rules.0.allow.to.0", /is for events/],
  [rule("allow", { to: `service:${"a".repeat(1_024)}` }), "rules.0.allow.to", /characters/],
  [rule("limit", {}), "rules.0.limit", /no rate/],
  [rule("limit", { rate: "fast" }), "rules.0.limit.rate", /fast/],
  [rule("qos", {}), "rules.0.qos", /shapes nothing/],
  [rule("qos", { dscp: 64 }), "rules.0.qos.dscp", /64/],
  [rule("redirect", {}), "rules.0.redirect", /no via/],
  [{ policies: [{ name: "A", rules: [] }] }, "policies.0.name", /"A"/],
  [{ policies: [{ name: "a", rules: [] }] }, "policies.0", /no rules/],
  [{ ...rule("allow", {}), tests: [{ from: "a" }] }, "tests.0", /tests nothing/],
  [{ ...rule("allow", {}), answer: "shout" }, "answer", /shout/],
  [{ ...rule("allow", {}), groups: { a: "group:b", b: "*" } }, "groups.a", /another group/],
  [{ rules: Array(10_001).fill({ allow: { from: "*", to: "*" } }) }, "rules", /10000 are the most/],
];

Deno.test("readPolicyDocument() says what is wrong, and where", () => {
  for (const [value, path, problem] of wrong) {
    assert.throws(() => readPolicyDocument(value), (error) => {
      assert(error instanceof InvalidPolicyError, String(error));
      assert.match(error.message, problem);
      assert.equal(error.path.join("."), path, error.message);
      return true;
    });
  }
});
