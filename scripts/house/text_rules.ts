/**
 * What no text of the project holds, what no module keeps, and what a pure folder does not touch.
 * @module
 */

import { PURE_NODE_MODULES, SYSTEM_FOLDERS } from "./layers.ts";
import type { Finding, SourceFile } from "./source_file.ts";

const MACHINE_PATH = /(?<![\w.*~-])\/(?:work|root)\/[^\s"'`)\]}]*/g;
const UNFINISHED = /\b(?:TO[D]O|FIX[M]E)\b/g;
const IMPURE_WORDS =
  /\bDeno\s*\??\.|\bDate\.now\b|\bnew Date\(\s*\)|\bTemporal\.Now\b|\bperformance\.now\b|\bset(?:Timeout|Interval|Immediate)\b|\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b|\bconsole\s*\??\./g;

/** A path of one machine means nothing on another. */
export function* machinePathRule(file: SourceFile): Generator<Finding> {
  for (const { 0: found, index } of file.text.matchAll(MACHINE_PATH)) {
    yield { line: file.lineAt(index), message: `${found} is a path of one machine` };
  }
}

/** What is left to do stands in the tracker. */
export function* unfinishedRule(file: SourceFile): Generator<Finding> {
  for (const { 0: found, index } of file.text.matchAll(UNFINISHED)) {
    yield { line: file.lineAt(index), message: `${found}: do it, or put it into the tracker` };
  }
}

/** State belongs to an object that somebody made, never to a module. */
export function* moduleStateRule(file: SourceFile): Generator<Finding> {
  for (const { index } of file.code.matchAll(/^(?:export )?(?:let|var) /gm)) {
    const message = "a module keeps no state that changes; put it into a class";
    yield { line: file.lineAt(index), message };
  }
}

/**
 * The core touches no system: time, randomness, timers and effects come in as arguments or ports. Reports the system's
 * words in pure folders, outside of comments and strings, and imports of Node.js.
 */
export function* purityRule(file: SourceFile): Generator<Finding> {
  const { folder } = file;
  if (folder === undefined || SYSTEM_FOLDERS.has(folder)) return;
  for (const { 0: match, index } of file.code.matchAll(IMPURE_WORDS)) {
    const word = match.replace(/[\s?.(]+\)?$/, "");
    const message = `lib/${folder} is pure: take what ${word} gives as an argument or port`;
    yield { line: file.lineAt(index), message };
  }
  for (const { specifier, line } of file.imports) {
    if (!specifier.startsWith("node:") || PURE_NODE_MODULES.get(folder)?.includes(specifier)) continue;
    yield { line, message: `lib/${folder} is pure: it may not import ${specifier}` };
  }
}
