/**
 * Reads a document from plain values.
 *
 * ```yaml
 * groups:
 *   backend: role in (api, db)
 * policies:
 *   - name: web-tier
 *     priority: 100
 *     rules:
 *       - allow: { from: role=web, to: group:backend, ports: tcp/5432 }
 * tests:
 *   - { from: web-1, accept: [db-1:5432], deny: [db-1:22] }
 * ```
 *
 * @module
 */

import { MAX_POLICIES, MAX_POLICY_GROUPS, MAX_POLICY_RULES, MAX_POLICY_TESTS } from "./bounds.ts";
import { InvalidPolicyError, type PolicyPath } from "./errors.ts";
import type { NetworkPolicy, PolicyDocument, PolicyRule, PolicyTest } from "./policy.ts";
import { readRules, readSelector } from "./read_rule.ts";
import { PlainValue } from "./value_reader.ts";

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const NAME_HINT = "Names are lower-case letters, digits and hyphens, 63 at most.";
const ID = /^[A-Za-z0-9._-]{1,128}$/;
const DOCUMENT = ["policies", "rules", "groups", "tests", "answer", "names"];
const POLICY = ["id", "name", "network", "networkId", "priority", "rules"];
const TEST = ["network", "networkId", "from", "source", "accept", "deny"];
const MAX_PRIORITY = 1_000_000;
const SHORT_POLICY = "default";

/**
 * Reads policies, in the long form or the short one. Rules that stand outside of a policy are those of one that is called
 * `default`, of the mesh, with priority 0.
 * @param value what YAML, JSON or a program has given
 * @throws InvalidPolicyError when it is none, or says nothing: what is empty neither allows nor denies everything
 */
export function readPolicyDocument(value: unknown): PolicyDocument {
  return readPolicySource(value).document;
}

/** A document, and what its rules are made of. */
export interface PolicySourceReading {
  readonly document: PolicyDocument;
  /** @returns where in the value a part of the document stands: one rule there may be several here */
  sourcePath(path: PolicyPath): PolicyPath;
}

/** Like `readPolicyDocument`, for those who must say where something stands. @throws InvalidPolicyError */
export function readPolicySource(value: unknown): PolicySourceReading {
  const root = new PlainValue(value);
  const sources: RuleSources = new Map();
  const document = readRoot(root, sources);
  return {
    document,
    sourcePath: (path) => {
      const [first, policy, second, rule, ...rest] = path;
      if (first !== "policies" || second !== "rules") return path;
      const read = document.policies[Number(policy)]?.rules[Number(rule)];
      const source = read && sources.get(read);
      return source === undefined ? path : [...source, ...rest];
    },
  };
}

/** Where each rule stands in the value. */
type RuleSources = Map<PolicyRule, PolicyPath>;

function readRoot(root: PlainValue, sources: RuleSources): PolicyDocument {
  if (!root.isGiven) {
    throw new InvalidPolicyError(
      "is empty",
      [],
      "`weft policy init` writes one; `weft policy remove` lets all pass.",
    );
  }
  root.object(DOCUMENT);
  const groups = readGroups(root.at("groups"));
  const policies = root.at("policies").list(MAX_POLICIES).map((policy) => readPolicy(policy, sources));
  const outside = root.at("rules");
  if (outside.isGiven) {
    const rules = readRuleList(outside, sources);
    policies.push({ id: SHORT_POLICY, name: SHORT_POLICY, networkId: "mesh", priority: 0, rules });
  }
  const count = policies.reduce((sum, { rules }) => sum + rules.length, 0);
  if (count === 0) {
    root.fail("has no rules", "`weft policy remove` lets all pass; one rule that denies all denies all.");
  }
  if (count > MAX_POLICY_RULES) root.fail(`has ${count} rules; ${MAX_POLICY_RULES} are the most`);
  checkUnique(policies);
  const document: PolicyDocument = {
    policies,
    groups,
    tests: root.at("tests").list(MAX_POLICY_TESTS).map(readTest),
    answer: root.at("answer").word(["drop", "reject"], "drop"),
    names: root.at("names").word(["show", "hide"], "show"),
  };
  checkGroups(document, sources);
  return document;
}

