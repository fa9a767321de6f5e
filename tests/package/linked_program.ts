/**
 * Programs that use this tree as the package, as they would use a published one.
 * @module
 */

import assert from "node:assert/strict";
import { run } from "../lab/mod.ts";

/** The tree that is the package. */
export const ROOT: string = new URL("../../", import.meta.url).pathname;

/** A folder of a program. Disposing it removes it. */
export interface LinkedProgram extends AsyncDisposable {
  readonly path: string;
  /** The name by which the package's modules are run, without their path in it. */
  readonly specifier: string;
  /** Runs Deno there. @returns what it printed @throws AssertionError with its complaints when it fails */
  deno(...args: readonly string[]): Promise<string>;
}

/** @param compilerOptions the program's, none of the package's */
export async function linkedProgram(
  compilerOptions: Readonly<Record<string, unknown>> = {},
): Promise<LinkedProgram> {
  const path = await Deno.makeTempDir({ prefix: "weft-program-" });
  const { name, version } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const specifier = `jsr:${name}@${version}`;
  await Deno.writeTextFile(
    `${path}/deno.json`,
    JSON.stringify({ links: [ROOT], imports: { [name]: specifier }, compilerOptions, lock: false }),
  );
  return {
    path,
    specifier,
    async deno(...args) {
      const { code, stdout, stderr } = await run([Deno.execPath(), ...args], {
        cwd: path,
        env: { NO_COLOR: "1" },
      });
      assert.equal(code, 0, stdout + stderr);
      return stdout;
    },
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true });
    },
  };
}
