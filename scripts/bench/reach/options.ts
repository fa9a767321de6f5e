/**
 * What whoever starts the benchmark may choose.
 * @module
 */

import { parseArgs } from "node:util";
import { ATTACHMENT_KINDS, type AttachmentKind } from "../../../tests/lab/mod.ts";

/** Two kinds of places, between which is measured. */
export type Pair = readonly [AttachmentKind, AttachmentKind];

/** What is measured. */
export interface ReachOptions {
  readonly pairs: readonly Pair[];
  readonly hasRoaming: boolean;
  /** A file for all that was measured, as JSON. */
  readonly json: string | undefined;
}

/** @throws TypeError when they make no sense, with what would */
export function parseOptions(args: readonly string[]): ReachOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "pairs": { type: "string" },
      "no-roaming": { type: "boolean", default: false },
      "json": { type: "string" },
    },
  });
  return {
    pairs: values.pairs === undefined ? allPairs() : values.pairs.split(",").map(parsePair),
    hasRoaming: !values["no-roaming"],
    json: values.json,
  };
}

/** @returns each kind with itself and with all others, once */
export function allPairs(): readonly Pair[] {
  return ATTACHMENT_KINDS.flatMap((a, index) => ATTACHMENT_KINDS.slice(index).map((b) => [a, b] as const));
}

function parsePair(text: string): Pair {
  const kinds = text.split(":");
  const [a, b] = kinds.map((name) => ATTACHMENT_KINDS.find((kind) => kind === name));
  if (kinds.length !== 2 || a === undefined || b === undefined) {
    throw new TypeError(
      `Cannot take the pair ${text}: a pair is KIND:KIND of ${ATTACHMENT_KINDS.join(", ")}`,
    );
  }
  return [a, b];
}
