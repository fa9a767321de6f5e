/**
 * The core touches no system: time, randomness, timers and effects come in as arguments or ports.
 * @module
 */

import { PURE_NODE_MODULES, SYSTEM_FOLDERS } from "./layers.ts";
import type { Violation } from "./rule.ts";
import type { SourceFile } from "./source_file.ts";

const IMPURE_WORDS =
  /\bDeno\s*\??\.|\bDate\.now\b|\bnew Date\(\s*\)|\bTemporal\.Now\b|\bperformance\.now\b|\bset(?:Timeout|Interval|Immediate)\b|\bMath\.random\b|\bgetRandomValues\b|\brandomUUID\b|\bconsole\s*\??\./g;

/** Reports the system's words in pure folders, outside of comments and strings, and imports of Node.js. */
export function* purityRule(files: readonly SourceFile[]): Generator<Violation> {
  for (const file of files) {
    const { folder, path } = file;
    if (folder === undefined || SYSTEM_FOLDERS.has(folder) || !file.isProduct) continue;
    for (const { 0: word, index } of file.code.matchAll(IMPURE_WORDS)) {
      const message = `lib/${folder} is pure: take what ${
        word.replace(/[\s?.(]+\)?$/, "")
      } gives as an argument or port`;
      yield { path, line: file.lineAt(index), rule: "purity", message };
    }
    for (const { specifier, line } of file.imports) {
      if (!specifier.startsWith("node:") || PURE_NODE_MODULES.get(folder)?.includes(specifier)) continue;
      yield { path, line, rule: "purity", message: `lib/${folder} is pure: it may not import ${specifier}` };
    }
  }
}
