/**
 * Which rules mean a class of subjects, as bits: those of a source and those of a destination, laid upon each other, are the candidates of
 * the pair.
 * @module
 */

import { type ProgramNetwork, type ProgramRule, TARGET } from "../program/mod.ts";

/** Words of bits that are remembered at most: 16 MiB. */
const MAX_WORDS = 2 ** 22;

/** One class as it stands in the rules. */
export interface ClassRules {
  /** Rules that mean it as source. */
  readonly asSource: Uint32Array;
  /** Rules for subjects that mean it as destination. */
  readonly asDestination: Uint32Array;
  /** Whether any deciding rule is among those. */
  readonly isRestricted: boolean;
  /** Whether any rule at all means it. */
  readonly isNamed: boolean;
}

/** Finds out about classes when they are first asked for. */
export class ClassIndex {
  readonly #network: ProgramNetwork;
  readonly #rules: readonly ProgramRule[];
  readonly #words: number;
  readonly #known = new Map<number, ClassRules>();

  /** @param rules those of the network */
  constructor(network: ProgramNetwork, rules: readonly ProgramRule[]) {
    this.#network = network;
    this.#rules = rules;
    this.#words = (rules.length + 31) >>> 5;
  }

  /** What rules there are for a class. */
  get(classNumber: number): ClassRules {
    const known = this.#known.get(classNumber);
    if (known !== undefined) return known;
    // All are forgotten at once: they are made again as they are asked for, and nothing is kept in order for it.
    if (2 * this.#words * (this.#known.size + 1) > MAX_WORDS) this.#known.clear();
    const made = this.#make(classNumber);
    this.#known.set(classNumber, made);
    return made;
  }

  /** @returns places of the rules for subjects that mean both, in order */
  candidates(source: ClassRules, destination: ClassRules): Uint32Array {
    const found: number[] = [];
    for (let i = 0; i < this.#words; i++) {
      let word = (source.asSource[i] ?? 0) & (destination.asDestination[i] ?? 0);
      while (word !== 0) {
        found.push(32 * i + 31 - Math.clz32(word & -word));
        word &= word - 1;
      }
    }
    return Uint32Array.from(found);
  }

  #make(classNumber: number): ClassRules {
    const isIn = Uint8Array.from(this.#network.sets, (set) => contains(set, classNumber) ? 1 : 0);
    const asSource = new Uint32Array(this.#words);
    const asDestination = new Uint32Array(this.#words);
    let [isRestricted, isNamed] = [false, false];
    for (let place = 0; place < this.#rules.length; place++) {
      const rule = this.#rules[place];
      if (rule === undefined) break;
      const bit = 1 << (place & 31);
      if (isIn[rule.source] === 1) {
        asSource[place >>> 5] = (asSource[place >>> 5] ?? 0) | bit;
        isNamed = true;
      }
      if (isIn[rule.destination] !== 1) continue;
      isNamed = true;
      if (rule.target !== TARGET.SUBJECTS) continue;
      asDestination[place >>> 5] = (asDestination[place >>> 5] ?? 0) | bit;
      isRestricted ||= rule.type !== "limit" && rule.type !== "qos";
    }
    return { asSource, asDestination, isRestricted, isNamed };
  }
}

/** Whether a class is in a set, which is in order. */
export function contains(set: Uint32Array, classNumber: number): boolean {
  let [low, high] = [0, set.length - 1];
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = set[middle] ?? 0;
    if (found === classNumber) return true;
    if (found < classNumber) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}
