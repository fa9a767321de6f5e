/**
 * What a document's author should know: rules that mean nobody, that never match, and destinations that nothing reaches.
 * @module
 */

import {
  compilePolicy,
  type Inhabitant,
  InhabitantFinder,
  inhabitantsOf,
  MESH,
  type PolicyRoster,
} from "../compile/mod.ts";
import { isBelow, matchesTopic } from "../evaluate/mod.ts";
import { type PolicyDocument, type PolicyPath, PROTOCOL } from "../model/mod.ts";
import { decodeProgram, type ProgramNetwork, type ProgramRule, TARGET } from "../program/mod.ts";
import { type Expression, Selector } from "../selectors/mod.ts";
import { subtractPorts } from "./port_ranges.ts";

/** One thing that is allowed, and hardly meant. */
export interface PolicyWarning {
  /** Of the rule in the document, in its long form. */
  readonly path: PolicyPath;
  /** One sentence that begins with the rule, `web-tier#3: …`. */
  readonly message: string;
}

/** Looks a document through with the members that there are. @returns warnings in the document's order */
export function checkPolicy(document: PolicyDocument, roster: PolicyRoster): readonly PolicyWarning[] {
  const { networks, rules } = decodeProgram(compilePolicy(document, roster, { revision: "" }).bytes);
  const paths = new Map<string, PolicyPath>();
  for (const [i, policy] of document.policies.entries()) {
    for (const j of policy.rules.keys()) paths.set(`${policy.name}#${j + 1}`, ["policies", i, "rules", j]);
  }
  const found = new Map<string, string[]>();
  const warn = (rule: string, message: string): void => {
    found.set(rule, [...found.get(rule) ?? [], `${rule}: ${message}`]);
  };
  for (const network of networks) {
    const own = rules.slice(network.firstRule, network.firstRule + network.ruleCount);
    if (network.name !== MESH && !roster.networks.some(({ name }) => name === network.name)) {
      for (const { name } of own) warn(name, `there is no overlay network ${network.name}`);
      continue;
    }
    checkSelectors(document, network.name, inhabitantsOf(roster, network.name), warn);
    for (const [rule, message] of findShadowed(network, own)) warn(rule, message);
    for (const [rule, message] of findClosed(network, own)) warn(rule, message);
  }
  return [...paths].flatMap(([rule, path]) => (found.get(rule) ?? []).map((message) => ({ path, message })));
}

type Warn = (rule: string, message: string) => void;

function checkSelectors(
  document: PolicyDocument,
  network: string,
  inhabitants: readonly Inhabitant[],
  warn: Warn,
): void {
  const finder = new InhabitantFinder(inhabitants, document.groups);
  const known = new Map<string, readonly string[]>();
  for (const policy of document.policies) {
    if (policy.networkId !== network) continue;
    for (const [i, rule] of policy.rules.entries()) {
      for (const text of [rule.sourceSelector, rule.destinationSelector, rule.actionParams?.via ?? "*"]) {
        let problems = known.get(text);
        if (problems === undefined) known.set(text, problems = problemsOf(text, inhabitants, finder));
        for (const problem of problems) warn(`${policy.name}#${i + 1}`, problem);
      }
    }
  }
}

/** @returns what of a selector means nobody */
function problemsOf(
  text: string,
  inhabitants: readonly Inhabitant[],
  finder: InhabitantFinder,
): readonly string[] {
  if (text.trimStart().startsWith("topic:")) return [];
  const service = /^\s*service:(\S+)\s*$/.exec(text)?.[1];
  if (service !== undefined) {
    const isOffered = inhabitants.some(({ services }) =>
      services.some((offered) => isBelow(offered, service) || isBelow(service, offered))
    );
    return isOffered ? [] : [`nobody offers the service ${service}`];
  }
  const leaves = [...leavesOf(Selector.parse(text, { isOfPolicy: true }).expression)];
  const unknown = leaves.filter((leaf) => finder.find(leaf).length === 0);
  if (unknown.length > 0) return unknown.map((leaf) => `nobody is meant by ${leaf}`);
  // Blocks may be nobody's: their addresses are meant all the same.
  if (/\d[./]|::/.test(text) || finder.find(text).length > 0) return [];
  return [`nobody is meant by ${text}`];
}

