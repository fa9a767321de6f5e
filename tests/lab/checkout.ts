/**
 * A checkout of these sources somewhere else, in which nothing was started yet.
 * @module
 */

import { fileURLToPath } from "node:url";
import { expectRun, type Finished, run } from "./captured_process.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const BUNDLER = "scripts/release/bundle.ts";
const SOURCES = ["bin", "lib", "drivers", "main.ts", "deno.json", "deno.lock"];

/** A copy of the sources, with the Deno that runs the tests on its PATH and their packages, so that nothing is downloaded. */
export class Checkout {
  readonly path: string;
  /** Its bin/weft. */
  readonly launcher: string;
  /** Where the launcher installs. */
  readonly home: string;

  /** The folder of its user's programs: outside of it, because where they lead to others may write. */
  readonly tools: string;

  private constructor(path: string) {
    this.path = path;
    this.tools = `${path}.tools`;
    this.launcher = `${path}/bin/weft`;
    this.home = `${path}/.deno/${Deno.version.deno}`;
  }

  /** @param path what is made */
  static async create(path: string): Promise<Checkout> {
    const checkout = new Checkout(path);
    for (const folder of [path, checkout.tools]) await Deno.mkdir(folder, { recursive: true });
    await expectRun(["cp", "-R", ...SOURCES.map((name) => `${root}${name}`), path]);
    await Deno.symlink(Deno.execPath(), `${checkout.tools}/deno`);
    const { npmCache } = JSON.parse(await expectRun([Deno.execPath(), "info", "--json"]));
    await Deno.mkdir(`${checkout.home}/cache`, { recursive: true });
    await expectRun(["cp", "-R", npmCache, `${checkout.home}/cache/npm`]);
    return checkout;
  }

  /** Takes packages away that a lock file does not hold: they are not fetched unless a registry is asked. */
  async keepPackages(lockFile: string): Promise<void> {
    const { npm } = JSON.parse(await Deno.readTextFile(`${this.path}/${lockFile}`));
    const kept = new Set(Object.keys(npm).map((key) => key.slice(0, key.indexOf("@", 1))));
    const cache = `${this.home}/cache/npm`;
    const [registry] = (await Array.fromAsync(Deno.readDir(cache))).filter(({ isDirectory }) => isDirectory)
      .map(({ name }) => `${cache}/${name}`);
    if (registry === undefined) throw new Error(`${cache} has packages of no registry`);
    for await (const { name } of Deno.readDir(registry)) {
      const names = name.startsWith("@")
        ? await Array.fromAsync(Deno.readDir(`${registry}/${name}`), (found) => `${name}/${found.name}`)
        : [name];
      for (const found of names) {
        if (!kept.has(found)) await Deno.remove(`${registry}/${found}`, { recursive: true });
      }
    }
  }

  /** @returns what the shell of somebody without Node.js has */
  environment(more: Record<string, string> = {}): Record<string, string> {
    return { PATH: `${this.tools}:/usr/bin:/bin`, HOME: "/nonexistent", ...more };
  }

  /** Adds what the launcher makes the bundle by, which takes some seconds of the next start. */
  async addBundler(): Promise<void> {
    await Deno.mkdir(`${this.path}/scripts/release`, { recursive: true });
    await Deno.copyFile(`${root}${BUNDLER}`, `${this.path}/${BUNDLER}`);
    // Where Deno keeps esbuild.
    const { npmCache } = JSON.parse(await expectRun([Deno.execPath(), "info", "--json"]));
    await expectRun(["cp", "-R", `${npmCache}/../dl`, `${this.home}/cache`]);
  }

  /** @returns the names of the bundles that the launcher has made */
  async bundles(): Promise<readonly string[]> {
    const names = await Array.fromAsync(Deno.readDir(this.home), ({ name }) => name);
    return names.filter((name) => name.startsWith("program-")).sort();
  }

  /** Runs weft with nothing else in its environment. */
  run(args: readonly string[], more: Record<string, string> = {}): Promise<Finished> {
    return run(bare(this.environment(more), [this.launcher, ...args]));
  }
}

/** @returns the command with this environment alone */
export function bare(environment: Record<string, string>, command: readonly string[]): readonly string[] {
  return ["env", "-i", ...Object.entries(environment).map((pair) => pair.join("=")), ...command];
}
