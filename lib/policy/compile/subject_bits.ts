/**
 * Sets of subjects as bits, so that an expression over ten thousand members is a few hundred words.
 * @module
 */

/** Subjects 0 to `size` - 1, each in it or not. */
export class SubjectBits {
  readonly size: number;
  readonly #words: Uint32Array;

  /** An empty set. */
  constructor(size: number) {
    this.size = size;
    this.#words = new Uint32Array((size + 31) >>> 5);
  }

  /** @returns a set of those that are listed */
  static of(size: number, subjects: Iterable<number>): SubjectBits {
    const bits = new SubjectBits(size);
    for (const subject of subjects) bits.add(subject);
    return bits;
  }

  /** Puts one in. */
  add(subject: number): void {
    this.#words[subject >>> 5] = (this.#words[subject >>> 5] ?? 0) | 1 << (subject & 31);
  }

  /** Whether one is in it. */
  has(subject: number): boolean {
    return ((this.#words[subject >>> 5] ?? 0) >>> (subject & 31) & 1) === 1;
  }

  /** @returns those of both */
  and(other: SubjectBits): SubjectBits {
    return this.#combine(other, (a, b) => a & b);
  }

  /** @returns those of either */
  or(other: SubjectBits): SubjectBits {
    return this.#combine(other, (a, b) => a | b);
  }

  /** @returns those that are not in the other */
  without(other: SubjectBits): SubjectBits {
    return this.#combine(other, (a, b) => a & ~b);
  }

  /** Whether nobody is in it. */
  get isEmpty(): boolean {
    return this.#words.every((word) => word === 0);
  }

  /** How many there are. */
  get count(): number {
    let count = 0;
    for (let word of this.#words) {
      // One bit is taken off at a time would be slow for full sets: pairs, fours and bytes are added instead.
      word -= word >>> 1 & 0x55555555;
      word = (word & 0x33333333) + (word >>> 2 & 0x33333333);
      count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
    }
    return count;
  }

  /** @returns those in it, in order */
  members(): Uint32Array {
    const found = new Uint32Array(this.count);
    let taken = 0;
    for (let index = 0; index < this.#words.length; index++) {
      let word = this.#words[index] ?? 0;
      while (word !== 0) {
        found[taken++] = index * 32 + 31 - Math.clz32(word & -word);
        word &= word - 1;
      }
    }
    return found;
  }

  #combine(other: SubjectBits, join: (a: number, b: number) => number): SubjectBits {
    const out = new SubjectBits(this.size);
    for (let i = 0; i < out.#words.length; i++) {
      out.#words[i] = join(this.#words[i] ?? 0, other.#words[i] ?? 0);
    }
    return out;
  }
}
