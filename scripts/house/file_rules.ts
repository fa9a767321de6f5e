/**
 * Names and sizes of files, and the face and size of every folder.
 * @module
 */

import { dirname } from "node:path/posix";
import type { Finding, FindingAt, SourceFile } from "./source_file.ts";

/** From here on a file should have been split, in lines. */
const LONG_FILE_LINES = 400;
/** From here on it is a defect, in lines. */
const MAX_FILE_LINES = 600;
/** How many modules a folder of lib shows; with more it needs rooms. Tests are not counted. */
const MAX_FOLDER_FILES = 24;

// These have more, and are only warned of until they are cut into rooms.
const LARGE_FOLDERS: ReadonlySet<string> = new Set(["lib/cli"]);

const SNAKE_CASE = /^[a-z0-9]+(?:_[a-z0-9]+)*(?:\.d)?\.tsx?$/;
// Such a name says what kind of thing is inside, not which.
const EMPTY_NAME = /^(?:(?:.+_)?(?:utils?|helpers?)|common|types?|managers?)(?:_test)?(?:\.d)?\.tsx?$/;

/** File names are snake_case and say what is inside. */
export function* fileNameRule({ name }: SourceFile): Generator<Finding> {
  if (!SNAKE_CASE.test(name)) yield { line: 1, message: `${name} is not snake_case` };
  if (EMPTY_NAME.test(name)) yield { line: 1, message: `${name} does not say what is inside` };
}

/** A file past 400 lines wants to be two, past 600 it must. */
export function* fileLengthRule(file: SourceFile): Generator<Finding> {
  const line = lineCount(file);
  if (line <= LONG_FILE_LINES) return;
  const message = `${line} lines: name the second concept in it and split`;
  yield { line, message, isWarning: line <= MAX_FILE_LINES };
}

/** Every folder of lib that holds modules has a mod.ts. */
export function* folderFaceRule(files: readonly SourceFile[]): Generator<FindingAt> {
  const product = files.filter((file) => file.folder !== undefined && file.isProduct && !file.isGenerated);
  const paths = new Set(product.map((file) => file.path));
  const folders = new Set(product.flatMap((file) => [file.root ?? "lib", dirname(file.path)]));
  for (const folder of folders) {
    const face = `${folder}/mod.ts`;
    if (!paths.has(face)) {
      yield { path: face, line: 1, message: `${folder} has no mod.ts` };
    }
  }
}

/** A folder of lib shows at most 24 modules besides tests; those of its rooms are not its own. */
export function* folderSizeRule(files: readonly SourceFile[]): Generator<FindingAt> {
  const modules = files.filter((file) => file.folder !== undefined && file.isProduct && !file.isGenerated);
  for (const [folder, { length }] of Map.groupBy(modules, ({ path }) => dirname(path))) {
    if (length <= MAX_FOLDER_FILES) continue;
    const message = `${length} modules in ${folder}: merge what is one thought, or cut it into rooms`;
    yield { path: `${folder}/mod.ts`, line: 1, message, isWarning: LARGE_FOLDERS.has(folder) };
  }
}

/** @returns how many lines a file has, as `wc -l` counts them */
export function lineCount(file: SourceFile): number {
  return file.text.split("\n").length - (file.text.endsWith("\n") ? 1 : 0);
}
