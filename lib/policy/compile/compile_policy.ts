/**
 * From a document and a roster to a program.
 * @module
 */

import type { Cidr } from "../../net/mod.ts";
import {
  type ActionParams,
  type NetworkPolicy,
  parseBurst,
  parseDscp,
  parsePorts,
  parseProtocol,
  parseRate,
  type PolicyDocument,
  type PolicyRule,
  type PortRange,
  PROTOCOL,
  readServicePath,
  readTarget,
  type RuleType,
} from "../model/mod.ts";
import {
  encodeProgram,
  type Program,
  type ProgramNetwork,
  type ProgramRule,
  TARGET,
} from "../program/mod.ts";
import { type Expression, Selector } from "../selectors/mod.ts";
import { type Inhabitant, layOut } from "./address_space.ts";
import { MESH, type PolicyRoster } from "./roster.ts";
import { inhabitantsOf } from "./inhabitants.ts";
import { SubjectBits } from "./subject_bits.ts";
import { classify } from "./subject_classes.ts";
import { SubjectIndex } from "./subject_index.ts";

/** Rules of one type within one priority are asked before those of the next. */
const TYPE_ORDER: readonly RuleType[] = ["deny", "redirect", "allow", "limit", "qos"];
// Groups do not name groups; a document that was never read might.
const MAX_GROUP_DEPTH = 4;
const NOBODY_AT_ALL = "!*";
const NO_DSCP = 255;
const NO_PORTS = new Uint16Array();
const NOBODY = new Uint32Array();
// What comes in 100 ms, and a superpacket at least: 64 KiB, or the 64 packets it is at most cut into.
const BURST_SECONDS = 0.1;
const MIN_BURST_BYTES = 65_536;
const MIN_BURST_PACKETS = 64;

/** A program as bytes, and what its author should know. */
export interface PolicyProgram {
  /** What `readProgram` reads. */
  readonly bytes: Uint8Array;
  /** Selectors that mean nobody, networks that are not there: one line each. */
  readonly warnings: readonly string[];
}

/** What a program is told about its origin. */
export interface CompileOptions {
  /** Of the document: 16 hexadecimal digits. */
  readonly revision: string;
}

/**
 * Resolves the selectors of a document against the members that there are.
 * @param document as `readPolicyDocument` gives it
 * @throws InvalidSelectorError, or RangeError, for a document that was never read
 */
export function compilePolicy(
  document: PolicyDocument,
  roster: PolicyRoster,
  options: CompileOptions,
): PolicyProgram {
  const warnings: string[] = [];
  const networks: ProgramNetwork[] = [];
  const rules: ProgramRule[] = [];
  for (const name of new Set(document.policies.map((policy) => policy.networkId))) {
    if (name !== MESH && !roster.networks.some((network) => network.name === name)) {
      warnings.push(`no overlay network is called ${name}`);
    }
    const compiled = new NetworkCompiler(document, inhabitantsOf(roster, name), name);
    warnings.push(...compiled.warnings);
    networks.push({ ...compiled.network, firstRule: rules.length });
    rules.push(...compiled.rules);
  }
  const hidesNames = document.names === "hide";
  const rejects = document.answer === "reject";
  const program: Program = { revision: options.revision, hidesNames, rejects, rules, networks };
  return { bytes: encodeProgram(program), warnings };
}

interface OrderedRule {
  readonly policy: NetworkPolicy;
  readonly rule: PolicyRule;
  readonly name: string;
}

class NetworkCompiler {
  readonly rules: ProgramRule[] = [];
  readonly network: ProgramNetwork;
  readonly warnings: string[] = [];
  readonly #document: PolicyDocument;
  readonly #selectors = new Map<string, Selector>();
  readonly #index: SubjectIndex;
  readonly #size: number;
  readonly #sets: SubjectBits[] = [];
  readonly #setNumbers = new Map<string, number>();

