/**
 * Imports point one way, enter a folder by its face, and never go round.
 * @module
 */

import { dirname } from "node:path/posix";
import { ALLOWED_IMPORTS } from "./layers.ts";
import type { Violation } from "./rule.ts";
import { SourceFile } from "./source_file.ts";

/** A folder imports only the folders below it. */
export function* importDirectionRule(files: readonly SourceFile[]): Generator<Violation> {
  for (const file of files.filter((file) => file.isProduct)) {
    const report = (line: number, message: string): Violation => ({
      path: file.path,
      line,
      rule: "import-direction",
      message,
    });
    const allowed = file.folder === undefined ? undefined : ALLOWED_IMPORTS.get(file.folder);
    if (file.folder !== undefined && allowed === undefined) {
      yield report(1, `lib/${file.folder} has no layer; give it one in scripts/house/layers.ts`);
    }
    for (const { target, line } of file.imports) {
      if (target === undefined) continue;
      const into = new SourceFile(target, "");
      if (!into.isTypeScript) continue;
      if (!into.isProduct) {
        yield report(line, `${target} is no part of the product`);
      } else if (file.folder !== undefined && into.folder === undefined) {
        yield report(line, `lib/${file.folder} may not import ${target}, which stands above lib`);
      } else if (
        into.folder !== undefined && into.folder !== file.folder && allowed?.includes(into.folder) === false
      ) {
        yield report(line, `lib/${file.folder} may not import lib/${into.folder}`);
      }
    }
  }
}

/** What another folder or room offers is imported from its mod.ts; a room may use what stands in the folders around it. */
export function* importFaceRule(files: readonly SourceFile[]): Generator<Violation> {
  for (const file of files.filter((file) => file.isProduct && !file.isGenerated)) {
    for (const { target, line } of file.imports) {
      const into = target === undefined ? undefined : new SourceFile(target, "");
      if (into?.folder === undefined || !into.isTypeScript || into.isGenerated) continue;
      const room = dirname(into.path);
      const isAround = into.folder === file.folder && `${dirname(file.path)}/`.startsWith(`${room}/`);
      const face = into.folder === file.folder ? `${room}/mod.ts` : `lib/${into.folder}/mod.ts`;
      if (isAround || into.path === face) continue;
      const message = `import from ${face}, not from ${into.path}`;
      yield { path: file.path, line, rule: "import-face", message };
    }
  }
}

/** No file imports itself by any way round; types count too. */
export function* importCycleRule(files: readonly SourceFile[]): Generator<Violation> {
  const product = new Map(
    files.filter((file) => !file.isGenerated && file.isProduct).map((file) => [file.path, file]),
  );
  const finished = new Set<string>();
  const path: string[] = [];

  function* visit(file: SourceFile): Generator<Violation> {
    path.push(file.path);
    for (const { target, line } of file.imports) {
      const into = target === undefined ? undefined : product.get(target);
      if (into === undefined || finished.has(into.path)) continue;
      const start = path.indexOf(into.path);
      if (start < 0) yield* visit(into);
      else {
        const message = [...path.slice(start), into.path].join(" -> ");
        yield { path: file.path, line, rule: "import-cycle", message };
      }
    }
    path.pop();
    finished.add(file.path);
  }

  for (const file of product.values()) if (!finished.has(file.path)) yield* visit(file);
}
