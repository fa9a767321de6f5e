/**
 * The rules of the house as code. They look at text only: nothing is compiled or run.
 * @module
 */

import { exampleRule, exportDocRule, moduleDocRule } from "./doc_rules.ts";
import { fileLengthRule, fileNameRule, folderFaceRule, folderSizeRule } from "./file_rules.ts";
import { importCycleRule, importDirectionRule, importFaceRule, packageRule } from "./import_rules.ts";
import type { Finding, FindingAt, SourceFile } from "./source_file.ts";
import { machinePathRule, moduleStateRule, purityRule, unfinishedRule } from "./text_rules.ts";

export { lineCount } from "./file_rules.ts";
export { readTree, SourceFile } from "./source_file.ts";

/** One place that breaks a rule. */
export interface Violation extends FindingAt {
  readonly rule: string;
}

const any = (): boolean => true;
const typeScript = (file: SourceFile): boolean => file.isTypeScript;
const written = (file: SourceFile): boolean => file.isTypeScript && !file.isGenerated;
const product = (file: SourceFile): boolean => file.isProduct;
const writtenProduct = (file: SourceFile): boolean => file.isProduct && !file.isGenerated;

/** Rules for one file at a time: a name, the files that it is for, and what finds what breaks it. */
const FILE_RULES: readonly (readonly [
  rule: string,
  isFor: (file: SourceFile) => boolean,
  find: (file: SourceFile) => Iterable<Finding>,
])[] = [
  ["import-direction", product, importDirectionRule],
  ["import-face", writtenProduct, importFaceRule],
  ["purity", product, purityRule],
  ["package", typeScript, packageRule],
  ["file-name", written, fileNameRule],
  ["file-length", written, fileLengthRule],
  ["module-doc", written, moduleDocRule],
  ["export-doc", writtenProduct, exportDocRule],
  ["example", typeScript, exampleRule],
  ["machine-path", any, machinePathRule],
  ["unfinished", any, unfinishedRule],
  ["module-state", writtenProduct, moduleStateRule],
];

/** Rules that need to see all files at once. */
const TREE_RULES = {
  "import-cycle": importCycleRule,
  "folder-face": folderFaceRule,
  "folder-size": folderSizeRule,
};

/** Holds all files against all rules. @returns what is wrong, by path and line */
export function checkHouse(files: readonly SourceFile[]): Violation[] {
  const ofFiles = FILE_RULES.flatMap(([rule, isFor, find]) =>
    files.filter(isFor).flatMap((file) =>
      [...find(file)].map((finding) => ({ path: file.path, rule, ...finding }))
    )
  );
  const ofTree = Object.entries(TREE_RULES).flatMap(([rule, find]) =>
    [...find(files)].map((finding) => ({ rule, ...finding }))
  );
  const byPlace = (a: Violation, b: Violation) =>
    a.path < b.path ? -1 : a.path > b.path ? 1 : a.line - b.line;
  return [...ofFiles, ...ofTree].sort(byPlace);
}

/** @returns `path:line: rule: what` */
export function formatViolation({ path, line, rule, message, isWarning }: Violation): string {
  return `${path}:${line}: ${isWarning ? "warning: " : ""}${rule}: ${message}`;
}
