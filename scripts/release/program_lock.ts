// deno-lint-ignore-file no-console -- a command prints
/**
 * `deno task lock`: writes bin/deno.lock, which is of deno.lock what the program is made of. By it bin/weft fetches at its
 * first start what it runs, and nothing that only tests and benchmarks import. A test says when it is due.
 * @module
 */

import { WORKERS } from "./bundle.ts";
import { ROOT } from "./command.ts";
import { moduleGraph } from "./packaging/bill_of_materials.ts";

/** Below the root of the sources. */
export const PROGRAM_LOCK = "bin/deno.lock";

interface Lock {
  readonly version: string;
  /** What is imported, with the version that was chosen for it. */
  readonly specifiers: Readonly<Record<string, string>>;
  /** By `NAME@VERSION`. */
  readonly npm: Readonly<Record<string, unknown>>;
  /** What deno.json names: all of it, since the program is resolved by the same file. */
  readonly workspace: unknown;
}

/** @returns the text of the lock file, with the integrities of deno.lock; two runs say the same */
export async function programLock(): Promise<string> {
  const lock: Lock = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
  const graphs = await Promise.all(["main.ts", ...WORKERS].map(moduleGraph));
  const used = new Set<string>();
  for (const { modules, npmPackages } of graphs) {
    const add = (key: string): void => {
      if (used.has(key)) return;
      used.add(key);
      npmPackages[key]?.dependencies.forEach(add);
    };
    for (const { npmPackage } of modules) if (npmPackage !== undefined) add(npmPackage);
  }
  const isUsed = ([specifier, version]: readonly [string, unknown]): boolean =>
    used.has(`${/^npm:(@?[^@]+)/.exec(specifier)?.[1]}@${version}`);
  const program: Lock = {
    version: lock.version,
    specifiers: Object.fromEntries(Object.entries(lock.specifiers).filter(isUsed)),
    npm: Object.fromEntries(Object.entries(lock.npm).filter(([key]) => used.has(key))),
    workspace: lock.workspace,
  };
  return `${JSON.stringify(program, undefined, 2)}\n`;
}

if (import.meta.main) {
  const path = `${ROOT}${PROGRAM_LOCK}`;
  const wanted = await programLock();
  if (await Deno.readTextFile(path).catch(() => "") !== wanted) {
    await Deno.writeTextFile(path, wanted);
    console.log(`wrote ${PROGRAM_LOCK}`);
  }
}
