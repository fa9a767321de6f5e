/**
 * Reads a program and decides by it.
 * @module
 */

import { PrefixTrie } from "../../net/mod.ts";
import { PROTOCOL, sameProtocol } from "../model/mod.ts";
import {
  decodeProgram,
  type Program,
  type ProgramNetwork,
  type ProgramRule,
  TARGET,
} from "../program/mod.ts";
import {
  type Decision,
  NO_RULE,
  type PolicyEvaluator,
  type RuleNumber,
  type Shape,
  type SubjectNumber,
} from "./decision.ts";
import { isBelow, isInternal, matchesTopic, qualified } from "./topic_match.ts";

/**
 * Reads what `compilePolicy` made.
 * @throws ProgramFormatError when the bytes are no program
 */
export function readProgram(bytes: Uint8Array): PolicyEvaluator {
  return new ProgramEvaluator(decodeProgram(bytes));
}

class ProgramEvaluator implements PolicyEvaluator {
  readonly revision: string;
  readonly ruleNames: readonly string[];
  readonly hidesNames: boolean;
  readonly #networks: readonly NetworkEvaluator[];
  readonly #rules: readonly ProgramRule[];
  readonly #mesh: NetworkEvaluator | undefined;

  constructor(program: Program) {
    this.revision = program.revision;
    this.hidesNames = program.hidesNames;
    this.#rules = program.rules;
    this.ruleNames = program.rules.map((rule) => rule.name);
    this.#networks = program.networks.map((network) => new NetworkEvaluator(network, program.rules));
    this.#mesh = this.#networks.find((network) => network.name === "mesh");
  }

  networkNumber(name: string): number | undefined {
    const number = this.#networks.findIndex((network) => network.name === name);
    return number < 0 ? undefined : number;
  }

  subjectAt(network: number, bytes: Uint8Array, at: number, addressBytes: 4 | 16): SubjectNumber {
    return this.#network(network).subjectAt(bytes, at, addressBytes);
  }

  subjectOf(network: number, id: string): SubjectNumber {
    return this.#network(network).subjectOf(id);
  }

  isRestricted(network: number, destination: SubjectNumber): boolean {
    return this.#network(network).isNamed(destination);
  }

  decide(
    network: number,
    source: SubjectNumber,
    destination: SubjectNumber,
    protocol: number,
    sourcePort: number,
    destinationPort: number,
  ): Decision {
    return this.#network(network).decide(
      source,
      destination,
      sameProtocol(protocol),
      sourcePort,
      destinationPort,
      "",
    );
  }

  decideFrame(
    network: number,
    source: SubjectNumber,
    destination: SubjectNumber,
    etherType: number,
  ): Decision {
    return this.#network(network).decide(source, destination, PROTOCOL.ETHERTYPE + etherType, 0, 0, "");
  }

  decideCall(source: SubjectNumber, destination: SubjectNumber, path: string): Decision {
    return this.#decidePath(source, destination, PROTOCOL.CALL, path);
  }

  decideEvent(source: SubjectNumber, destination: SubjectNumber, topic: string): Decision {
    return this.#decidePath(source, destination, PROTOCOL.EVENT, topic);
  }

  mayReach(network: number, source: SubjectNumber, destination: SubjectNumber): boolean {
    return this.#network(network).mayReach(source, destination);
  }

  shapeOf(rule: RuleNumber): Shape | undefined {
    const found = this.#rules[rule];
    if (found?.type !== "limit" && found?.type !== "qos") return undefined;
    const { bytesPerSecond, itemsPerSecond, burst, dscp } = found;
    return { bytesPerSecond, itemsPerSecond, burst, dscp: dscp > 63 ? undefined : dscp };
  }

  #decidePath(source: SubjectNumber, destination: SubjectNumber, protocol: number, path: string): Decision {
    const whole = qualified(path);
    if (this.#mesh === undefined || isInternal(whole)) return STRAIGHT;
    return this.#mesh.decide(source, destination, protocol, 0, 0, whole);
  }

  #network(number: number): NetworkEvaluator {
    const network = this.#networks[number];
    if (network === undefined) throw new RangeError(`The program has no network ${number}`);
    return network;
  }
}

const STRAIGHT: Decision = {
  isAllowed: true,
  rule: NO_RULE,
  isRejected: false,
  via: [],
  viaService: undefined,
  limit: NO_RULE,
  qos: NO_RULE,
};

class NetworkEvaluator {
  readonly name: string;
  readonly #network: ProgramNetwork;
  readonly #rules: readonly ProgramRule[];
  readonly #sets: readonly ReadonlySet<number>[];
  readonly #subjects = new PrefixTrie<number>();
  readonly #ids = new Map<string, number>();

  constructor(network: ProgramNetwork, rules: readonly ProgramRule[]) {
    this.name = network.name;
    this.#network = network;
    this.#rules = rules.slice(network.firstRule, network.firstRule + network.ruleCount);
    this.#sets = network.sets.map((set) => new Set(set));
    for (const { block, subject } of network.prefixes) this.#subjects.insert(block, subject);
    for (const [i, id] of network.ids.entries()) this.#ids.set(id, i + 1);
  }

  subjectAt(bytes: Uint8Array, at: number, addressBytes: 4 | 16): SubjectNumber {
    return this.#subjects.lookupBytes(bytes, at, addressBytes === 4 ? 4 : 6) ?? 0;
  }

