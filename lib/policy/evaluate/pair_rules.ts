/**
 * The rules between two classes of subjects, by protocol.
 * @module
 */

import { PROTOCOL } from "../model/mod.ts";
import type { ProgramRule } from "../program/mod.ts";
import { type Decision, NO_RULE } from "./decision.ts";
import type { DecisionTable } from "./decision_table.ts";
import { isWithin, PortTable } from "./port_table.ts";

/** With more candidates a table takes longer to make than many questions: they are asked one after the other at first. */
const MANY_CANDIDATES = 64;
const QUESTIONS_BEFORE_TABLE = 16;

/** What the rules of one network say between two classes. Tables are made with the first packets of a protocol. */
export class PairRules {
  /** Places of the rules that match both classes, in order. */
  readonly candidates: Uint32Array;
  /** Whether any deciding rule is for the destination. */
  readonly isRestricted: boolean;
  readonly #rules: readonly ProgramRule[];
  readonly #decisions: DecisionTable;
  readonly #tables = new Map<number, PortTable>();
  /** Protocols that rules speak of; all others are alike. */
  readonly #named: ReadonlySet<number>;
  #others: PortTable | undefined;
  #questions = 0;

  /** @param rules those of the network */
  constructor(
    rules: readonly ProgramRule[],
    candidates: Uint32Array,
    decisions: DecisionTable,
    isRestricted: boolean,
  ) {
    this.#rules = rules;
    this.candidates = candidates;
    this.#decisions = decisions;
    this.isRestricted = isRestricted;
    // Redirects mean another thing for calls and for events.
    const named = new Set<number>([PROTOCOL.CALL, PROTOCOL.EVENT]);
    for (let i = 0; i < candidates.length; i++) {
      named.add(rules[candidates[i] ?? 0]?.protocol ?? PROTOCOL.ANY);
    }
    this.#named = named;
  }

  /** How much is remembered, in intervals and candidates. */
  get size(): number {
    let size = this.candidates.length + (this.#others?.size ?? 0);
    for (const table of this.#tables.values()) size += table.size;
    return size;
  }

  /** Whether the table of a protocol is there, or it is time to make it. */
  isTableDue(protocol: number): boolean {
    if (this.candidates.length <= MANY_CANDIDATES) return true;
    return this.hasTable(protocol) || ++this.#questions > QUESTIONS_BEFORE_TABLE;
  }

  /** Whether the table of a protocol is there already. */
  hasTable(protocol: number): boolean {
    return this.#named.has(protocol) ? this.#tables.has(protocol) : this.#others !== undefined;
  }

  /** Decides without a table. */
  scan(protocol: number, sourcePort: number, destinationPort: number): Decision {
    let [rule, limit, qos] = [NO_RULE, NO_RULE, NO_RULE];
    for (let i = 0; i < this.candidates.length; i++) {
      const place = this.candidates[i] ?? 0;
      const candidate = this.#rules[place];
      if (candidate === undefined) continue;
      if (candidate.protocol !== PROTOCOL.ANY && candidate.protocol !== protocol) continue;
      if (!isWithin(candidate.destinationPorts, destinationPort)) continue;
      if (!isWithin(candidate.sourcePorts, sourcePort)) continue;
      if (candidate.type === "limit") limit = limit === NO_RULE ? place : limit;
      else if (candidate.type === "qos") qos = qos === NO_RULE ? place : qos;
      else if (rule === NO_RULE) rule = place;
      // What is denied is not shaped.
      if (candidate.type === "deny" && rule === place) break;
    }
    return this.#decisions.find(rule, limit, qos, this.isRestricted, protocol);
  }

  /** The table of a protocol. */
  table(protocol: number): PortTable {
    const table = this.#tables.get(protocol);
    if (table !== undefined) return table;
    if (!this.#named.has(protocol)) return this.#others ??= this.#make(protocol);
    const made = this.#make(protocol);
    this.#tables.set(protocol, made);
    return made;
  }

  #make(protocol: number): PortTable {
    const matching: number[] = [];
    for (const place of this.candidates) {
      const wanted = this.#rules[place]?.protocol;
      if (wanted === PROTOCOL.ANY || wanted === protocol) matching.push(place);
    }
    return new PortTable(this.#rules, matching, this.#decisions, this.isRestricted, protocol);
  }
}
