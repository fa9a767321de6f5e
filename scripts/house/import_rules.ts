/**
 * Imports point one way, enter a folder by its face, and never go round; a third-party package enters at its folder.
 * @module
 */

import { dirname } from "node:path/posix";
import { ALLOWED_IMPORTS, PACKAGE_FOLDERS } from "./layers.ts";
import { type Finding, type FindingAt, SourceFile } from "./source_file.ts";

/** A folder imports only the folders below it. */
export function* importDirectionRule({ folder, root, imports }: SourceFile): Generator<Finding> {
  const allowed = folder === undefined ? undefined : ALLOWED_IMPORTS.get(folder);
  if (folder !== undefined && allowed === undefined) {
    yield { line: 1, message: `${root} has no layer; give it one in scripts/house/layers.ts` };
  }
  for (const { target, line } of imports) {
    if (target === undefined) continue;
    const into = new SourceFile(target, "");
    if (!into.isTypeScript) continue;
    if (!into.isProduct) yield { line, message: `${target} is no part of the product` };
    else if (folder !== undefined && into.folder === undefined) {
      yield { line, message: `${root} may not import ${target}, which stands above lib` };
    } else if (
      into.folder !== undefined && into.folder !== folder && !isBounds(into) &&
      allowed?.includes(into.folder) === false
    ) {
      yield { line, message: `${root} may not import ${into.root}` };
    }
  }
}

/**
 * What another folder or room offers is imported from its mod.ts; a room may use what stands in the folders around it. A
 * folder's bounds.ts, constants alone, may be imported by every folder: whoever tells people about a bound need not load
 * what keeps it. So that one imports nothing.
 */
export function* importFaceRule(file: SourceFile): Generator<Finding> {
  for (const { target, line } of file.imports) {
    if (isBounds(file)) yield { line, message: "bounds.ts imports nothing" };
    const into = target === undefined ? undefined : new SourceFile(target, "");
    if (into?.folder === undefined || !into.isTypeScript || into.isGenerated || isBounds(into)) continue;
    const room = dirname(into.path);
    const isAround = into.folder === file.folder && `${dirname(file.path)}/`.startsWith(`${room}/`);
    const face = into.folder === file.folder ? `${room}/mod.ts` : `${into.root}/mod.ts`;
    if (!isAround && into.path !== face) {
      yield { line, message: `import from ${face}, not from ${into.path}` };
    }
  }
}

function isBounds({ path, root }: SourceFile): boolean {
  return root !== undefined && path === `${root}/bounds.ts`;
}

/** No file imports itself by any way round; types count too. */
export function* importCycleRule(files: readonly SourceFile[]): Generator<FindingAt> {
  const product = new Map(
    files.filter((file) => !file.isGenerated && file.isProduct).map((file) => [file.path, file]),
  );
  const finished = new Set<string>();
  const path: string[] = [];

  function* visit(file: SourceFile): Generator<FindingAt> {
    path.push(file.path);
    for (const { target, line } of file.imports) {
      const into = target === undefined ? undefined : product.get(target);
      if (into === undefined || finished.has(into.path)) continue;
      const start = path.indexOf(into.path);
      if (start < 0) yield* visit(into);
      else yield { path: file.path, line, message: [...path.slice(start), into.path].join(" -> ") };
    }
    path.pop();
    finished.add(file.path);
  }

  for (const file of product.values()) if (!finished.has(file.path)) yield* visit(file);
}

/** Tests and scripts may import any package of the import map, the product each at its folder. */
export function* packageRule(file: SourceFile): Generator<Finding> {
  for (const { specifier, target, line } of file.imports) {
    if (target !== undefined || specifier.startsWith("node:")) continue;
    const message = packageProblem(file, specifier);
    if (message !== undefined) yield { line, message };
  }
}

function packageProblem(file: SourceFile, specifier: string): string | undefined {
  if (/^[a-z]+:/.test(specifier)) return `${specifier} must come through the import map of deno.json`;
  const name = [...PACKAGE_FOLDERS.keys()].find((name) =>
    specifier === name || specifier.startsWith(`${name}/`)
  );
  if (name === undefined) return `${specifier} has no folder; give it one in scripts/house/layers.ts`;
  const folders = PACKAGE_FOLDERS.get(name) ?? [];
  if (file.isTest || (!file.isProduct && folders.length > 0)) return undefined;
  if (folders.length === 0) return `${name} is for tests only`;
  if (file.folder !== undefined && folders.includes(file.folder)) return undefined;
  return `${name} enters at ${folders.map((folder) => `lib/${folder}`).join(" and ")} only`;
}
