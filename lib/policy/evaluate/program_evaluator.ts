/**
 * Reads a program and decides by it.
 * @module
 */

import { PROTOCOL, sameProtocol } from "../model/mod.ts";
import { decodeProgram, type Program, type ProgramRule } from "../program/mod.ts";
import type { Decision, PolicyEvaluator, RuleNumber, Shape, SubjectNumber } from "./decision.ts";
import { UNRESTRICTED } from "./decision_table.ts";
import { NetworkEvaluator } from "./network_evaluator.ts";

/**
 * Reads what `compilePolicy` made.
 * @throws ProgramFormatError when the bytes are no program
 */
export function readProgram(bytes: Uint8Array): PolicyEvaluator {
  return new ProgramEvaluator(decodeProgram(bytes));
}

/** Decides by a program. */
export class ProgramEvaluator implements PolicyEvaluator {
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
    this.#networks = program.networks.map((network) =>
      new NetworkEvaluator(network, program.rules, program.rejects)
    );
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
    );
  }

  decideFrame(
    network: number,
    source: SubjectNumber,
    destination: SubjectNumber,
    etherType: number,
  ): Decision {
    return this.#network(network).decide(source, destination, PROTOCOL.ETHERTYPE + etherType, 0, 0);
  }

  decideCall(source: SubjectNumber, destination: SubjectNumber, path: string): Decision {
    return this.#mesh?.decidePath(source, destination, PROTOCOL.CALL, path) ?? UNRESTRICTED;
  }

  decideEvent(source: SubjectNumber, destination: SubjectNumber, topic: string): Decision {
    return this.#mesh?.decidePath(source, destination, PROTOCOL.EVENT, topic) ?? UNRESTRICTED;
  }

  addressesOf(network: number, subject: SubjectNumber): readonly Uint8Array[] {
    return this.#network(network).addressesOf(subject);
  }

  redirectsPackets(network: number): boolean {
    return this.#network(network).redirectsPackets;
  }

  mayReach(network: number, source: SubjectNumber, destination: SubjectNumber): boolean {
    return this.#network(network).mayReach(source, destination);
  }

  /** @returns the ports of a protocol that are open to what systems choose as source port, first and last in turn */
  openPorts(
    network: number,
    source: SubjectNumber,
    destination: SubjectNumber,
    protocol: number,
  ): readonly number[] {
    return this.#network(network).openPorts(source, destination, protocol);
  }

  /** @returns what stands for the rules of a pair: the same for pairs that have the same */
  rulesOf(network: number, source: SubjectNumber, destination: SubjectNumber): object {
    return this.#network(network).rulesOf(source, destination);
  }

  /** @returns how many rules are asked for a pair, at most */
  rulesBetween(network: number, source: SubjectNumber, destination: SubjectNumber): number {
    return this.#network(network).rulesBetween(source, destination);
  }

  /** @returns the class of a member or endpoint in a network of that name: those of one are decided alike */
  classOf(network: string, id: string): number {
    const found = this.#networks.find(({ name }) => name === network);
    return found?.classOf(found.subjectOf(id)) ?? 0;
  }

  shapeOf(rule: RuleNumber): Shape | undefined {
    const found = this.#rules[rule];
    if (found?.type !== "limit" && found?.type !== "qos") return undefined;
    const { bytesPerSecond, itemsPerSecond, burst, dscp } = found;
    return { bytesPerSecond, itemsPerSecond, burst, dscp: dscp > 63 ? undefined : dscp };
  }

  #network(number: number): NetworkEvaluator {
    const network = this.#networks[number];
    if (network === undefined) throw new RangeError(`The program has no network ${number}`);
    return network;
  }
}
