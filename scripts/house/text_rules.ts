/**
 * What no text of the project holds, and what no module keeps.
 * @module
 */

import type { Violation } from "./rule.ts";
import type { SourceFile } from "./source_file.ts";

const MACHINE_PATH = /(?<![\w.*~-])\/(?:work|root)\/[^\s"'`)\]}]*/g;
const UNFINISHED = /\b(?:TO[D]O|FIX[M]E)\b/g;

/** A path of one machine means nothing on another. */
export function* machinePathRule(files: readonly SourceFile[]): Generator<Violation> {
  for (const file of files) {
    for (const { 0: found, index } of file.text.matchAll(MACHINE_PATH)) {
      const message = `${found} is a path of one machine`;
      yield { path: file.path, line: file.lineAt(index), rule: "machine-path", message };
    }
  }
}

/** What is left to do stands in the tracker. */
export function* unfinishedRule(files: readonly SourceFile[]): Generator<Violation> {
  for (const file of files) {
    for (const { 0: found, index } of file.text.matchAll(UNFINISHED)) {
      const message = `${found}: do it, or put it into the tracker`;
      yield { path: file.path, line: file.lineAt(index), rule: "unfinished", message };
    }
  }
}

/** State belongs to an object that somebody made, never to a module. */
export function* moduleStateRule(files: readonly SourceFile[]): Generator<Violation> {
  for (const file of files.filter((file) => file.isProduct && !file.isGenerated)) {
    for (const { index } of file.code.matchAll(/^(?:export )?(?:let|var) /gm)) {
      const message = "a module keeps no state that changes; put it into a class";
      yield { path: file.path, line: file.lineAt(index), rule: "module-state", message };
    }
  }
}
