/**
 * Steps of moves, as they stand in the log.
 * @module
 */

import type { MoveStep } from "../moves.ts";

/** Whether a value is a step, as far as reading it needs; what it says is checked when it is done. */
export function isMoveStep(step: MoveStep): boolean {
  if (!isObject(step)) return false;
  switch (step.kind) {
    case "begin":
      return isText(step.collection) && isText(step.id) && isText(step.by);
    case "hold":
      return isText(step.collection) && isText(step.id) && areCounts(step.hold, step.forMs);
    case "decide":
      return isText(step.collection) && isText(step.id) && areCounts(step.hold);
    case "clean":
    case "discard":
      return isText(step.collection) && isText(step.id);
    case "abort":
      return isText(step.collection);
    case "receive":
      return isObject(step.spec) && isText(step.id) && areCounts(step.revision);
    case "publish":
      return isObject(step.spec) && isText(step.id);
    case "fill": {
      const { entries, changes, commits } = step;
      return isText(step.collection) && isText(step.id) && areCounts(step.part) &&
        [entries, changes, commits].every((part) => Array.isArray(part) && part.every(isObject)) &&
        entries.every(({ revision }) => areCounts(revision)) &&
        changes.every(({ revision, at }) => areCounts(revision, at)) &&
        commits.every(({ id, origin, revisions }) =>
          isText(id) && isText(origin) && Array.isArray(revisions)
        );
    }
    default:
      return false;
  }
}

function areCounts(...values: readonly unknown[]): boolean {
  return values.every((value) => Number.isSafeInteger(value) && (value as number) >= 0);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
