/**
 * Whether what clients have seen of single entries could have happened one after the other.
 * @module
 */

/** One operation, as its client has seen it. */
export interface Operation {
  readonly key: string;
  /** When it was begun and when it was answered, by one clock; never answered is `Infinity`. */
  readonly begin: number;
  readonly end: number;
  readonly kind: "read" | "write";
  /** What was read or written; undefined for nothing, which is what a delete writes. */
  readonly value: unknown;
  /** The revision that was answered; undefined when none was. Of a read, 0 when nothing was there. */
  readonly revision: number | undefined;
}

/** A change, as its owner has kept it. */
export interface KeptChange {
  readonly key: string;
  readonly revision: number;
  readonly value: unknown;
}

/**
 * Checks a history of linearizable entries. The owner's changes are the witness: one order of all writes of a key. It has to
 * hold each write that was answered, and no other than those that were begun; every read has to give what was there; and
 * whatever was answered before another operation was begun has to come before it.
 * @param kept all changes, the oldest first
 * @returns the first thing that is wrong; undefined when nothing is
 */
export function whyNotLinearizable(
  history: readonly Operation[],
  kept: readonly KeptChange[],
): string | undefined {
  for (const [key, operations] of Map.groupBy(history, ({ key }) => key)) {
    const changes = kept.filter((change) => change.key === key);
    const wrong = whyNotOfKey(operations, changes);
    if (wrong !== undefined) return `${key}: ${wrong}`;
  }
  return undefined;
}

function whyNotOfKey(operations: readonly Operation[], changes: readonly KeptChange[]): string | undefined {
  const byRevision = new Map(changes.map((change) => [change.revision, change]));
  const placed: (Operation & { readonly at: number })[] = [];
  for (const operation of operations) {
    const { kind, value, revision } = operation;
    if (kind === "write" && revision === undefined) {
      const change = changes.find((change) => same(change.value, value));
      if (change !== undefined) placed.push({ ...operation, at: change.revision });
      continue;
    }
    if (revision === undefined) continue;
    if (kind === "write") {
      const change = byRevision.get(revision);
      if (change === undefined) return `a write was answered with revision ${revision}, and is not kept`;
      if (!same(change.value, value)) return `revision ${revision} is not what was written`;
      placed.push({ ...operation, at: revision });
    } else if (revision > 0) {
      const change = byRevision.get(revision);
      if (change === undefined || !same(change.value, value)) {
        return `a read gave ${JSON.stringify(value)} at revision ${revision}, which nobody wrote`;
      }
      placed.push({ ...operation, at: revision });
    } else {
      // Nothing was there: before the first change, or after one of the deletes.
      const gaps = [
        0,
        ...changes.filter((change) => change.value === undefined).map(({ revision }) => revision),
      ];
      const at = gaps.find((gap) => fits(operation, gap, operations));
      if (at === undefined) return "a read found nothing where something was all the time";
      placed.push({ ...operation, at });
    }
  }
  const written = placed.filter(({ kind }) => kind === "write").map(({ at }) => at);
  for (const { revision } of changes) {
    if (!written.includes(revision)) return `revision ${revision} was written by nobody`;
  }
  if (new Set(written).size !== written.length) return "two writes have one revision";
  for (const before of placed) {
    for (const after of placed) {
      if (before.end >= after.begin) continue;
      const isLate = after.kind === "write" ? after.at <= before.at : after.at < before.at;
      if (isLate) {
        return `a ${before.kind} of revision ${before.at} was answered before a ${after.kind} of revision ${after.at} was begun`;
      }
    }
  }
  return undefined;
}

/** Whether a read could have been between a gap's beginning and the next write. */
function fits(read: Operation, gap: number, operations: readonly Operation[]): boolean {
  return operations.every((other) => {
    if (other.revision === undefined || other === read || (other.kind === "read" && other.revision === 0)) {
      return true;
    }
    if (other.end < read.begin) return other.revision <= gap;
    if (read.end < other.begin) return other.kind === "write" ? other.revision > gap : other.revision >= gap;
    return true;
  });
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