  constructor(document: PolicyDocument, inhabitants: readonly Inhabitant[], name: string) {
    this.#document = document;
    const ordered = inOrder(document, name);
    const space = layOut(inhabitants, this.#namedBlocks(ordered));
    this.#index = new SubjectIndex(space, (group) => this.#group(group));
    this.#size = space.size;
    for (const { rule, name } of ordered) this.rules.push(this.#compile(rule, name));
    const { classes, classCount, sets } = classify(this.#sets, space.size);
    this.network = {
      name,
      firstRule: 0,
      ruleCount: this.rules.length,
      ids: inhabitants.map((inhabitant) => inhabitant.id),
      owners: space.owners,
      classes,
      classCount,
      sets,
      prefixes: space.prefixes,
    };
  }

  #compile(rule: PolicyRule, name: string): ProgramRule {
    const protocol = parseProtocol(rule.protocol) ?? fail(name, "protocol", rule.protocol);
    const target = readTarget(rule.destinationSelector, protocol);
    const { answer, via } = rule.actionParams ?? {};
    const isRedirect = rule.type === "redirect" && via !== undefined;
    return {
      name,
      type: rule.type,
      source: this.#set(rule.sourceSelector, name),
      target: target.kind === "subjects"
        ? TARGET.SUBJECTS
        : target.kind === "service"
        ? TARGET.SERVICE
        : TARGET.TOPIC,
      destination: target.kind === "subjects"
        ? this.#set(target.selector, name)
        : target.kind === "service"
        ? this.#offering(target.path)
        : this.#setOf("nobody", () => new SubjectBits(this.#size)),
      path: target.kind === "service"
        ? withNetwork(target.path)
        : target.kind === "topic"
        ? withNetwork(target.pattern)
        : "",
      protocol,
      sourcePorts: flat(parsePorts(rule.sourcePortRange) ?? fail(name, "ports", rule.sourcePortRange)),
      destinationPorts: flat(
        parsePorts(rule.destinationPortRange) ?? fail(name, "ports", rule.destinationPortRange),
      ),
      isRejected: (rule.type === "deny" || rule.type === "redirect") &&
        (answer ?? this.#document.answer) === "reject",
      via: isRedirect ? this.#members(via, name) : NOBODY,
      viaService: isRedirect ? withNetwork(readServicePath(via) ?? "") : "",
      ...shapeOf(
        rule,
        target.kind === "subjects" && protocol < PROTOCOL.CALL || protocol >= PROTOCOL.ETHERTYPE,
        name,
      ),
    };
  }

  /** @returns the number of the set of those that a selector means */
  #set(text: string, name: string): number {
    return this.#setOf(`selector ${text}`, () => {
      const found = this.#index.find(this.#selector(text));
      if (found.count === 0) this.warnings.push(`${name}: nobody is meant by ${text}`);
      return found;
    });
  }

