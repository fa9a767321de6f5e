/**
 * A file of the project as the rules see it.
 * @module
 */

import { dirname, join } from "node:path/posix";
import { type BlankedText, blankText, type Comment } from "./typescript_text.ts";

/** One import or re-export. */
export interface ImportStatement {
  readonly specifier: string;
  /** The path of the file it names, relative to the root; undefined for a package. */
  readonly target: string | undefined;
  /** Counted from 1. */
  readonly line: number;
}

/** What breaks a rule in a file. */
export interface Finding {
  /** Counted from 1. */
  readonly line: number;
  /** What is wrong and, where it is not plain, what to do. */
  readonly message: string;
  /** A warning is printed and fails nothing. */
  readonly isWarning?: boolean;
}

/** A finding, and the file, relative to the root of the project. */
export interface FindingAt extends Finding {
  readonly path: string;
}

const IMPORT_PATTERN =
  /\b(?:import|export)\b[^"';()]*?\bfrom\s*(["'])( *)\1|\bimport\s*(["'])( *)\3|\bimport\s*\(\s*(["'])( *)\5/g;

/** A path with its text; what is derived from the text is computed once, when first asked for. */
export class SourceFile {
  /** Relative to the root of the project, with slashes. */
  readonly path: string;
  readonly text: string;
  #blanked: BlankedText | undefined;
  #imports: readonly ImportStatement[] | undefined;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
  }

  /** Whether TypeScript compiles it. */
  get isTypeScript(): boolean {
    return this.path.endsWith(".ts") || this.path.endsWith(".tsx");
  }

  /** Whether a generator wrote it. */
  get isGenerated(): boolean {
    return this.path.includes("/gen/");
  }

  /** Whether it exists for tests only. */
  get isTest(): boolean {
    return this.path.startsWith("tests/") || this.path.endsWith("_test.ts") ||
      this.path.includes("/testing/");
  }

  /** Whether it is what users run: in lib, in drivers, one of the two entries or a part of them, and no test. */
  get isProduct(): boolean {
    const isEntry = ["main.ts", "mod.ts", "control.ts", "data.ts"].includes(this.path);
    return this.isTypeScript && !this.isTest && (isEntry || /^(lib|drivers)\//.test(this.path));
  }

  /** `wireguard` for `lib/wireguard/device.ts`, and `drivers` for all below it; undefined elsewhere. */
  get folder(): string | undefined {
    const root = this.root;
    return root?.slice(root.indexOf("/") + 1);
  }

  /** Where the folder stands: `lib/wireguard`, or `drivers`; undefined outside of both. */
  get root(): string | undefined {
    return /^(?:lib\/[^/]+|drivers)(?=\/)/.exec(this.path)?.[0];
  }

  /** The last part of the path. */
  get name(): string {
    return this.path.slice(this.path.lastIndexOf("/") + 1);
  }

  /** The text without comments and contents of strings; offsets stay. */
  get code(): string {
    return (this.#blanked ??= blankText(this.text)).code;
  }

  /** All comments in order. */
  get comments(): readonly Comment[] {
    return (this.#blanked ??= blankText(this.text)).comments;
  }

  /** Everything it imports by a literal specifier, types included. */
  get imports(): readonly ImportStatement[] {
    return this.#imports ??= [...this.code.matchAll(IMPORT_PATTERN)].map((match) => {
      const length = (match[2] ?? match[4] ?? match[6] ?? "").length;
      const end = match.index + match[0].length - 1;
      const specifier = this.text.slice(end - length, end);
      const target = specifier.startsWith(".") ? join(dirname(this.path), specifier) : undefined;
      return { specifier, target, line: this.lineAt(end) };
    });
  }

  /** @returns the line of an offset, counted from 1 */
  lineAt(offset: number): number {
    let line = 1;
    for (let at = this.text.indexOf("\n"); at >= 0 && at < offset; at = this.text.indexOf("\n", at + 1)) {
      line++;
    }
    return line;
  }
}

const TEXT_NAME =
  /(?:^|\/)[^./]+$|\.(?:ts|tsx|js|mjs|json|jsonc|md|yml|yaml|toml|proto|sh|html|css|txt|service|gitignore)$/;
// The lock file is the package manager's; what the others hold is not the project's.
const SKIPPED = new Set([".git", ".deno", "node_modules", "deno.lock", "coverage", "dist"]);

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
