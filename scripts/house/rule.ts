/**
 * What a rule of the house is.
 * @module
 */

import type { SourceFile } from "./source_file.ts";

/** One place that breaks a rule. */
export interface Violation {
  /** Relative to the root of the project. */
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  readonly rule: string;
  /** What is wrong and, where it is not plain, what to do. */
  readonly message: string;
  /** A warning is printed and fails nothing. */
  readonly isWarning?: boolean;
}

/** Looks at all files at once and yields what breaks it. */
export type Rule = (files: readonly SourceFile[]) => Iterable<Violation>;
