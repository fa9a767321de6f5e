/**
 * A third-party package enters the house at its folder.
 * @module
 */

import { PACKAGE_FOLDERS } from "./layers.ts";
import type { Violation } from "./rule.ts";
import type { SourceFile } from "./source_file.ts";

/** Tests and scripts may import any package of the import map, the product each at its folder. */
export function* packageRule(files: readonly SourceFile[]): Generator<Violation> {
  for (const file of files.filter((file) => file.isTypeScript)) {
    for (const { specifier, target, line } of file.imports) {
      if (target !== undefined || specifier.startsWith("node:")) continue;
      const problem = packageProblem(file, specifier);
      if (problem !== undefined) yield { path: file.path, line, rule: "package", message: problem };
    }
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
