/**
 * What is wrong with a policy.
 * @module
 */

import { WeftError } from "../../base/mod.ts";

/** Where in a document something is: keys and indexes from the outside in. */
export type PolicyPath = readonly (string | number)[];

/** A document that is no policy; the message says what is wrong and where. */
export class InvalidPolicyError extends WeftError {
  /** The failure's stable name, for programs. */
  readonly code = "InvalidPolicy";
  /** Where: `["rules", 2, "allow", "from"]`; empty for the whole. */
  readonly path: PolicyPath;
  /** What is wrong, without the place. */
  readonly problem: string;

  /**
   * Says what is wrong, and where.
   * @param problem what is wrong, in a few words
   * @param hint what to write in its place
   */
  constructor(problem: string, path: PolicyPath, hint?: string) {
    super(path.length === 0 ? `The policy ${problem}` : `The policy's ${pathText(path)} ${problem}`, {
      ...hint !== undefined && { hint },
    });
    this.path = path;
    this.problem = problem;
  }
}

/** @returns a path as it is written: `rules[2].allow.from` */
export function pathText(path: PolicyPath): string {
  return path.map((step, i) => typeof step === "number" ? `[${step}]` : `${i === 0 ? "" : "."}${step}`).join(
    "",
  );
}
