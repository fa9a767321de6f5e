/**
 * Decides within one network.
 *
 * ```text
 *   address ─▶ subject ─▶ class ─┐
 *                                ├─▶ pair of classes ─▶ protocol ─▶ interval of ports ─▶ Decision
 *   address ─▶ subject ─▶ class ─┘   (made with the first question, kept)
 * ```
 *
 * @module
 */

import { PrefixTrie } from "../../net/mod.ts";
import { PROTOCOL } from "../model/mod.ts";
import { isInSet, type ProgramNetwork, type ProgramRule, type ProgramSet, TARGET } from "../program/mod.ts";
import { ClassIndex } from "./class_rules.ts";
import { type Decision, NO_RULE, type SubjectNumber } from "./decision.ts";
import { DecisionTable, UNRESTRICTED } from "./decision_table.ts";
import { PairRules } from "./pair_rules.ts";
import { PathIndex } from "./path_rules.ts";
import type { PortTable } from "./port_table.ts";
import { leavesOpen } from "./reachable.ts";
import { isBelow, isInternal, qualified } from "./topic_match.ts";

/** Pairs of classes that are remembered at most, by themselves some hundred bytes each. */
const MAX_PAIRS = 65_536;
/** Intervals and candidates in all of them together, 4 to 24 bytes each. */
const MAX_PAIR_ENTRIES = 2 ** 20;
/** Paths of calls and events, of all pairs together: whoever calls chooses them. */
const MAX_PATHS = 16_384;

/** One network of a program. */
export class NetworkEvaluator {
  readonly name: string;
  readonly #network: ProgramNetwork;
  readonly #rules: readonly ProgramRule[];
  readonly #subjects = new PrefixTrie<number>();
  readonly #ids = new Map<string, number>();
  readonly #index: ClassIndex;
  readonly #decisions: DecisionTable;
  readonly #paths: PathIndex;
  readonly #serviceRules: readonly number[];
  // What has been asked for. Pairs with the same candidates share their rules.
  readonly #pairs = new Map<number, PairRules>();
  readonly #shared = new Map<number, PairRules[]>();
  #pairEntries = 0;
  #addresses: Map<SubjectNumber, Uint8Array[]> | undefined;
  readonly #called = new Map<number, Map<string, Decision>>();
  #pathCount = 0;

