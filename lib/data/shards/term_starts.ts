/**
 * Where each owner of a shard began, by which one copy finds out whether it is the beginning of another (the log matching of
 * Raft, Ongaro and Ousterhout 2014 §5.3).
 * @module
 */

import { MAX_STARTS } from "./bounds.ts";

/** An owner began its term with a copy at a position. */
export interface TermStart {
  readonly term: number;
  readonly position: number;
}

/** @returns with one more, and without the oldest when there are too many */
export function withStart(starts: readonly TermStart[], start: TermStart): readonly TermStart[] {
  return [...starts.filter(({ term }) => term < start.term), start].slice(-MAX_STARTS);
}

/** Whether a copy that stands at a position is the beginning of one with those starts. */
export function isBeginning(
  own: readonly TermStart[],
  position: number,
  owners: readonly TermStart[],
): boolean {
  const before = (starts: readonly TermStart[]) => starts.filter((start) => start.position < position);
  return JSON.stringify(before(own)) === JSON.stringify(before(owners));
}

/** @returns what somebody sent, if it is that */
export function readStarts(value: unknown): readonly TermStart[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_STARTS) return undefined;
  const starts = value.map((one) => {
    const { term, position } = (one ?? {}) as Partial<TermStart>;
    return Number.isSafeInteger(term) && Number.isSafeInteger(position)
      ? { term: term as number, position: position as number }
      : undefined;
  }).filter((one) => one !== undefined);
  return starts.length === value.length ? starts : undefined;
}
