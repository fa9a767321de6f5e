/**
 * The single binary: what goes into it, and by which compiler it is made.
 * @module
 */

import { outputOf, ROOT, run } from "./command.ts";
import type { Target } from "./targets.ts";

/** What the program starts by its name, which no import leads to. */
export const WORKERS: readonly string[] = [
  "lib/dataplane/fast/worker.ts",
  "lib/dataplane/fast/sealing/sealing_worker.ts",
  "lib/dataplane/fast/relay/relay_worker.ts",
  "lib/nameserver/fast/query_worker.ts",
];

/** Names another compiler, for a machine that can't fetch Deno's. */
export const COMPILER_VARIABLE = "WEFT_COMPILER";

/**
 * Compiles the program.
 *
 * `WEFT_COMPILER` names a program that is called in place of `deno compile`, as `PROGRAM OUT ENTRY OPTION…`, and makes a
 * binary of this machine's kind. V8's flags are left out then, since that may be another version of V8.
 * @param out the binary's path
 * @throws Error when the compiler fails
 */
export async function compile(target: Target, out: string): Promise<void> {
  const other = Deno.env.get(COMPILER_VARIABLE);
  const options = ["-A", ...await embedOptions()];
  if (other !== undefined) {
    if (target.triple !== Deno.build.target) {
      throw new Error(
        `${COMPILER_VARIABLE} makes a binary for ${Deno.build.target}, not for ${target.triple}`,
      );
    }
    return await run([other, out, "main.ts", ...options]);
  }
  await run([Deno.execPath(), ...compileArgs(["--quiet", ...options], target, out)]);
}

/** @returns the arguments of Deno's own compiler */
export function compileArgs(options: readonly string[], target: Target, out: string): readonly string[] {
  return ["compile", "--target", target.triple, ...options, "--output", out, "main.ts"];
}

/** What of `deno info --json` is read. */
interface ModuleGraph {
  readonly modules: readonly { readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<
    Record<
      string,
      { readonly name: string; readonly version: string; readonly dependencies: readonly string[] }
    >
  >;
}

/**
 * A compiler embeds every package of the lock file, those of tests too, with their TypeScript sources beside what is run.
 * @returns the options that embed the workers and leave out what the program never loads
 */
export async function embedOptions(): Promise<readonly string[]> {
  const entries = ["main.ts", ...WORKERS];
  const graphs = await Promise.all(
    entries.map(async (entry): Promise<ModuleGraph> =>
      JSON.parse(await outputOf([Deno.execPath(), "info", "--json", entry]))
    ),
  );
  const needed = new Set<string>();
  const packages = Object.assign(
    {},
    ...graphs.map(({ npmPackages }) => npmPackages),
  ) as ModuleGraph["npmPackages"];
  const need = (id: string): void => {
    if (needed.has(id)) return;
    needed.add(id);
    packages[id]?.dependencies.forEach(need);
  };
  for (const { modules } of graphs) {
    for (const { npmPackage } of modules) if (npmPackage !== undefined) need(npmPackage);
  }

  const excluded: string[] = [];
  for (const [id, { name, version }] of Object.entries(packages)) {
    const folders = await cachedFolders(`${name}/${version}`);
    excluded.push(...needed.has(id) ? folders.map((folder) => `${folder}/src`).filter(isThere) : folders);
  }
  return [
    ...WORKERS.flatMap((worker) => ["--include", worker]),
    ...[...new Set(excluded)].flatMap((path) => ["--exclude", path]),
  ];
}

/** @returns where Deno keeps a package, by whichever registry it came */
async function cachedFolders(path: string): Promise<readonly string[]> {
  const { npmCache } = JSON.parse(await outputOf([Deno.execPath(), "info", "--json"]));
  const registries = [...Deno.readDirSync(npmCache)].filter(({ isDirectory }) => isDirectory);
  return registries.map(({ name }) => `${npmCache}/${name}/${path}`).filter(isThere);
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** @returns where the binary of a target stands, and makes the folder */
export function binaryPath({ file }: Target): string {
  Deno.mkdirSync(`${ROOT}dist`, { recursive: true });
  return `${ROOT}dist/${file}`;
}
