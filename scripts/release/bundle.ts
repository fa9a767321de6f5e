/**
 * The program as one bundle: JavaScript without the packages and the sources that it was made of. A start of the sources
 * loads some 1,100 modules, in three threads; of the bundle a few files.
 * @module
 */

import { runOptions } from "../../lib/cli/own_command.ts";

/** What the program starts by its name, which no import leads to. */
export const WORKERS: readonly string[] = [
  "lib/dataplane/fast/worker.ts",
  "lib/dataplane/fast/sealing/sealing_worker.ts",
  "lib/dataplane/fast/relay/relay_worker.ts",
  "lib/nameserver/fast/query_worker.ts",
];

/** How the bundler gives packages in CommonJS a `require`, in a file that every thread loads. */
const BUNDLED_REQUIRE =
  /import \{ createRequire as (\w+) \} from "node:module";\nvar __require = \1\([^\n]*\n/;
/** They want built-in modules alone, and this loads none before it is asked for one. */
const OWN_REQUIRE = "var __require = (name) => globalThis.process.getBuiltinModule(name);\n";

/**
 * What is imported when it is wanted. Where its name stands in the text, Deno reads it at the start all the same, with all
 * that it imports.
 */
const LATE_IMPORT = /\bimport\(("\.\/[^"]+\.js")\)/g;

/**
 * What the packages of the command line import of Node.js and few commands use, if any: the module is loaded when
 * something of it is.
 */
const DEFERRED: readonly (readonly [RegExp, string])[] = [
  [
    /^import (\w+) from "(node:(?:child_process|fs|path|process|util))";$/gm,
    'var $1 = new Proxy({}, { get: (_, key) => globalThis.process.getBuiltinModule("$2")[key] });',
  ],
  [
    /^import \{ (?:\w+ as )?(stripVTControlCharacters\d*) \} from "node:util";$/gm,
    'var $1 = (text) => globalThis.process.getBuiltinModule("node:util").stripVTControlCharacters(text);',
  ],
  // Commander takes these three of it. With Node.js's own every command would load what its modules have in common.
  [
    /^import \{ EventEmitter \} from "node:events";$/gm,
    `var EventEmitter = class {
  #listeners = new Map();
  on(name, listener) {
    this.#listeners.set(name, [...this.#listeners.get(name) ?? [], listener]);
    return this;
  }
  emit(name, ...args) {
    const listeners = this.#listeners.get(name) ?? [];
    for (const listener of listeners) listener.apply(this, args);
    return listeners.length > 0;
  }
  listenerCount(name) {
    return this.#listeners.get(name)?.length ?? 0;
  }
};`,
  ],
];

/**
 * Bundles main.ts. What it starts by an address beside the module that does so is put beside the bundle, where that
 * address then leads to.
 * @param root of the sources, with a slash at its end
 * @param directory what is made
 * @param lock the lock file that holds its packages; that of the sources unless told
 * @returns the path of the program, and what runs it is `deno run --no-config PATH`, with `runOptions()`
 * @throws Error when the bundler fails, or something that is started by its address is not in `directory`
 */
export async function bundleProgram(root: string, directory: string, lock?: string): Promise<string> {
  const entries = ["main.ts", ...WORKERS];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--code-splitting", "--outdir", directory],
      ...lock === undefined ? [] : ["--lock", lock],
      ...entries,
    ],
    cwd: root,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`Cannot bundle the program: ${new TextDecoder().decode(stderr)}`);
  const beside = new Map(WORKERS.map((path) => [path.slice(path.lastIndexOf("/") + 1), path]));
  for (const [name, path] of beside) {
    await Deno.writeTextFile(`${directory}/${name}`, `import "./${path.replace(/\.ts$/, ".js")}";\n`);
  }
  const texts = new Map<string, string>();
  for await (const { name } of Deno.readDir(directory)) {
    if (name.endsWith(".js")) texts.set(name, await Deno.readTextFile(`${directory}/${name}`));
  }
  for (const [name, text] of texts) {
    // A CommonJS package that is imported when it is wanted has its names in its default export, and nowhere else.
    const named = text.replaceAll(
      /await import\("\.\/([^"]+)"\)/g,
      (all, from) => texts.get(from)?.includes("\nexport default require_") ? `(${all}).default` : all,
    ).replace(BUNDLED_REQUIRE, OWN_REQUIRE);
    const deferred = DEFERRED.reduce((text, [pattern, with_]) => text.replaceAll(pattern, with_), named)
      .replaceAll(LATE_IMPORT, "import(String($1))");
    if (deferred !== text) await Deno.writeTextFile(`${directory}/${name}`, deferred);
    for (const [, started = ""] of text.matchAll(/new URL\("\.\/([^"]+)", import\.meta\.url\)/g)) {
      if (!beside.has(started)) throw new Error(`The program starts ${started}, which the bundle lacks`);
    }
  }
  const program = `${directory}/main.js`;
  await warm(program);
  return program;
}

/** Has Deno keep the compiled code, so that not every one of the first starts compiles it. */
async function warm(program: string): Promise<void> {
  await new Deno.Command(Deno.execPath(), {
    args: ["run", ...runOptions(), "--no-config", program, "--help"],
    stdin: "null",
    stdout: "null",
  }).output();
}

// `deno run -A scripts/release/bundle.ts DIRECTORY LOCK`, as bin/weft does.
if (import.meta.main) {
  const [directory = "", lock] = Deno.args;
  await bundleProgram(decodeURIComponent(new URL("../../", import.meta.url).pathname), directory, lock);
}
