import assert from "node:assert/strict";
import { Cidr, IpAddress } from "../../net/mod.ts";
import { compilePolicy, type PolicyRoster, type RosterMember } from "../compile/mod.ts";
import type { NetworkPolicy, PolicyDocument, PolicyRule } from "../model/mod.ts";
import { NO_RULE, type PolicyEvaluator, readProgram } from "./mod.ts";

const address = (text: string): IpAddress => IpAddress.parse(text) ?? assert.fail(text);
const block = (text: string): Cidr => Cidr.parse(text) ?? assert.fail(text);

function member(
  name: string,
  text: string,
  role: string,
  blocks: string[] = [],
  services: string[] = [],
): RosterMember {
  return {
    id: `id-${name}`,
    name,
    labels: { role },
    addresses: [address(text)],
    services,
    roles: ["member"],
    blocks: blocks.map(block),
  };
}

const roster: PolicyRoster = {
  members: [
    member("web-1", "10.200.0.1", "web"),
    member("web-2", "10.200.0.2", "web"),
    member("db-1", "10.200.0.3", "db", [], ["orders"]),
    member("gw-1", "10.200.0.4", "gateway", ["192.168.1.0/24"]),
    member("inspect-1", "fd00::5", "inspect"),
  ],
  networks: [],
};

function rule(
  type: PolicyRule["type"],
  from: string,
  to: string,
  protocol?: string,
  ports?: string,
  via?: string,
): PolicyRule {
  return {
    type,
    sourceSelector: from,
    destinationSelector: to,
    protocol: protocol ?? "*",
    destinationPortRange: ports,
    actionParams: via === undefined ? undefined : { via },
  };
}

function policy(rules: readonly PolicyRule[], priority = 0, name = "p"): NetworkPolicy {
  return { id: name, name, networkId: "mesh", priority, rules };
}

function documentOf(...policies: readonly NetworkPolicy[]): PolicyDocument {
  return { policies, groups: { front: "role=web" }, tests: [], answer: "drop", names: "show" };
}

function evaluatorOf(...policies: readonly NetworkPolicy[]): PolicyEvaluator {
  return readProgram(compilePolicy(documentOf(...policies), roster, { revision: "0123456789abcdef" }).bytes);
}

function ask(evaluator: PolicyEvaluator, from: string, to: string, protocol: number, port: number) {
  const subject = (text: string): number => {
    const found = IpAddress.parse(text);
    return found === undefined
      ? evaluator.subjectOf(0, `id-${text}`)
      : evaluator.subjectAt(0, found.bytes, 0, found.family === 4 ? 4 : 16);
  };
  return evaluator.decide(0, subject(from), subject(to), protocol, 40_000, port);
}

Deno.test("readProgram(): what no rule is for is allowed, what one is for is denied but for what it allows", () => {
  const evaluator = evaluatorOf(policy([rule("allow", "group:front", "role=db", "tcp", "5432")]));
  assert.equal(evaluator.revision, "0123456789abcdef");
  assert.deepEqual(evaluator.ruleNames, ["p#1"]);
  assert.equal(evaluator.networkNumber("mesh"), 0);
  assert.equal(evaluator.networkNumber("blue"), undefined);
  const named = ask(evaluator, "web-1", "db-1", 6, 5432);
  assert.deepEqual([named.isAllowed, named.rule], [true, 0]);
  assert.equal(ask(evaluator, "10.200.0.2", "10.200.0.3", 6, 5432).isAllowed, true);
  assert.deepEqual(ask(evaluator, "web-1", "db-1", 6, 5433).isAllowed, false);
  assert.equal(ask(evaluator, "web-1", "db-1", 17, 5432).isAllowed, false);
  assert.equal(ask(evaluator, "gw-1", "db-1", 6, 5432).rule, NO_RULE);
  assert.equal(ask(evaluator, "gw-1", "db-1", 6, 5432).isAllowed, false);
  assert.equal(ask(evaluator, "db-1", "web-1", 6, 22).isAllowed, true);
  assert.equal(ask(evaluator, "db-1", "db-1", 6, 22).isAllowed, true);
  assert.equal(ask(evaluator, "8.8.8.8", "db-1", 6, 5432).isAllowed, false);
});

