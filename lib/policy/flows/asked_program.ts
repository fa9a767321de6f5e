/**
 * A program as a guard asks it about the packet at hand: in force, or on trial.
 * @module
 */

import type { IpAddress } from "../../net/mod.ts";
import { type Decision, NO_RULE, type PolicyEvaluator } from "../evaluate/mod.ts";
import { ICMP_KIND, type PacketFields } from "./packet_fields.ts";

/** One program and the guard's network in it. */
export class AskedProgram {
  readonly evaluator: PolicyEvaluator;
  readonly #network: number;
  /** Who the last packet was from and for. */
  source = 0;
  destination = 0;

  /** @param network its number in the program */
  constructor(evaluator: PolicyEvaluator, network: number) {
    this.evaluator = evaluator;
    this.#network = network;
  }

  /**
   * Decides about a packet.
   * @param reverse 1 where it goes against the direction of whoever began
   * @param sender an address of whoever has sent it, where that is known by more than the packet's source: then both must be
   * allowed, so that nobody becomes somebody else by an address that nobody has
   */
  ask(memory: Uint8Array, fields: PacketFields, reverse: number, sender?: IpAddress): Decision {
    this.readSubjects(memory, fields);
    const { protocol } = fields;
    const hasPorts = fields.icmpKind === ICMP_KIND.NONE;
    const from = hasPorts ? fields.sourcePort : 0;
    const to = hasPorts ? fields.destinationPort : 0;
    if (reverse !== 0) {
      return this.evaluator.decide(this.#network, this.destination, this.source, protocol, to, from);
    }
    const decision = this.evaluator.decide(this.#network, this.source, this.destination, protocol, from, to);
    if (sender === undefined || !decision.isAllowed) return decision;
    const { bytes, family } = sender;
    const subject = this.evaluator.subjectAt(this.#network, bytes, 0, family === 4 ? 4 : 16);
    if (subject === this.source) return decision;
    const asSender = this.evaluator.decide(this.#network, subject, this.destination, protocol, from, to);
    return asSender.isAllowed ? decision : asSender;
  }

  /** Looks up who a packet is from and for. */
  readSubjects(memory: Uint8Array, { sourceAt, destinationAt, addressBytes }: PacketFields): void {
    this.source = this.evaluator.subjectAt(this.#network, memory, sourceAt, addressBytes);
    this.destination = this.evaluator.subjectAt(this.#network, memory, destinationAt, addressBytes);
  }

  /** Whether rules are about what is sent to the last packet's source. */
  get isSourceRestricted(): boolean {
    return this.evaluator.isRestricted(this.#network, this.source);
  }

  /** Whether rules are about what is sent to its destination. */
  get isDestinationRestricted(): boolean {
    return this.evaluator.isRestricted(this.#network, this.destination);
  }

  /** @returns how the rule of a decision is called */
  ruleName({ rule }: Decision): string {
    return rule === NO_RULE ? "default" : this.evaluator.ruleNames[rule] ?? String(rule);
  }
}

/** All passes while there is a trial alone. */
export const UNDECIDED: Decision = {
  isAllowed: true,
  rule: NO_RULE,
  isRejected: false,
  via: [],
  viaService: undefined,
  limit: NO_RULE,
  qos: NO_RULE,
};