  /**
   * @param rules all of the program
   * @param rejects whether what no rule allows is rejected
   */
  constructor(network: ProgramNetwork, rules: readonly ProgramRule[], rejects: boolean) {
    this.name = network.name;
    this.#network = network;
    this.#rules = rules.slice(network.firstRule, network.firstRule + network.ruleCount);
    this.#index = new ClassIndex(network, this.#rules);
    this.#decisions = new DecisionTable(this.#rules, network.firstRule, rejects);
    this.#paths = new PathIndex(this.#rules);
    this.#serviceRules = [...this.#rules.keys()].filter((place) =>
      this.#rules[place]?.target === TARGET.SERVICE
    );
    for (const { block, subject } of network.prefixes) this.#subjects.insert(block, subject);
    for (const [i, id] of network.ids.entries()) this.#ids.set(id, i + 1);
  }

  /** @returns whose address it is, or 0 */
  subjectAt(bytes: Uint8Array, at: number, addressBytes: 4 | 16): SubjectNumber {
    return this.#subjects.lookupBytes(bytes, at, addressBytes === 4 ? 4 : 6) ?? 0;
  }

  /** @returns the addresses that a member or endpoint has for itself */
  addressesOf(subject: SubjectNumber): readonly Uint8Array[] {
    let bySubject = this.#addresses;
    if (bySubject === undefined) {
      bySubject = this.#addresses = new Map();
      for (const { block: { address, prefixBits }, subject } of this.#network.prefixes) {
        if (prefixBits !== address.bytes.length * 8 || subject > this.#network.ids.length) continue;
        const others = bySubject.get(subject);
        if (others === undefined) bySubject.set(subject, [address.bytes]);
        else others.push(address.bytes);
      }
    }
    return bySubject.get(subject) ?? [];
  }

  /** Whether any rule redirects packets. */
  get redirectsPackets(): boolean {
    return this.#rules.some(({ type, target, protocol }) =>
      type === "redirect" && target === TARGET.SUBJECTS && protocol !== PROTOCOL.CALL &&
      protocol !== PROTOCOL.EVENT
    );
  }

  /** @returns the member or endpoint with the id, or 0 */
  subjectOf(id: string): SubjectNumber {
    return this.#ids.get(id) ?? 0;
  }

  /** Whether any rule means a subject. */
  isNamed(subject: SubjectNumber): boolean {
    return this.#index.get(this.classOf(subject)).isNamed;
  }

  /** Decides for packets and frames. */
  decide(
    source: SubjectNumber,
    destination: SubjectNumber,
    protocol: number,
    sourcePort: number,
    destinationPort: number,
  ): Decision {
    if (this.#isSelf(source, destination)) return UNRESTRICTED;
    const pair = this.#pair(this.classOf(source), this.classOf(destination));
    const decision = pair.isTableDue(protocol)
      ? this.#table(pair, protocol).decide(sourcePort, destinationPort)
      : pair.scan(protocol, sourcePort, destinationPort);
    return decision.via.length === 0 ? decision : this.#decisions.between(decision, source, destination);
  }

  /** @returns the ports of a protocol that are open to port 49152, first and last in turn */
  openPorts(source: SubjectNumber, destination: SubjectNumber, protocol: number): readonly number[] {
    if (this.#isSelf(source, destination)) return [0, 65_535];
    return this.#pair(this.classOf(source), this.classOf(destination)).table(protocol).openPorts(49_152);
  }

  /**
   * Decides for calls and events.
   * @param protocol `PROTOCOL.CALL` or `PROTOCOL.EVENT`
   */
  decidePath(source: SubjectNumber, destination: SubjectNumber, protocol: number, path: string): Decision {
    if (this.#isSelf(source, destination)) return UNRESTRICTED;
    const [sourceClass, destinationClass] = [this.classOf(source), this.classOf(destination)];
    const isOpen = protocol === PROTOCOL.EVENT && destination === 0;
    const kind = protocol === PROTOCOL.CALL ? 0 : isOpen ? 1 : 2;
    const key = 3 * this.#pairKey(sourceClass, destinationClass) + kind;
    let decision = this.#called.get(key)?.get(path);
    if (decision === undefined) {
      decision = this.#matchPath(sourceClass, destinationClass, protocol, path, isOpen);
      this.#remember(key, path, decision);
    }
    return decision.via.length === 0 ? decision : this.#decisions.between(decision, source, destination);
  }

  /** Whether anything is allowed between two. */
  mayReach(source: SubjectNumber, destination: SubjectNumber): boolean {
    if (this.#isSelf(source, destination)) return true;
    const [from, to] = [this.classOf(source), this.classOf(destination)];
    const pair = this.#pair(from, to);
    if (!pair.isRestricted) return true;
    const { sets } = this.#network;
    const services = this.#serviceRules.filter((place) => {
      const rule = this.#rules[place];
      return isInSet(sets[rule?.source ?? 0] ?? NONE, from) &&
        isInSet(sets[rule?.destination ?? 0] ?? NONE, to);
    });
    return leavesOpen(this.#rules, [...pair.candidates, ...services].sort((a, b) => a - b));
  }

  #matchPath(from: number, to: number, protocol: number, path: string, isOpen: boolean): Decision {
    const whole = qualified(path);
    if (isInternal(whole)) return UNRESTRICTED;
    let [rule, limit, qos] = [NO_RULE, NO_RULE, NO_RULE];
    let isRestricted = false;
    if (isOpen) rule = this.#firstOpen(from);
    else {
      const pair = this.#pair(from, to);
      const table = this.#table(pair, protocol);
      isRestricted = pair.isRestricted;
      [rule, limit, qos] = [table.firstOf("decide"), table.firstOf("limit"), table.firstOf("qos")];
    }
    for (const place of this.#paths.find(protocol, whole)) {
      const found = this.#rules[place];
      if (found === undefined) continue;
      const isDeciding = found.type !== "limit" && found.type !== "qos";
      isRestricted ||= isDeciding;
      if (!isInSet(this.#network.sets[found.source] ?? NONE, from)) continue;
      if (found.type === "limit") limit = earlier(limit, place);
      else if (found.type === "qos") qos = earlier(qos, place);
      else rule = earlier(rule, place);
    }
    const decision = this.#decisions.find(rule, limit, qos, isRestricted, protocol);
    const { viaService } = decision;
    return viaService !== undefined && isBelow(whole, viaService)
      ? this.#decisions.straight(decision)
      : decision;
  }

  /** @returns the first rule by which events of a class may go to anybody at all, or `NO_RULE` */
  #firstOpen(from: number): number {
    return this.#rules.findIndex(({ type, source, target, protocol, via, viaService }) =>
      target === TARGET.SUBJECTS &&
      (type === "allow" || type === "redirect" && (via.length > 0 || viaService !== "")) &&
      (protocol === PROTOCOL.ANY || protocol === PROTOCOL.EVENT) &&
      isInSet(this.#network.sets[source] ?? NONE, from)
    );
  }

  #pair(from: number, to: number): PairRules {
    const key = this.#pairKey(from, to);
    const known = this.#pairs.get(key);
    if (known !== undefined) return known;
    if (this.#pairs.size >= MAX_PAIRS) this.#forget();
    const pair = this.#makePair(from, to);
    this.#pairs.set(key, pair);
    return pair;
  }

  #makePair(from: number, to: number): PairRules {
    const [source, destination] = [this.#index.get(from), this.#index.get(to)];
    const candidates = this.#index.candidates(source, destination);
    const { isRestricted } = destination;
    let hash = isRestricted ? 1 : 0;
    for (let i = 0; i < candidates.length; i++) {
      hash = Math.imul(hash ^ (candidates[i] ?? 0), 0x01000193) + 1 | 0;
    }
    const alike = this.#shared.get(hash) ?? [];
    const same = alike.find((pair) =>
      pair.isRestricted === isRestricted && equal(pair.candidates, candidates)
    );
    if (same !== undefined) return same;
    const pair = new PairRules(this.#rules, candidates, this.#decisions, isRestricted);
    if (this.#pairEntries + pair.size > MAX_PAIR_ENTRIES) this.#forget();
    this.#pairEntries += pair.size;
    this.#shared.set(hash, [...this.#shared.get(hash) ?? [], pair]);
    return pair;
  }

  /** @returns the table of a protocol, which is counted when it is made */
  #table(pair: PairRules, protocol: number): PortTable {
    if (pair.hasTable(protocol)) return pair.table(protocol);
    const table = pair.table(protocol);
    this.#pairEntries += table.size;
    // The pair that is being asked lives on until it has answered; it is made again with the next question.
    if (this.#pairEntries > MAX_PAIR_ENTRIES) this.#forget();
    return table;
  }

  #forget(): void {
    this.#pairs.clear();
    this.#shared.clear();
    this.#pairEntries = 0;
  }

  #remember(key: number, path: string, decision: Decision): void {
    if (this.#pathCount >= MAX_PATHS) {
      this.#called.clear();
      this.#pathCount = 0;
    }
    this.#pathCount++;
    const decisions = this.#called.get(key);
    if (decisions === undefined) this.#called.set(key, new Map([[path, decision]]));
    else decisions.set(path, decision);
  }

  /** @returns what stands for the rules of a pair: the same for pairs that have the same; for those who compare many */
  rulesOf(source: SubjectNumber, destination: SubjectNumber): object {
    return this.#isSelf(source, destination)
      ? this
      : this.#pair(this.classOf(source), this.classOf(destination));
  }

  /** @returns how many rules are asked for a pair, at most; for those who compare many */
  rulesBetween(source: SubjectNumber, destination: SubjectNumber): number {
    if (this.#isSelf(source, destination)) return 0;
    return this.#pair(this.classOf(source), this.classOf(destination)).candidates.length;
  }

  #isSelf(source: SubjectNumber, destination: SubjectNumber): boolean {
    const { owners } = this.#network;
    const owner = owners[source] ?? 0;
    return owner !== 0 && owner === owners[destination];
  }

  /** @returns the class of a subject: those of one are decided alike */
  classOf(subject: SubjectNumber): number {
    return this.#network.classes[subject] ?? 0;
  }

  #pairKey(from: number, to: number): number {
    return from * this.#network.classCount + to;
  }
}

const NONE: ProgramSet = { isInverted: false, listed: new Uint32Array() };

function earlier(a: number, b: number): number {
  return a === NO_RULE || b < a ? b : a;
}

function equal(a: Uint32Array, b: Uint32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
