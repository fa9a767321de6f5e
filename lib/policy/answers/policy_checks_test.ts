import assert from "node:assert/strict";
import { IpAddress } from "../../net/mod.ts";
import type { PolicyRoster } from "../compile/mod.ts";
import { definePolicy, type RuleSource } from "../model/mod.ts";
import { checkPolicy } from "./mod.ts";

const roster: PolicyRoster = {
  members: ["web-1", "db-1"].map((name, i) => ({
    id: name,
    name,
    labels: { role: name.split("-")[0] ?? "" },
    addresses: [IpAddress.parse(`10.200.0.${i + 1}`) ?? assert.fail()],
    services: name === "db-1" ? ["orders"] : [],
    roles: ["member"],
    blocks: [],
  })),
  networks: [],
};

/** Rules, and what is said of them. */
const documents: Readonly<Record<string, readonly [readonly RuleSource[], readonly RegExp[]]>> = {
  "rules that are well": [[
    { allow: { from: "role=web", to: "role=db", ports: "tcp/5432" } },
    { allow: { from: "*", to: "203.0.113.0/24" } },
    { allow: { from: "role=web", to: "service:orders/refund" } },
    { allow: { from: "!role:leader", to: "topic:metrics/>" } },
  ], [/#4: nobody is meant by role:leader/]],
  "an unknown label and service": [[
    { allow: { from: "role=wbe", to: "role in (db, cache)" } },
    { allow: { from: "tier", to: "service:payments" } },
  ], [
    /^p#1: nobody is meant by role=wbe$/,
    /^p#1: nobody is meant by role=cache$/,
    /^p#2: nobody is meant by tier$/,
    /^p#2: nobody offers the service payments$/,
  ]],
  "a service among members": [
    [{ allow: { from: "role=web", to: "service:orders || role=db" } }],
    [/^p#1: a service among members means those that offer it/],
  ],
  "labels that nobody has together": [
    [{ allow: { from: "role=web && name=db-1", to: "role=db" } }],
    [/nobody is meant by role=web && name=db-1/],
  ],
  "a rule that a denial covers": [[
    { allow: { from: "role=web", to: "role=db", ports: "tcp/80" } },
    { deny: { from: "*", to: "role=db", ports: ["tcp/1-1000"] } },
    { allow: { from: "*", to: "role=db", ports: "tcp/22,2000" } },
  ], [/^p#1: it never matches, since p#2, which says deny, is asked before/]],
  "a rule that is there twice": [[
    { allow: { from: "*", to: "role=db" } },
    { allow: { from: "role=web", to: "role=db", ports: "udp/53" } },
    { limit: { from: "*", to: "role=db", rate: "1mbit" } },
    { limit: { from: "role=web", to: "role=db", rate: "2mbit" } },
    { allow: { from: "*", to: "service:orders" } },
    { allow: { from: "role=web", to: "service:orders/list" } },
  ], [/^p#2: it never matches, since p#1 is/, /^p#4: it never matches/, /^p#6: it never matches, since p#5/]],
  "a denial by itself": [
    [{ deny: { from: "role=web", to: "role=db", ports: "tcp/22" } }],
    [/^p#1: no rule allows anything to its destination/],
  ],
};
for (const [name, [rules, wanted]] of Object.entries(documents)) {
  Deno.test(`checkPolicy() looks through ${name}`, () => {
    const warnings = checkPolicy(definePolicy({ policies: [{ name: "p", rules }] }), roster);
    assert.equal(warnings.length, wanted.length, JSON.stringify(warnings));
    for (const [i, pattern] of wanted.entries()) assert.match(warnings[i]?.message ?? "", pattern);
    for (const { path, message } of warnings) {
      assert.deepEqual(path, ["policies", 0, "rules", Number(/#(\d+)/.exec(message)?.[1]) - 1]);
    }
  });
}

Deno.test("checkPolicy() names a network that is not there", () => {
  const rules = [{ allow: { from: "*", to: "*" } }];
  const [warning] = checkPolicy(definePolicy({ policies: [{ name: "p", network: "blue", rules }] }), roster);
  assert.match(warning?.message ?? "", /there is no overlay network blue/);
});

Deno.test("checkPolicy() says that frames are not redirected", () => {
  const blue = {
    name: "blue",
    endpoints: roster.members.map((member) => ({ ...member, member: member.id })),
  };
  const rules = [{ redirect: { from: "*", to: "name=db-1", via: "name=web-1" } }];
  const document = definePolicy({ policies: [{ name: "p", network: "blue", rules }] });
  const warnings = checkPolicy(document, { ...roster, networks: [blue] });
  assert.deepEqual(warnings.map(({ message }) => message), [
    "p#1: in an overlay network nothing is redirected: what it matches is dropped",
  ]);
});
