/**
 * Subjects that no rule tells apart are one class: ten thousand members are a handful of them, and what is decided for a pair of
 * classes is decided once.
 * @module
 */

import type { ProgramSet } from "../program/mod.ts";
import { SubjectBits } from "./subject_bits.ts";

/** Classes, and the sets made of them. */
export interface SubjectClasses {
  /** By subject. */
  readonly classes: Uint32Array;
  readonly classCount: number;
  /** The same sets, of classes. */
  readonly sets: readonly ProgramSet[];
}

/** Splits the subjects by each set in turn (partition refinement). */
export function classify(sets: readonly SubjectBits[], size: number): SubjectClasses {
  const classes = new Uint32Array(size);
  const sizes = [size];
  const everybody = SubjectBits.of(size, Array(size).keys());
  const smaller = sets.map((set) => {
    // The smaller side is gone through, so that a set of nearly all costs as little as one of few.
    const isInverted = 2 * set.count > size;
    return { isInverted, listed: (isInverted ? everybody.without(set) : set).members() };
  });
  for (const { listed } of smaller) {
    const counts = new Map<number, number>();
    for (const subject of listed) {
      const from = classes[subject] ?? 0;
      counts.set(from, (counts.get(from) ?? 0) + 1);
    }
    const into = new Map<number, number>();
    for (const [from, count] of counts) {
      if (count === sizes[from]) continue;
      into.set(from, sizes.push(count) - 1);
      sizes[from] = (sizes[from] ?? 0) - count;
    }
    if (into.size === 0) continue;
    for (const subject of listed) classes[subject] = into.get(classes[subject] ?? 0) ?? classes[subject] ?? 0;
  }
  return {
    classes,
    classCount: sizes.length,
    sets: smaller.map(({ isInverted, listed }) => ({ isInverted, listed: classesOf(listed, classes) })),
  };
}

/** @returns the classes that subjects are of, each once, in order */
function classesOf(subjects: Uint32Array, classes: Uint32Array): Uint32Array {
  const found = new Set<number>();
  for (const subject of subjects) found.add(classes[subject] ?? 0);
  return Uint32Array.from(found).sort();
}
