/**
 * The rules between two classes of subjects, by protocol.
 * @module
 */

import { PROTOCOL } from "../model/mod.ts";
import type { ProgramRule } from "../program/mod.ts";
import type { Decision } from "./decision.ts";
import type { DecisionTable } from "./decision_table.ts";
import { PortTable } from "./port_table.ts";

/** What the rules of one network say between two classes. Tables are made with the first packet of a protocol. */
export class PairRules {
  /** Places of the rules that match both classes, in order. */
  readonly candidates: Uint32Array;
  /** Whether any deciding rule is for the destination. */
  readonly isRestricted: boolean;
  readonly #rules: readonly ProgramRule[];
  readonly #decisions: DecisionTable;
  readonly #tables = new Map<number, PortTable>();
  /** Protocols that rules speak of; all others are alike. */
  readonly #named = new Set<number>();
  #others: PortTable | undefined;

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
    for (const place of candidates) this.#named.add(rules[place]?.protocol ?? PROTOCOL.ANY);
    // Redirects mean another thing for each of them.
    this.#named.add(PROTOCOL.CALL).add(PROTOCOL.EVENT);
  }

  /** How much is remembered, in intervals and candidates. */
  get size(): number {
    let size = this.candidates.length + (this.#others?.size ?? 0);
    for (const table of this.#tables.values()) size += table.size;
    return size;
  }

  /** Decides for a protocol and its ports. */
  decide(protocol: number, sourcePort: number, destinationPort: number): Decision {
    return this.table(protocol).decide(sourcePort, destinationPort);
  }

  /** Whether the table of a protocol is there already. */
  hasTable(protocol: number): boolean {
    return this.#named.has(protocol) ? this.#tables.has(protocol) : this.#others !== undefined;
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
