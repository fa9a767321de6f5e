/**
 * What whoever starts the benchmark may choose.
 * @module
 */

import assert from "node:assert/strict";
import { parseArgs } from "node:util";
import { ATTACHMENT_KINDS, type AttachmentKind } from "../../../tests/lab/mod.ts";
import { type Journey, JOURNEYS } from "./journeys.ts";

/** Two kinds of places, between which is measured. */
export type Pair = readonly [AttachmentKind, AttachmentKind];

/** What is measured. */
export interface ReachOptions {
  readonly pairs: readonly Pair[];
  readonly journeys: readonly Journey[];
  /** A file for all that was measured, as JSON. */
  readonly json: string | undefined;
}

/** @throws TypeError when they make no sense, with what would */
export function parseOptions(args: readonly string[]): ReachOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "pairs": { type: "string" },
      "roaming": { type: "string" },
      "json": { type: "string" },
    },
  });
  return {
    pairs: listOf(values.pairs, allPairs(), parsePair),
    journeys: listOf(values.roaming, JOURNEYS, parseJourney),
    json: values.json,
  };
}

/** @returns each kind with itself and with all others, once */
export function allPairs(): readonly Pair[] {
  return ATTACHMENT_KINDS.flatMap((a, index) => ATTACHMENT_KINDS.slice(index).map((b) => [a, b] as const));
}

/** @returns all when the option was not given, and nothing for `none` */
function listOf<T>(
  option: string | undefined,
  all: readonly T[],
  parse: (text: string) => T,
): readonly T[] {
  if (option === undefined) return all;
  return option === "none" ? [] : option.split(",").map(parse);
}

function parsePair(text: string): Pair {
  const [a, b] = parseKinds(text, 2, "pair is KIND:KIND");
  assert(a && b);
  return [a, b];
}

function parseJourney(text: string): Journey {
  const [from, to, partner] = parseKinds(text, 3, "journey is FROM:TO:PARTNER");
  assert(from && to && partner);
  return { from, to, partner };
}

/** @returns so many as the text names. @throws TypeError when it names others or not so many */
function parseKinds(text: string, count: number, rule: string): readonly AttachmentKind[] {
  const names = text.split(":");
  const kinds = names.flatMap((name) => ATTACHMENT_KINDS.find((kind) => kind === name) ?? []);
  if (names.length !== count || kinds.length !== count) {
    throw new TypeError(`Cannot take ${text}: a ${rule} of ${ATTACHMENT_KINDS.join(", ")}`);
  }
  return kinds;
}
