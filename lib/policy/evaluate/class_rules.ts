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

/**
 * Finds out about classes when they are first asked for. Sets are kept inside out where that is shorter, so a class begins with the
 * rules that mean all who are not listed, and what it is listed in is turned over.
 */
export class ClassIndex {
  readonly #words: number;
  readonly #known = new Map<number, ClassRules>();
  /** By class: the sets that it is listed in. */
  readonly #listedIn = new Map<number, number[]>();
  /** By set: places of the rules whose source, or destination, it is. */
  readonly #sourceOf: readonly number[][];
  readonly #destinationOf: readonly number[][];
  /** Rules for those who are listed nowhere. */
  readonly #source: Uint32Array;
  readonly #destination: Uint32Array;
  /** Rules for subjects, and those of them that decide. */
  readonly #forSubjects: Uint32Array;
  readonly #deciding: Uint32Array;

  /** @param rules those of the network */
  constructor({ sets }: ProgramNetwork, rules: readonly ProgramRule[]) {
    this.#words = (rules.length + 31) >>> 5;
    for (const [number, { listed }] of sets.entries()) {
      for (const one of listed) {
        const known = this.#listedIn.get(one);
        if (known === undefined) this.#listedIn.set(one, [number]);
        else known.push(number);
      }
    }
    this.#sourceOf = sets.map(() => []);
    this.#destinationOf = sets.map(() => []);
    [this.#source, this.#destination, this.#forSubjects, this.#deciding] = [0, 1, 2, 3].map(() =>
      new Uint32Array(this.#words)
    ) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];
    for (const [place, { source, destination, target, type }] of rules.entries()) {
      this.#sourceOf[source]?.push(place);
      this.#destinationOf[destination]?.push(place);
      if (sets[source]?.isInverted) turn(this.#source, place);
      if (sets[destination]?.isInverted) turn(this.#destination, place);
      if (target !== TARGET.SUBJECTS) continue;
      turn(this.#forSubjects, place);
      if (type !== "limit" && type !== "qos") turn(this.#deciding, place);
    }
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
    const asSource = this.#source.slice();
    const asDestination = this.#destination.slice();
    for (const set of this.#listedIn.get(classNumber) ?? []) {
      for (const place of this.#sourceOf[set] ?? []) turn(asSource, place);
      for (const place of this.#destinationOf[set] ?? []) turn(asDestination, place);
    }
    let [isRestricted, isNamed] = [false, false];
    for (let i = 0; i < this.#words; i++) {
      isNamed ||= ((asSource[i] ?? 0) | (asDestination[i] ?? 0)) !== 0;
      asDestination[i] = (asDestination[i] ?? 0) & (this.#forSubjects[i] ?? 0);
      isRestricted ||= ((asDestination[i] ?? 0) & (this.#deciding[i] ?? 0)) !== 0;
    }
    return { asSource, asDestination, isRestricted, isNamed };
  }
}

function turn(bits: Uint32Array, place: number): void {
  bits[place >>> 5] = (bits[place >>> 5] ?? 0) ^ 1 << (place & 31);
}
