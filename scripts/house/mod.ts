/**
 * The rules of the house as code. They look at text only: nothing is compiled or run.
 * @module
 */

import { exampleRule, exportDocRule, moduleDocRule } from "./doc_rules.ts";
import { fileLengthRule, fileNameRule, folderFaceRule, folderSizeRule } from "./file_rules.ts";
import { importCycleRule, importDirectionRule, importFaceRule } from "./import_rules.ts";
import { packageRule } from "./package_rule.ts";
import { purityRule } from "./purity_rule.ts";
import type { Rule, Violation } from "./rule.ts";
import type { SourceFile } from "./source_file.ts";
import { machinePathRule, moduleStateRule, unfinishedRule } from "./text_rules.ts";

export { lineCount } from "./file_rules.ts";
export { readTree } from "./read_tree.ts";
export type { Rule, Violation } from "./rule.ts";
export { SourceFile } from "./source_file.ts";

const RULES: readonly Rule[] = [
  importDirectionRule,
  importFaceRule,
  importCycleRule,
  purityRule,
  packageRule,
  fileNameRule,
  fileLengthRule,
  folderFaceRule,
  folderSizeRule,
  moduleDocRule,
  exportDocRule,
  exampleRule,
  machinePathRule,
  unfinishedRule,
  moduleStateRule,
];

/** Holds all files against all rules. @returns what is wrong, by path and line */
export function checkHouse(files: readonly SourceFile[]): Violation[] {
  const byPlace = (a: Violation, b: Violation) =>
    a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line;
  return RULES.flatMap((rule) => [...rule(files)]).sort(byPlace);
}

/** @returns `path:line: rule: what` */
export function formatViolation({ path, line, rule, message, isWarning }: Violation): string {
  return `${path}:${line}: ${isWarning ? "warning: " : ""}${rule}: ${message}`;
}