function readGroups(value: PlainValue): Readonly<Record<string, string>> {
  if (!value.isGiven) return {};
  if (typeof value.value !== "object" || value.value === null || Array.isArray(value.value)) {
    return value.fail("is no object of selectors by name");
  }
  const names = Object.keys(value.value).sort();
  if (names.length > MAX_POLICY_GROUPS) {
    value.fail(`has ${names.length} groups; ${MAX_POLICY_GROUPS} are the most`);
  }
  return Object.fromEntries(names.map((name) => {
    const group = value.at(name);
    if (!NAME.test(name)) group.fail("is no name of a group", NAME_HINT);
    const selector = readSelector(group);
    if (/\bgroup:/.test(selector)) group.fail("names another group", "Write its selector in its place.");
    return [name, selector];
  }));
}

function readPolicy(value: PlainValue, sources: RuleSources): NetworkPolicy {
  value.object(POLICY);
  const name = value.at("name").text();
  if (!NAME.test(name)) value.at("name").fail(`is ${JSON.stringify(name)}`, NAME_HINT);
  const id = value.at("id").isGiven ? value.at("id").text() : name;
  if (!ID.test(id)) {
    value.at("id").fail("is no id", "Ids are letters, digits, dots, hyphens and underscores.");
  }
  const rules = readRuleList(value.at("rules"), sources);
  if (rules.length === 0) value.fail("has no rules", "Take it out, or write one.");
  const priority = value.at("priority").integer(-MAX_PRIORITY, MAX_PRIORITY, 0);
  return { id, name, networkId: readNetwork(value), priority, rules };
}

function readRuleList(value: PlainValue, sources: RuleSources): readonly PolicyRule[] {
  return value.list(MAX_POLICY_RULES).flatMap((one) => {
    const rules = readRules(one);
    for (const rule of rules) sources.set(rule, one.path);
    return rules;
  });
}

function readTest(value: PlainValue): PolicyTest {
  value.object(TEST);
  const source = value.at("from").isGiven ? value.at("from") : value.at("source");
  const [accept = [], deny = []] = ["accept", "deny"].map((key) => {
    const attempts = value.at(key);
    return Array.isArray(attempts.value) || !attempts.isGiven
      ? attempts.list(MAX_POLICY_TESTS).map((attempt) => attempt.text())
      : [attempts.text()];
  });
  if (accept.length + deny.length === 0) value.fail("tests nothing", "It has accept, deny, or both.");
  const networkId = readNetwork(value);
  return { ...networkId !== "mesh" && { networkId }, source: source.text(), accept, deny };
}

function readNetwork(value: PlainValue): string {
  const given = value.at("network").isGiven ? value.at("network") : value.at("networkId");
  if (!given.isGiven) return "mesh";
  const name = given.text();
  return NAME.test(name) ? name : given.fail(`is ${JSON.stringify(name)}`, NAME_HINT);
}

function checkUnique(policies: readonly NetworkPolicy[]): void {
  for (const key of ["name", "id"] as const) {
    const seen = new Set<string>();
    for (const [i, policy] of policies.entries()) {
      if (seen.has(policy[key])) {
        throw new InvalidPolicyError(`is ${policy[key]}, as of another one`, ["policies", i, key]);
      }
      seen.add(policy[key]);
    }
  }
}

/** A group that is not there would mean nobody, in silence. */
function checkGroups({ policies, groups }: PolicyDocument, sources: RuleSources): void {
  for (const rule of policies.flatMap(({ rules }) => rules)) {
    for (const text of [rule.sourceSelector, rule.destinationSelector, rule.actionParams?.via ?? ""]) {
      if (/^\s*topic:/.test(text)) continue;
      for (const [, name = ""] of text.matchAll(/\bgroup:([A-Za-z0-9._-]+)/g)) {
        if (Object.hasOwn(groups, name)) continue;
        throw new InvalidPolicyError(`names the group ${name}, which is not there`, sources.get(rule) ?? []);
      }
    }
  }
}
