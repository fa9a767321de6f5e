/**
 * Policies as people write them: YAML, or JSON, which is YAML, too; what is wrong is named with line and column.
 * @module
 */

import { WeftError } from "../../base/mod.ts";
import {
  InvalidPolicyError,
  pathText,
  type PolicyDocument,
  type PolicyPath,
  readPolicySource,
} from "../../policy/mod.ts";

/** The longest file, in characters: several times what a network carries. */
export const MAX_POLICY_FILE_LENGTH: number = 8 * 2 ** 20;

const TYPESCRIPT_HINT =
  "A policy in TypeScript prints itself: `deno run FILE | weft policy apply -`, see definePolicy.";
const YAML_HINT =
  "It is YAML: `name: value` a line, lists with `- `, two spaces for what belongs to the line above.";

/** A place in a file. */
export interface FilePosition {
  /** From 1. */
  readonly line: number;
  /** Likewise. */
  readonly column: number;
}

/** A file that is no policy. */
export class PolicyFileError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidPolicy";
  /** Where it is wrong; undefined when it is so as a whole. */
  readonly position: FilePosition | undefined;

  /** Says what is wrong with `file`, and where. */
  constructor(
    file: string,
    problem: string,
    position?: FilePosition,
    options?: { hint?: string; cause?: unknown },
  ) {
    const place = position === undefined ? "" : `:${position.line}:${position.column}`;
    super(`Cannot read ${file}${place}: ${problem}`, options);
    this.position = position;
  }
}

/** A policy, and where its parts stand. */
export interface PolicyFile {
  readonly document: PolicyDocument;
  /** @returns where a part of the document begins, or the nearest around it that is there; undefined for a file without any */
  positionOf(path: PolicyPath): FilePosition | undefined;
}

/** A value of YAML, and where its parts stand. */
export interface YamlFile extends Pick<PolicyFile, "positionOf"> {
  readonly value: unknown;
}

/**
 * Reads a policy.
 * @param file how the file is called in errors
 * @throws PolicyFileError
 */
export async function readPolicyFile(text: string, file: string = "the policy"): Promise<PolicyFile> {
  const { value, positionOf } = await readYaml(text, file);
  try {
    const { document, sourcePath } = readPolicySource(value);
    return { document, positionOf: (path) => positionOf(sourcePath(path)) };
  } catch (cause) {
    if (!(cause instanceof InvalidPolicyError)) throw cause;
    const problem = `${cause.path.length === 0 ? "it" : pathText(cause.path)} ${cause.problem}`;
    const isOther = /^(acls|grants)$/.test(String(cause.path[0]));
    const hint = isOther
      ? "That is Tailscale's: `weft policy import FILE` makes a policy of weft of it."
      : cause.hint;
    throw new PolicyFileError(file, problem, positionOf(cause.path), {
      ...hint !== undefined && { hint },
      cause,
    });
  }
}

/** @param file how the file is called in errors @throws PolicyFileError when it is no YAML */
export async function readYaml(text: string, file: string): Promise<YamlFile> {
  if (text.length > MAX_POLICY_FILE_LENGTH) {
    throw new PolicyFileError(file, `it is longer than ${MAX_POLICY_FILE_LENGTH} characters`);
  }
  const { LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  const positionAt = (offset: number): FilePosition => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  // YAML 1.2 core schema: `no` is text, times are not numbers. Aliases could blow a small file up.
  const yaml = parseDocument(text, {
    version: "1.2",
    prettyErrors: false,
    stringKeys: true,
    lineCounter: lines,
  });
  const [error] = yaml.errors;
  if (error !== undefined) {
    const [first = ""] = error.message.split("\n");
    const problem = error.code === "BAD_ALIAS" ? "a * stands without quotes" : first;
    const usual = /\.[cm]?[jt]s$/.test(file) ? TYPESCRIPT_HINT : YAML_HINT;
    throw new PolicyFileError(file, problem, positionAt(error.pos[0]), {
      hint: error.code === "BAD_ALIAS" ? 'For all, write "*" in quotes.' : usual,
    });
  }
  const positionOf = (path: PolicyPath): FilePosition | undefined => {
    for (let length = path.length; length >= 0; length--) {
      const node: unknown = length === 0 ? yaml.contents : yaml.getIn(path.slice(0, length), true);
      const range = rangeOf(node);
      if (range !== undefined) return positionAt(range);
    }
    return undefined;
  };
  try {
    return { value: yaml.toJS({ maxAliasCount: 0 }) ?? undefined, positionOf };
  } catch (cause) {
    throw new PolicyFileError(file, "aliases are not allowed", undefined, {
      hint: 'Write the value out, or make a group of it; for all, write "*" in quotes.',
      cause,
    });
  }
}

/** @returns where a node begins, in characters */
function rangeOf(node: unknown): number | undefined {
  if (typeof node !== "object" || node === null || !("range" in node) || !Array.isArray(node.range)) {
    return undefined;
  }
  const [start]: unknown[] = node.range;
  return typeof start === "number" ? start : undefined;
}
