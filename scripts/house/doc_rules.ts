/**
 * Modules say what they are, exports what they do, examples prove what they say.
 * @module
 */

import type { Finding, SourceFile } from "./source_file.ts";

const EXPORTED_DECLARATION =
  /^export (?:default )?(?:declare )?(?:abstract )?(?:async )?(?:class|function\*?|const enum|const|let|var|interface|type(?! *\{)|enum|namespace)\s+(\w+)/gm;
const LOCAL_EXPORT_LIST = /^export (?:type )?\{([^}]*)\}(?!\s*from\b)/gm;

/** Every module, tests excepted, begins with a comment that has `@module`. */
export function* moduleDocRule({ name, comments, code }: SourceFile): Generator<Finding> {
  if (name.endsWith("_test.ts")) return;
  const first = comments.find((comment) => comment.text.startsWith("/**"));
  const codeStart = code.replace(/^#!.*/, (line) => " ".repeat(line.length)).search(/\S/);
  const isFirst = first !== undefined && (codeStart < 0 || first.start < codeStart);
  if (isFirst && /^ \* @module$/m.test(first.text)) return;
  yield { line: 1, message: "begins with no comment that says what the module is and ends with @module" };
}

/** Every export of the product has a docstring. */
export function* exportDocRule(file: SourceFile): Generator<Finding> {
  const documented = new Set<string>();
  for (const { name, offset } of exportedDeclarations(file)) {
    // The overloads of a function share the docstring of the first.
    if (documented.has(name)) continue;
    if (hasDocstring(file, offset)) documented.add(name);
    else yield { line: file.lineAt(offset), message: `${name} is exported without a docstring` };
  }
}

/** An example in a comment fails when it is wrong; an assertion of the console would only print. */
export function* exampleRule(file: SourceFile): Generator<Finding> {
  const pattern = new RegExp(["console", "assert"].join("\\."), "g");
  for (const comment of file.comments) {
    for (const { index } of comment.text.matchAll(pattern)) {
      const message = "an example that asserts by the console never fails; use node:assert/strict";
      yield { line: file.lineAt(comment.start + index), message };
    }
  }
}

function* exportedDeclarations(file: SourceFile): Generator<{ name: string; offset: number }> {
  for (const match of file.code.matchAll(EXPORTED_DECLARATION)) {
    yield { name: match[1] ?? "", offset: match.index };
  }
  for (const match of file.code.matchAll(LOCAL_EXPORT_LIST)) {
    for (const item of (match[1] ?? "").split(",")) {
      const local = item.trim().replace(/^type\s+/, "").split(/\s/)[0] ?? "";
      const declared = new RegExp(`^(?:declare )?(?:abstract )?(?:async )?\\w+\\*? +${local}\\b`, "m").exec(
        file.code,
      );
      if (local !== "" && declared !== null) yield { name: local, offset: declared.index };
    }
  }
}

function hasDocstring(file: SourceFile, offset: number): boolean {
  const before = file.comments.findLast((comment) => comment.end <= offset);
  if (before === undefined || file.text.slice(before.end, offset).trim() !== "") return false;
  return before.text.startsWith("/**") && !/^ \* @module$/m.test(before.text);
}
