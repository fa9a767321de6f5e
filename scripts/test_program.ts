/**
 * The program as one bundle, which the tests start many times: a start of the sources loads some 500 modules.
 * @module
 */

import { WORKERS } from "./release/compile.ts";

/** Names the bundle's entry to the tests. */
export const PROGRAM_VARIABLE = "WEFT_TEST_PROGRAM";

/**
 * Bundles main.ts. What it starts by an address beside the module that does so is put beside the bundle, where that
 * address then leads to.
 * @param root of the sources, with a slash at its end
 * @param directory what is made
 * @returns the path of the program, and what runs it as the tests do is `deno run --no-config PATH`
 * @throws Error when the bundler fails, or something that is started by its address is not in `directory`
 */
export async function bundleProgram(root: string, directory: string): Promise<string> {
  const entries = ["main.ts", ...WORKERS];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--code-splitting", "--outdir", directory, ...entries],
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
    );
    if (named !== text) await Deno.writeTextFile(`${directory}/${name}`, named);
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
    args: ["run", "--quiet", "-A", "--unstable-net", "--no-config", program, "--version"],
    stdin: "null",
    stdout: "null",
  }).output();
}
