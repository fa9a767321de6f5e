/**
 * Reads the project's text files.
 * @module
 */

import { SourceFile } from "./source_file.ts";

const TEXT_NAME =
  /(?:^|\/)[^./]+$|\.(?:ts|tsx|js|mjs|json|jsonc|md|yml|yaml|toml|proto|sh|html|css|txt|service|gitignore)$/;
// The lock file is the package manager's; what the others hold is not the project's.
const SKIPPED = new Set([".git", "node_modules", "deno.lock", "coverage", "dist"]);

// A compiled binary has no extension either.
const MAX_TEXT_BYTES = 1 << 20;

/**
 * Reads every text file below `root`, in order of path. Symbolic links are not followed.
 * @param root a directory that ends in a slash
 */
export async function readTree(root: URL): Promise<SourceFile[]> {
  const paths: string[] = [];
  await collect(root, "", paths);
  paths.sort();
  return await Promise.all(paths.map(async (path) => {
    return new SourceFile(path, await Deno.readTextFile(new URL(path, root)));
  }));
}

async function collect(root: URL, folder: string, paths: string[]): Promise<void> {
  for await (const { name, isFile, isDirectory } of Deno.readDir(new URL(folder || ".", root))) {
    const path = `${folder}${name}`;
    if (SKIPPED.has(name)) continue;
    if (isDirectory) await collect(root, `${path}/`, paths);
    else if (isFile && TEXT_NAME.test(path)) {
      const { size } = await Deno.stat(new URL(path, root));
      if (size <= MAX_TEXT_BYTES) paths.push(path);
    }
  }
}
