/**
 * Subjects that no rule tells apart are one class: ten thousand members are a handful of them, and what is decided for a pair of
 * classes is decided once.
 * @module
 */

import type { SubjectBits } from "./subject_bits.ts";

/** Classes, and the sets made of them. */
export interface SubjectClasses {
  /** By subject. */
  readonly classes: Uint32Array;
  readonly classCount: number;
  /** The classes in each set, in order. */
  readonly sets: readonly Uint32Array[];
}

/** Splits the subjects by each set in turn (partition refinement). */
export function classify(sets: readonly SubjectBits[], size: number): SubjectClasses {
  const classes = new Uint32Array(size);
  const sizes = [size];
  const complete = sets.map((set) => ({ set, isSmall: 2 * set.count <= size }));
  for (const { set, isSmall } of complete) {
    // What leaves its class is the smaller side, so that a set of nearly all costs as little as one of few.
    const leaving = isSmall ? [...set] : others(set, size);
    const counts = new Map<number, number>();
    for (const subject of leaving) {
      const from = classes[subject] ?? 0;
      counts.set(from, (counts.get(from) ?? 0) + 1);
    }
    const into = new Map<number, number>();
    for (const [from, count] of counts) {
      if (count === sizes[from]) continue;
      into.set(from, sizes.push(count) - 1);
      sizes[from] = (sizes[from] ?? 0) - count;
    }
    for (const subject of leaving) {
      classes[subject] = into.get(classes[subject] ?? 0) ?? classes[subject] ?? 0;
    }
  }
  const first = new Uint32Array(sizes.length);
  for (let subject = size - 1; subject >= 0; subject--) first[classes[subject] ?? 0] = subject;
  return {
    classes,
    classCount: sizes.length,
    sets: sets.map((set) => Uint32Array.from(first.keys().filter((one) => set.has(first[one] ?? 0)))),
  };
}

function others(set: SubjectBits, size: number): readonly number[] {
  const out: number[] = [];
  for (let subject = 0; subject < size; subject++) if (!set.has(subject)) out.push(subject);
  return out;
}