  /** Those of whom a call of the path, or of what is above or below it, could be answered. */
  #offering(path: string): number {
    return this.#setOf(`offering ${path}`, () => this.#index.offering(path));
  }

  #setOf(key: string, make: () => SubjectBits): number {
    const known = this.#setNumbers.get(key);
    if (known !== undefined) return known;
    this.#setNumbers.set(key, this.#sets.length);
    return this.#sets.push(make()) - 1;
  }

  /** Members by which something goes: regions of addresses are nobody's host. */
  #members(text: string, name: string): Uint32Array {
    const found = this.#index.find(this.#selector(text)).members();
    const members = found.filter((subject) => subject > 0 && subject <= this.#index.inhabitantCount);
    if (members.length === 0) {
      this.warnings.push(`${name}: nobody is meant by ${text}, so that what it redirects is denied`);
    }
    return members;
  }

  #selector(text: string): Selector {
    const known = this.#selectors.get(text);
    if (known !== undefined) return known;
    const selector = Selector.parse(text, { isOfPolicy: true });
    this.#selectors.set(text, selector);
    return selector;
  }

  #group(name: string): Selector {
    const { groups } = this.#document;
    return this.#selector(Object.hasOwn(groups, name) ? groups[name] ?? NOBODY_AT_ALL : NOBODY_AT_ALL);
  }

  #namedBlocks(ordered: readonly OrderedRule[]): readonly Cidr[] {
    const blocks = new Map<string, Cidr>();
    for (const { rule } of ordered) {
      const target = readTarget(rule.destinationSelector, parseProtocol(rule.protocol) ?? PROTOCOL.ANY);
      const texts = [rule.sourceSelector, ...target.kind === "subjects" ? [target.selector] : []];
      for (const text of texts) {
        for (const block of this.#blocksOf(this.#selector(text).expression)) {
          blocks.set(block.toString(), block);
        }
      }
    }
    return [...blocks.values()];
  }

  *#blocksOf(expression: Expression, depth = 0): Generator<Cidr> {
    if (expression.kind === "address") yield expression.block;
    else if (expression.kind === "not") yield* this.#blocksOf(expression.inner, depth);
    else if (expression.kind === "all" || expression.kind === "any") {
      for (const term of expression.terms) yield* this.#blocksOf(term, depth);
    } else if (expression.kind === "group" && depth < MAX_GROUP_DEPTH) {
      yield* this.#blocksOf(this.#group(expression.name).expression, depth + 1);
    }
  }
}

function inOrder(document: PolicyDocument, name: string): readonly OrderedRule[] {
  return document.policies
    .filter((policy) => policy.networkId === name)
    .flatMap((policy) =>
      policy.rules.map((rule, i): OrderedRule => ({ policy, rule, name: `${policy.name}#${i + 1}` }))
    )
    // Sorting is stable, so that the file's order is left where nothing else decides.
    .sort((a, b) =>
      b.policy.priority - a.policy.priority ||
      TYPE_ORDER.indexOf(a.rule.type) - TYPE_ORDER.indexOf(b.rule.type)
    );
}

/** Paths and patterns are compared with the network of their topics. */
function withNetwork(path: string): string {
  return path === "" || path.includes(":") ? path : `mesh:${path}`;
}

function flat(ranges: readonly PortRange[]): Uint16Array {
  return ranges.length === 0 ? NO_PORTS : Uint16Array.from(ranges.flat());
}

function shapeOf(
  rule: PolicyRule,
  isOfPackets: boolean,
  name: string,
): Pick<ProgramRule, "bytesPerSecond" | "itemsPerSecond" | "burst" | "dscp"> {
  const none = { bytesPerSecond: 0, itemsPerSecond: 0, burst: 0, dscp: NO_DSCP };
  if (rule.type !== "limit" && rule.type !== "qos") return none;
  const { rate, burst, dscp }: ActionParams = rule.actionParams ?? {};
  const { bytesPerSecond, itemsPerSecond } = rate === undefined
    ? none
    : parseRate(rate) ?? fail(name, "rate", rate);
  const given = burst === undefined ? undefined : parseBurst(burst) ?? fail(name, "burst", burst);
  const usual = itemsPerSecond > 0
    ? Math.max(Math.ceil(itemsPerSecond * BURST_SECONDS), isOfPackets ? MIN_BURST_PACKETS : 1)
    : Math.max(Math.ceil(bytesPerSecond * BURST_SECONDS), MIN_BURST_BYTES);
  return {
    bytesPerSecond,
    itemsPerSecond,
    burst: given?.amount ?? (rate === undefined ? 0 : usual),
    dscp: dscp === undefined ? NO_DSCP : parseDscp(dscp) ?? fail(name, "mark", `${dscp}`),
  };
}

function fail(name: string, what: string, text: string | undefined): never {
  throw new RangeError(`Cannot compile ${name}: ${text} is no ${what}`);
}
