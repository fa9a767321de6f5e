/**
 * Names and sizes of files, and the face and size of every folder.
 * @module
 */

import { dirname } from "node:path/posix";
import type { Violation } from "./rule.ts";
import type { SourceFile } from "./source_file.ts";

/** From here on a file should have been split, in lines. */
export const LONG_FILE_LINES = 400;
/** From here on it is a defect, in lines. */
export const MAX_FILE_LINES = 600;
/** How many modules a folder of lib shows; with more it needs rooms. Tests are not counted. */
export const MAX_FOLDER_FILES = 24;

// These have more, and are only warned of until they are cut into rooms.
const LARGE_FOLDERS: ReadonlySet<string> = new Set(["lib/cli"]);

const SNAKE_CASE = /^[a-z0-9]+(?:_[a-z0-9]+)*(?:\.d)?\.tsx?$/;
// Such a name says what kind of thing is inside, not which.
const EMPTY_NAME = /^(?:(?:.+_)?(?:utils?|helpers?)|common|types?|managers?)(?:_test)?(?:\.d)?\.tsx?$/;

/** File names are snake_case and say what is inside. */
export function* fileNameRule(files: readonly SourceFile[]): Generator<Violation> {
  for (const file of files.filter((file) => file.isTypeScript && !file.isGenerated)) {
    const report = (message: string): Violation => ({ path: file.path, line: 1, rule: "file-name", message });
    if (!SNAKE_CASE.test(file.name)) yield report(`${file.name} is not snake_case`);
    if (EMPTY_NAME.test(file.name)) yield report(`${file.name} does not say what is inside`);
  }
}

/** A file past 400 lines wants to be two, past 600 it must. */
export function* fileLengthRule(files: readonly SourceFile[]): Generator<Violation> {
  for (const file of files.filter((file) => file.isTypeScript && !file.isGenerated)) {
    const lines = lineCount(file);
    if (lines <= LONG_FILE_LINES) continue;
    const isWarning = lines <= MAX_FILE_LINES;
    const message = `${lines} lines: name the second concept in it and split`;
    yield { path: file.path, line: lines, rule: "file-length", message, isWarning };
  }
}

/** Every folder of lib that holds modules has a mod.ts. */
export function* folderFaceRule(files: readonly SourceFile[]): Generator<Violation> {
  const product = files.filter((file) => file.folder !== undefined && file.isProduct && !file.isGenerated);
  const paths = new Set(product.map((file) => file.path));
  const folders = new Set(product.flatMap((file) => [`lib/${file.folder}`, dirname(file.path)]));
  for (const folder of folders) {
    const face = `${folder}/mod.ts`;
    if (!paths.has(face)) {
      yield { path: face, line: 1, rule: "folder-face", message: `${folder} has no mod.ts` };
    }
  }
}

/** A folder of lib shows at most 24 modules besides tests; those of its rooms are not its own. */
export function* folderSizeRule(files: readonly SourceFile[]): Generator<Violation> {
  const counts = new Map<string, number>();
  for (const file of files) {
    if (file.folder === undefined || !file.isProduct || file.isGenerated) continue;
    const folder = dirname(file.path);
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  for (const [folder, count] of counts) {
    if (count <= MAX_FOLDER_FILES) continue;
    const message = `${count} modules in ${folder}: merge what is one thought, or cut it into rooms`;
    const isWarning = LARGE_FOLDERS.has(folder);
    yield { path: `${folder}/mod.ts`, line: 1, rule: "folder-size", message, isWarning };
  }
}

/** @returns how many lines a file has, as `wc -l` counts them */
export function lineCount(file: SourceFile): number {
  return file.text.split("\n").length - (file.text.endsWith("\n") ? 1 : 0);
}
