/**
 * Policies as people write them: YAML, or JSON, which is the same. What is wrong is told with its line and column.
 * @module
 */

import type { Document, LineCounter, Node, Pair } from "yaml";
import { WeftError } from "../../base/mod.ts";
import {
  InvalidPolicyError,
  type PolicyDocument,
  type PolicyPath,
  readPolicyDocument,
} from "../../policy/mod.ts";

/** Ten thousand rules are a megabyte. */
const MAX_LENGTH = 8 << 20;

/** Where something stands in a file, both counted from 1. */
export interface FilePlace {
  readonly line: number;
  readonly column: number;
}

/** A file that is no policy; the message begins with the place, `line 7, column 5: `, where there is one. */
export class InvalidPolicyFileError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidPolicy";
  /** Undefined for the whole file. */
  readonly place: FilePlace | undefined;

  /** Says what is wrong, and where. */
  constructor(
    problem: string,
    options: {
      readonly place?: FilePlace | undefined;
      readonly hint?: string | undefined;
      readonly cause?: unknown;
    },
  ) {
    const { place, hint, cause } = options;
    super(place === undefined ? problem : `${placeText(place)}: ${problem}`, {
      ...hint !== undefined && { hint },
      ...cause !== undefined && { cause },
    });
    this.place = place;
  }
}

/** A policy, and where its parts stand. */
export interface PolicyFile {
  readonly document: PolicyDocument;
  /** @returns where a part of the file stands, or what of its path there is; undefined for the whole */
  place(path: PolicyPath): FilePlace | undefined;
}

/**
 * Reads a policy from YAML or JSON.
 * @throws InvalidPolicyFileError that names line and column, and what to write in their place
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { readPolicyFile } from "./policy_file.ts";
 * const text = "rules:\n  - allow: {from: role=web, to: role=db, ports: tcp/5432}\n";
 * const { document } = await readPolicyFile(text);
 * assert.equal(document.policies[0]?.rules[0]?.destinationPortRange, "5432");
 * await assert.rejects(readPolicyFile(text + "  - alow: {from: '*', to: '*'}\n"), /line 3, column 5: /);
 * ```
 */
export async function readPolicyFile(text: string): Promise<PolicyFile> {
  const { value, place } = await readYamlValue(text, "The policy");
  try {
    return { document: readPolicyDocument(value), place };
  } catch (cause) {
    if (!(cause instanceof InvalidPolicyError)) throw cause;
    throw new InvalidPolicyFileError(cause.message, { place: place(cause.path), hint: cause.hint, cause });
  }
}

/** A value of YAML, and where its parts stand. */
interface YamlValue extends Pick<PolicyFile, "place"> {
  readonly value: unknown;
}

/** @param what the file is, as the error begins @throws InvalidPolicyFileError when it is no YAML */
export async function readYamlValue(text: string, what: string): Promise<YamlValue> {
  if (text.length > MAX_LENGTH) {
    throw new InvalidPolicyFileError(`${what} is larger than ${MAX_LENGTH} characters`, {
      hint: "Groups and labels say in one rule what names and addresses say in many.",
    });
  }
  const { isMap, isScalar, isSeq, LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  // YAML 1.2 core schema, as in the configuration's file.
  const options = { version: "1.2", prettyErrors: false, stringKeys: true, lineCounter: lines } as const;
  const document = parseDocument(text, options);
  const [error] = document.errors;
  if (error !== undefined) {
    const isTwice = error.code === "DUPLICATE_KEY";
    throw new InvalidPolicyFileError(
      isTwice ? `${what} says a name twice` : `${what} is no YAML: ${error.message}`,
      {
        place: placeAt(lines, error.pos[0]),
        hint: isTwice
          ? "Keep one of them."
          : 'Indent with blanks, begin items of a list with "- ", and quote "*" and what has ": " in it.',
        cause: error,
      },
    );
  }
  const place = (path: PolicyPath): FilePlace | undefined => {
    let node: unknown = document.contents;
    let found: number | undefined;
    for (const step of path) {
      let next: unknown;
      if (isMap(node)) {
        const pair = node.items.find(({ key }) => isScalar(key) && key.value === step) as
          | Pair<Node, Node | null>
          | undefined;
        found = pair?.key.range?.[0] ?? found;
        next = pair?.value;
      } else if (isSeq(node)) {
        next = typeof step === "number" ? node.items[step] : undefined;
        found = (next as Node | undefined)?.range?.[0] ?? found;
      }
      if (next === undefined || next === null) break;
      node = next;
    }
    return found === undefined ? undefined : placeAt(lines, found);
  };
  return { value: plainValue(document, what), place };
}

/** @returns the place as messages have it */
export function placeText({ line, column }: FilePlace): string {
  return `line ${line}, column ${column}`;
}

/** Aliases could blow a small file up. */
function plainValue(document: Document, what: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw new InvalidPolicyFileError(`${what} has an alias, such as *name, which is not allowed`, {
      hint: 'Write the value out; for everybody write "*" in quotes, and use groups for what repeats.',
      cause,
    });
  }
}

function placeAt(lines: LineCounter, at: number): FilePlace {
  const { line, col } = lines.linePos(at);
  return { line, column: col };
}