  subjectOf(id: string): SubjectNumber {
    return this.#ids.get(id) ?? 0;
  }

  isNamed(subject: SubjectNumber): boolean {
    return this.#rules.some((rule) =>
      this.#isIn(rule.source, subject) || this.#isIn(rule.destination, subject)
    );
  }

  decide(
    source: SubjectNumber,
    destination: SubjectNumber,
    protocol: number,
    sourcePort: number,
    destinationPort: number,
    path: string,
  ): Decision {
    if (this.#isSelf(source, destination)) return STRAIGHT;
    let [rule, limit, qos] = [NO_RULE, NO_RULE, NO_RULE];
    let isRestricted = false;
    for (const [i, one] of this.#rules.entries()) {
      const isDeciding = one.type !== "limit" && one.type !== "qos";
      if (isDeciding) isRestricted ||= this.#isMeant(one, destination, protocol, path);
      if (!this.#matches(one, source, destination, protocol, sourcePort, destinationPort, path)) continue;
      const number = this.#network.firstRule + i;
      if (isDeciding && rule === NO_RULE) rule = number;
      if (one.type === "limit" && limit === NO_RULE) limit = number;
      if (one.type === "qos" && qos === NO_RULE) qos = number;
    }
    return this.#decision(rule, limit, qos, isRestricted, source, destination, protocol, path);
  }

  mayReach(source: SubjectNumber, destination: SubjectNumber): boolean {
    if (this.#isSelf(source, destination)) return true;
    let isRestricted = false;
    for (const rule of this.#rules) {
      if (rule.type === "limit" || rule.type === "qos") continue;
      if (rule.target === TARGET.SUBJECTS && this.#isIn(rule.destination, destination)) isRestricted = true;
      if (!this.#isIn(rule.source, source) || !this.#isIn(rule.destination, destination)) continue;
      if (rule.type !== "deny") return true;
      if (rule.target === TARGET.SUBJECTS && rule.protocol === PROTOCOL.ANY) return false;
    }
    return !isRestricted;
  }

  #isIn(set: number, subject: SubjectNumber): boolean {
    return this.#sets[set]?.has(this.#network.classes[subject] ?? 0) ?? false;
  }

  #isSelf(source: SubjectNumber, destination: SubjectNumber): boolean {
    const { owners } = this.#network;
    return source !== 0 && owners[source] === owners[destination];
  }

  /** Whether a rule speaks of what is meant at all, so that what it does not allow is denied. */
  #isMeant(rule: ProgramRule, destination: SubjectNumber, protocol: number, path: string): boolean {
    if (rule.target === TARGET.SERVICE) return protocol === PROTOCOL.CALL && isBelow(path, rule.path);
    if (rule.target === TARGET.TOPIC) return protocol === PROTOCOL.EVENT && matchesTopic(rule.path, path);
    if (protocol === PROTOCOL.EVENT && destination === 0) return false;
    return this.#isIn(rule.destination, destination);
  }

  #matches(
    rule: ProgramRule,
    source: SubjectNumber,
    destination: SubjectNumber,
    protocol: number,
    sourcePort: number,
    destinationPort: number,
    path: string,
  ): boolean {
    if (!this.#isIn(rule.source, source)) return false;
    if (rule.target !== TARGET.SUBJECTS) return this.#isMeant(rule, destination, protocol, path);
    if (rule.protocol !== PROTOCOL.ANY && rule.protocol !== protocol) return false;
    // Nobody is meant yet: whether it may be published at all is denied only where it is to everybody.
    if (protocol === PROTOCOL.EVENT && destination === 0) {
      return rule.type === "allow" || rule.type === "redirect";
    }
    return this.#isIn(rule.destination, destination) && isWithin(rule.sourcePorts, sourcePort) &&
      isWithin(rule.destinationPorts, destinationPort);
  }

  #decision(
    rule: RuleNumber,
    limit: RuleNumber,
    qos: RuleNumber,
    isRestricted: boolean,
    source: SubjectNumber,
    destination: SubjectNumber,
    protocol: number,
    path: string,
  ): Decision {
    const deciding = this.#rules[rule - this.#network.firstRule];
    if (deciding === undefined) {
      return isRestricted ? { ...STRAIGHT, isAllowed: false } : { ...STRAIGHT, limit, qos };
    }
    const denied = { ...STRAIGHT, isAllowed: false, rule, isRejected: deciding.isRejected };
    if (deciding.type === "deny") return denied;
    const allowed = { ...STRAIGHT, rule, limit, qos };
    if (deciding.type === "allow" || protocol === PROTOCOL.EVENT) return allowed;
    if (protocol === PROTOCOL.CALL && deciding.viaService !== "") {
      return isBelow(path, deciding.viaService) ? allowed : { ...allowed, viaService: deciding.viaService };
    }
    if (deciding.via.length === 0) return denied;
    if (deciding.via.includes(source) || deciding.via.includes(destination)) return allowed;
    return { ...allowed, via: [...deciding.via] };
  }
}

/** @param ranges first and last in turn, none for all */
function isWithin(ranges: Uint16Array, port: number): boolean {
  if (ranges.length === 0) return true;
  for (let i = 0; i < ranges.length; i += 2) {
    if (port >= (ranges[i] ?? 0) && port <= (ranges[i + 1] ?? 0)) return true;
  }
  return false;
}
