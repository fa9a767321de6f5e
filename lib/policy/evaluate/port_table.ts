/**
 * The rules of one pair and one protocol, by destination port.
 *
 * Rules are laid upon the ports in the order in which they are asked, each on what is still free, so that what is left are
 * intervals in order of which each knows its first match; a packet's port is found by halving. Rules that look at
 * source ports, which are few, are kept beside it and asked one after the other.
 *
 * @module
 */

import type { ProgramRule } from "../program/mod.ts";
import { type Decision, NO_RULE } from "./decision.ts";
import type { DecisionTable } from "./decision_table.ts";

const PORTS = 0x1_0000;

/** Rules by what they do, since the first of each counts. */
const ROLE = { DECIDE: 0, LIMIT: 1, QOS: 2 } as const;

/** @returns which of the three it takes part in */
function roleOf({ type }: ProgramRule): number {
  return type === "limit" ? ROLE.LIMIT : type === "qos" ? ROLE.QOS : ROLE.DECIDE;
}

/** What is decided of one protocol between two classes. Immutable. */
export class PortTable {
  readonly #rules: readonly ProgramRule[];
  readonly #decisions: DecisionTable;
  readonly #isRestricted: boolean;
  readonly #protocol: number;
  /** Where intervals begin; the first one at 0. */
  readonly #firsts: Uint32Array;
  /** By interval, where no rule looks at source ports. */
  readonly #outcomes: readonly Decision[];
  /** By interval and role: the first match, or `NO_RULE`. */
  readonly #matches: readonly Int32Array[];
  /** Places of rules that look at source ports, in order. */
  readonly #sourced: readonly number[];

  /**
   * @param rules those of the network
   * @param candidates places of those that match both classes and the protocol, in order
   * @param isRestricted whether any deciding rule is for the destination
   */
  constructor(
    rules: readonly ProgramRule[],
    candidates: readonly number[],
    decisions: DecisionTable,
    isRestricted: boolean,
    protocol: number,
  ) {
    this.#rules = rules;
    this.#decisions = decisions;
    this.#isRestricted = isRestricted;
    this.#protocol = protocol;
    const plain: number[][] = [[], [], []];
    const sourced: number[] = [];
    for (const place of candidates) {
      const rule = rules[place];
      if (rule === undefined) continue;
      if (rule.sourcePorts.length > 0) sourced.push(place);
      else plain[roleOf(rule)]?.push(place);
    }
    this.#sourced = sourced;
    const firsts = boundaries(rules, plain.flat());
    const layers = plain.map((places) => layUpon(firsts, rules, places));
    const isNew = (i: number): boolean => i === 0 || layers.some((layer) => layer[i] !== layer[i - 1]);
    const kept = Array.from(firsts.keys()).filter(isNew);
    this.#firsts = Uint32Array.from(kept, (i) => firsts[i] ?? 0);
    this.#matches = layers.map((layer) => Int32Array.from(kept, (i) => layer[i] ?? NO_RULE));
    this.#outcomes = kept.map((_, i) => this.#find(i));
  }

  /** How many intervals there are, for the bound of what is remembered. */
  get size(): number {
    return this.#firsts.length + this.#sourced.length;
  }