function* leavesOf(expression: Expression): Generator<string> {
  switch (expression.kind) {
    case "not":
      return yield* leavesOf(expression.inner);
    case "all":
    case "any":
      for (const term of expression.terms) yield* leavesOf(term);
      return;
    case "comparison": {
      const { key, values } = expression;
      for (const value of values) yield `${key}=${value === "" ? '""' : value}`;
      return;
    }
    case "has-label":
      return yield expression.key;
    case "service":
      return yield `service:${expression.path}`;
    case "role":
      return yield `role:${expression.role}`;
    case "group":
    case "network":
      return yield `${expression.kind}:${expression.name}`;
  }
}

/** Rules of which all is decided by one that is asked before. */
function* findShadowed(
  network: ProgramNetwork,
  rules: readonly ProgramRule[],
): Generator<readonly [rule: string, message: string]> {
  const subsets = new Map<number, boolean>();
  const isSubset = (inner: number, outer: number): boolean => {
    if (inner === outer) return true;
    const key = inner * network.sets.length + outer;
    let answer = subsets.get(key);
    if (answer === undefined) {
      const others = new Set(network.sets[outer]);
      subsets.set(key, answer = network.sets[inner]?.every((one) => others.has(one)) ?? false);
    }
    return answer;
  };
  for (const [i, rule] of rules.entries()) {
    const role = roleOf(rule);
    for (let j = 0; j < i; j++) {
      const earlier = rules[j];
      if (earlier === undefined || roleOf(earlier) !== role || !coversWhat(earlier, rule)) continue;
      if (!isSubset(rule.source, earlier.source)) continue;
      const isSame = rule.target !== TARGET.SUBJECTS && earlier.target !== TARGET.SUBJECTS;
      if (!isSame && !isSubset(rule.destination, earlier.destination)) continue;
      const isContrary = role === "decide" && (earlier.type === "deny") !== (rule.type === "deny");
      const does = isContrary ? `, which says ${earlier.type},` : "";
      yield [rule.name, `it never matches, since ${earlier.name}${does} is asked before and means all of it`];
      break;
    }
  }
}

function roleOf({ type }: ProgramRule): string {
  return type === "limit" || type === "qos" ? type : "decide";
}

/** Whether all that a rule is for, whoever it is from and to, is what another one is for. */
function coversWhat(outer: ProgramRule, inner: ProgramRule): boolean {
  if (inner.target !== outer.target) return false;
  if (inner.target === TARGET.SERVICE) return isBelow(inner.path, outer.path);
  if (inner.target === TARGET.TOPIC) return inner.path === outer.path || matchesTopic(outer.path, inner.path);
  if (outer.protocol !== PROTOCOL.ANY && outer.protocol !== inner.protocol) return false;
  return covers(outer.sourcePorts, inner.sourcePorts) &&
    covers(outer.destinationPorts, inner.destinationPorts);
}

function covers(outer: Uint16Array, inner: Uint16Array): boolean {
  if (outer.length === 0) return true;
  return inner.length > 0 && subtractPorts([...inner], [...outer]).length === 0;
}

/** Denials of destinations to which no rule allows anything: whoever is a destination is denied all that is not allowed. */
function* findClosed(
  { sets }: ProgramNetwork,
  rules: readonly ProgramRule[],
): Generator<readonly [rule: string, message: string]> {
  const opened = new Set<number>();
  for (const { type, target, destination } of rules) {
    if (target !== TARGET.SUBJECTS || type !== "allow" && type !== "redirect") continue;
    for (const one of sets[destination] ?? []) opened.add(one);
  }
  for (const { name, type, target, destination } of rules) {
    const members = sets[destination] ?? [];
    if (type !== "deny" || target !== TARGET.SUBJECTS || members.length === 0) continue;
    if (members.some((one) => opened.has(one))) continue;
    yield [
      name,
      "no rule allows anything to its destination, so that nobody at all reaches it; allow the rest, too, if that is not meant",
    ];
  }
}