Deno.test("readProgram(): a higher priority is asked first, and within one deny, then redirect, then allow", () => {
  const allow = rule("allow", "*", "role=db");
  const deny = rule("deny", "role=web", "role=db", "tcp", "22,80-90");
  const both = evaluatorOf(policy([allow, deny]));
  assert.deepEqual(both.ruleNames, ["p#2", "p#1"]);
  assert.equal(ask(both, "web-1", "db-1", 6, 85).isAllowed, false);
  assert.equal(ask(both, "web-1", "db-1", 6, 91).isAllowed, true);
  const higher = evaluatorOf(policy([deny]), policy([allow], 5, "q"));
  assert.deepEqual(higher.ruleNames, ["q#1", "p#1"]);
  assert.equal(ask(higher, "web-1", "db-1", 6, 22).isAllowed, true);
  const via = evaluatorOf(
    policy([allow, rule("redirect", "role=web", "role=db", "tcp", "80", "name=inspect-1")]),
  );
  assert.deepEqual(ask(via, "web-1", "db-1", 6, 80).via, [via.subjectOf(0, "id-inspect-1")]);
  assert.deepEqual(ask(via, "web-1", "db-1", 6, 81).via, []);
  const nobody = evaluatorOf(
    policy([allow, rule("redirect", "role=web", "role=db", "tcp", "80", "name=gone")]),
  );
  assert.equal(ask(nobody, "web-1", "db-1", 6, 80).isAllowed, false);
});

Deno.test("readProgram(): networks behind a device are its own, and blocks of rules are nobody's", () => {
  const evaluator = evaluatorOf(policy([
    rule("allow", "role=web", "192.168.1.128/25", "tcp"),
    rule("allow", "role=gateway", "203.0.113.0/24"),
    rule("deny", "role=db", "role!=db"),
  ]));
  assert.equal(ask(evaluator, "web-1", "192.168.1.200", 6, 1).isAllowed, true);
  assert.equal(ask(evaluator, "web-1", "192.168.1.200", 17, 1).isAllowed, false);
  assert.equal(ask(evaluator, "gw-1", "192.168.1.200", 17, 1).isAllowed, true);
  assert.equal(ask(evaluator, "192.168.1.3", "203.0.113.9", 17, 1).isAllowed, true);
  assert.equal(ask(evaluator, "web-1", "203.0.113.9", 17, 1).isAllowed, false);
  assert.equal(ask(evaluator, "db-1", "192.168.1.3", 6, 1).isAllowed, false);
  // What is nobody's is neither role=db nor its opposite.
  assert.equal(ask(evaluator, "db-1", "198.51.100.1", 6, 1).isAllowed, true);
});

Deno.test("readProgram(): calls and events", () => {
  const evaluator = evaluatorOf(policy([
    rule("allow", "role=web", "service:orders"),
    rule("deny", "name=web-2", "service:orders/refund"),
    rule("allow", "role=db", "topic:metrics/>"),
  ]));
  const [web1 = 0, web2 = 0, db = 0, gw = 0] = ["web-1", "web-2", "db-1", "gw-1"].map((name) =>
    evaluator.subjectOf(0, `id-${name}`)
  );
  assert.equal(evaluator.decideCall(web1, db, "orders/refund").isAllowed, true);
  assert.equal(evaluator.decideCall(web2, db, "orders/refund/all").isAllowed, false);
  assert.equal(evaluator.decideCall(web2, db, "mesh:orders/list").isAllowed, true);
  assert.equal(evaluator.decideCall(gw, db, "orders").isAllowed, false);
  assert.equal(evaluator.decideCall(gw, db, "ordersx").isAllowed, true);
  assert.equal(evaluator.decideCall(gw, db, "$registry/list").isAllowed, true);
  assert.equal(evaluator.decideEvent(db, gw, "metrics/cpu").isAllowed, true);
  assert.equal(evaluator.decideEvent(web1, gw, "metrics/cpu").isAllowed, false);
  assert.equal(evaluator.decideEvent(web1, 0, "metrics/cpu/0").isAllowed, false);
  assert.equal(evaluator.decideEvent(web1, gw, "metrics").isAllowed, true);
  assert.equal(evaluator.mayReach(0, gw, db), true);
});
