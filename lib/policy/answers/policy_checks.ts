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
import {
  ClassIndex,
  DecisionTable,
  isBelow,
  matchesTopic,
  PairRules,
  type PortTable,
} from "../evaluate/mod.ts";
import { type PolicyDocument, type PolicyPath, PROTOCOL } from "../model/mod.ts";
import {
  classesIn,
  decodeProgram,
  isInSet,
  type ProgramNetwork,
  type ProgramRule,
  type ProgramSet,
  TARGET,
} from "../program/mod.ts";
import { type Expression, Selector } from "../selectors/mod.ts";

/** A service as one of several terms; alone it means its calls. */
const SERVICE_TERM = /[\s(!]service:|^service:\S+\s+\S/;

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
    for (const { name, type } of network.name === MESH ? [] : own) {
      // Frames are switched, not routed: nobody would take them on the way.
      if (type === "redirect") {
        warn(name, "in an overlay network nothing is redirected: what it matches is dropped");
      }
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
      if (rule.protocol === "*" && SERVICE_TERM.test(rule.destinationSelector)) {
        warn(
          `${policy.name}#${i + 1}`,
          "a service among members means those that offer it, with all that they have",
        );
      }
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
  const unknown = leaves.filter((leaf) => !finder.findsAny(leaf));
  if (unknown.length > 0) return unknown.map((leaf) => `nobody is meant by ${leaf}`);
  // Blocks may be nobody's: their addresses are meant all the same.
  if (/\d[./]|::/.test(text) || finder.findsAny(text)) return [];
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
  const search = new ShadowSearch(network, rules);
  for (const [i, rule] of rules.entries()) {
    if (search.isExhausted) {
      return yield [
        rule.name,
        "rules from here on were not compared with those before them: there are too many",
      ];
    }
    const earlier = search.shadowOf(i, rule);
    if (earlier === undefined) continue;
    const isContrary = roleOf(rule) === "decide" && (earlier.type === "deny") !== (rule.type === "deny");
    const does = isContrary ? `, which says ${earlier.type},` : "";
    yield [rule.name, `it never matches, since ${earlier.name}${does} is asked before and means all of it`];
  }
}

// Candidates that are gone through in all: some 100 ms. Who runs it answers nobody meanwhile.
const MAX_COMPARISONS = 1_000_000;

/**
 * Finds the rule that leaves nothing to another. One pair that a rule means is laid out as for packets, and a rule that has
 * an interval of its own there is alive; only the others are compared with those before them, one by one.
 */
class ShadowSearch {
  readonly #network: ProgramNetwork;
  readonly #rules: readonly ProgramRule[];
  readonly #index: ClassIndex;
  readonly #pairs = new Map<number, PairRules>();
  readonly #alive = new Map<PortTable, ReadonlySet<number>>();
  readonly #byPath = new Map<string, number[]>();
  readonly #topics: readonly number[];
  #left = MAX_COMPARISONS;

  constructor(network: ProgramNetwork, rules: readonly ProgramRule[]) {
    this.#network = network;
    this.#rules = rules;
    this.#index = new ClassIndex(network, rules);
    this.#topics = [...rules.keys()].filter((place) => rules[place]?.target === TARGET.TOPIC);
    for (const [place, { target, path }] of rules.entries()) {
      if (target !== TARGET.SERVICE) continue;
      const places = this.#byPath.get(path);
      if (places === undefined) this.#byPath.set(path, [place]);
      else places.push(place);
    }
  }

  get isExhausted(): boolean {
    return this.#left <= 0;
  }

  shadowOf(place: number, rule: ProgramRule): ProgramRule | undefined {
    for (const other of this.#candidates(place, rule)) {
      if (other >= place || this.#left-- <= 0) break;
      const earlier = this.#rules[other];
      if (earlier === undefined || roleOf(earlier) !== roleOf(rule) || !coversWhat(earlier, rule)) continue;
      if (!this.#isSubset(rule.source, earlier.source)) continue;
      const isOfSubjects = rule.target === TARGET.SUBJECTS;
      if (!isOfSubjects || this.#isSubset(rule.destination, earlier.destination)) return earlier;
    }
    return undefined;
  }

  /** @returns places of rules that may mean all that a rule means, in order; none where it is known to be alive */
  #candidates(place: number, rule: ProgramRule): Iterable<number> {
    if (rule.target === TARGET.TOPIC) return this.#topics;
    if (rule.target === TARGET.SERVICE) {
      const ends = [...rule.path.matchAll(/\/|$/g)].map(({ index }) => rule.path.slice(0, index));
      return ends.flatMap((path) => this.#byPath.get(path) ?? []).sort((a, b) => a - b);
    }
    const [from, to] = [this.#firstOf(rule.source), this.#firstOf(rule.destination)];
    if (from === undefined || to === undefined) return [];
    const key = from * this.#network.classCount + to;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      const candidates = this.#index.candidates(this.#index.get(from), this.#index.get(to));
      this.#left -= candidates.length;
      pair = new PairRules(this.#rules, candidates, new DecisionTable(this.#rules, 0, false), true);
      this.#pairs.set(key, pair);
    }
    // A rule for all protocols is alive where no other one is named.
    if (!pair.hasTable(rule.protocol)) this.#left -= pair.candidates.length;
    const table = pair.table(rule.protocol);
    let alive = this.#alive.get(table);
    if (alive === undefined) this.#alive.set(table, alive = table.alive());
    return alive.has(place) ? [] : pair.candidates;
  }

  #isSubset(inner: number, outer: number): boolean {
    if (inner === outer) return true;
    const { sets, classCount } = this.#network;
    const [set, others] = [sets[inner] ?? NOBODY, sets[outer] ?? NOBODY];
    // All but a few: as much work as there are classes.
    this.#left -= set.isInverted ? classCount : set.listed.length;
    return classesIn(set, classCount).every((one) => isInSet(others, one));
  }

  #firstOf(set: number): number | undefined {
    const { isInverted, listed } = this.#network.sets[set] ?? NOBODY;
    if (!isInverted) return listed[0];
    let one = 0;
    while (listed[one] === one) one++;
    return one < this.#network.classCount ? one : undefined;
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

/** Whether each range of one lies within a range of the other: ranges that touch are joined when they are read. */
function covers(outer: Uint16Array, inner: Uint16Array): boolean {
  if (outer.length === 0) return true;
  let at = 0;
  for (let i = 0; i < inner.length; i += 2) {
    while (at < outer.length && (outer[at + 1] ?? 0) < (inner[i] ?? 0)) at += 2;
    if (at >= outer.length) return false;
    if ((outer[at] ?? 0) > (inner[i] ?? 0) || (outer[at + 1] ?? 0) < (inner[i + 1] ?? 0)) return false;
  }
  return inner.length > 0;
}

/** Denials of destinations to which no rule allows anything: whoever is a destination is denied all that is not allowed. */
function* findClosed(
  { sets, classCount }: ProgramNetwork,
  rules: readonly ProgramRule[],
): Generator<readonly [rule: string, message: string]> {
  const destinationsOf = (types: readonly string[]): ReadonlySet<number> =>
    new Set(
      rules.filter(({ type, target }) => target === TARGET.SUBJECTS && types.includes(type)).map((rule) =>
        rule.destination
      ),
    );
  const opened = new Set<number>();
  for (const set of destinationsOf(["allow", "redirect"])) {
    for (const one of classesIn(sets[set] ?? NOBODY, classCount)) opened.add(one);
    if (opened.size === classCount) return;
  }
  const closed = new Set<number>();
  for (const set of destinationsOf(["deny"])) {
    const classes = classesIn(sets[set] ?? NOBODY, classCount);
    if (classes.length > 0 && !classes.some((one) => opened.has(one))) closed.add(set);
  }
  for (const { name, type, target, destination } of rules) {
    if (type !== "deny" || target !== TARGET.SUBJECTS || !closed.has(destination)) continue;
    yield [
      name,
      "no rule allows anything to its destination, so that nobody at all reaches it; allow the rest, too, if that is not meant",
    ];
  }
}

const NOBODY: ProgramSet = { isInverted: false, listed: new Uint32Array() };