  /** Decides. Allocates nothing once the same rules have matched before. */
  decide(sourcePort: number, destinationPort: number): Decision {
    const interval = this.#intervalOf(destinationPort);
    if (this.#sourced.length === 0) return this.#outcomes[interval] ?? this.#find(interval);
    const [deciding, limiting, marking] = this.#matches;
    let rule = deciding?.[interval] ?? NO_RULE;
    let limit = limiting?.[interval] ?? NO_RULE;
    let qos = marking?.[interval] ?? NO_RULE;
    for (let i = 0; i < this.#sourced.length; i++) {
      const place = this.#sourced[i] ?? 0;
      const candidate = this.#rules[place];
      if (candidate === undefined || !isWithin(candidate.sourcePorts, sourcePort)) continue;
      if (!isWithin(candidate.destinationPorts, destinationPort)) continue;
      const role = roleOf(candidate);
      if (role === ROLE.LIMIT) limit = earlier(limit, place);
      else if (role === ROLE.QOS) qos = earlier(qos, place);
      else rule = earlier(rule, place);
    }
    return this.#decisions.find(rule, limit, qos, this.#isRestricted, this.#protocol);
  }

  /** @returns places of the rules that are the first for some port; those that look at source ports are not among them */
  alive(): ReadonlySet<number> {
    return new Set(this.#matches.flatMap((layer) => [...layer]));
  }

  /** @returns the ports that are open to a source port, first and last in turn, in order; for people, not for packets */
  openPorts(sourcePort: number): number[] {
    const firsts = new Set(this.#firsts);
    for (const place of this.#sourced) {
      const ports = this.#rules[place]?.destinationPorts ?? [];
      for (let i = 0; i < ports.length; i += 2) firsts.add(ports[i] ?? 0).add((ports[i + 1] ?? 0) + 1);
    }
    firsts.delete(PORTS);
    const open: number[] = [];
    const ordered = Uint32Array.from(firsts).sort();
    for (const [i, first] of ordered.entries()) {
      if (!this.decide(sourcePort, first).isAllowed) continue;
      const last = (ordered[i + 1] ?? PORTS) - 1;
      if (open.at(-1) === first - 1) open[open.length - 1] = last;
      else open.push(first, last);
    }
    return open;
  }

  /** @returns the place of the first match of a role where there are no ports, or `NO_RULE` */
  firstOf(role: "decide" | "limit" | "qos"): number {
    const layer = role === "decide" ? ROLE.DECIDE : role === "limit" ? ROLE.LIMIT : ROLE.QOS;
    return this.#matches[layer]?.[0] ?? NO_RULE;
  }

  #find(interval: number): Decision {
    const [rule, limit, qos] = this.#matches.map((layer) => layer[interval] ?? NO_RULE);
    return this.#decisions.find(
      rule ?? NO_RULE,
      limit ?? NO_RULE,
      qos ?? NO_RULE,
      this.#isRestricted,
      this.#protocol,
    );
  }

  #intervalOf(port: number): number {
    const firsts = this.#firsts;
    let low = 0;
    let high = firsts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((firsts[middle] ?? PORTS) <= port) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Whether a port is in one of the ranges, which are in order; none is all. */
export function isWithin(ranges: Uint16Array, port: number): boolean {
  if (ranges.length === 0) return true;
  for (let i = 0; i < ranges.length; i += 2) {
    if (port <= (ranges[i + 1] ?? 0)) return port >= (ranges[i] ?? 0);
  }
  return false;
}

function earlier(a: number, b: number): number {
  return a === NO_RULE || b < a ? b : a;
}

/** @returns where any of the rules' ranges begin, or the port after one ends; 0 first, `PORTS` left out */
function boundaries(rules: readonly ProgramRule[], places: readonly number[]): Uint32Array {
  const found = new Set([0]);
  for (const place of places) {
    const ports = rules[place]?.destinationPorts ?? [];
    for (let i = 0; i < ports.length; i += 2) found.add(ports[i] ?? 0).add((ports[i + 1] ?? 0) + 1);
  }
  found.delete(PORTS);
  return Uint32Array.from(found).sort();
}

/** @returns by interval the first of the rules that covers it */
function layUpon(firsts: Uint32Array, rules: readonly ProgramRule[], places: readonly number[]): Int32Array {
  const count = firsts.length;
  const cover = new Int32Array(count).fill(NO_RULE);
  // From each interval the next one that is free; paths are halved as they are walked, so that it is nearly linear.
  const next = Uint32Array.from({ length: count + 1 }, (_, i) => i);
  const free = (from: number): number => {
    let at = from;
    while (next[at] !== at) at = next[at] = next[next[at] ?? count] ?? count;
    return at;
  };
  const indexOf = new Map(firsts.entries().map(([i, first]) => [first, i] as const));
  for (const place of places) {
    const ports = rules[place]?.destinationPorts;
    const ranges = ports === undefined || ports.length === 0 ? [0, PORTS - 1] : ports;
    for (let i = 0; i < ranges.length; i += 2) {
      const end = indexOf.get((ranges[i + 1] ?? 0) + 1) ?? count;
      for (let at = free(indexOf.get(ranges[i] ?? 0) ?? 0); at < end; at = free(at)) {
        cover[at] = place;
        next[at] = at + 1;
      }
    }
    if (next[0] !== 0 && free(0) === count) break;
  }
  return cover;
}
