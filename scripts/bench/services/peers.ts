/**
 * What the other systems need of this machine, and their packages, which are installed for the time of a run.
 * @module
 */

import { CapturedProcess, expectRun, findProgram } from "../../../tests/lab/mod.ts";

/** What Node.js processes run, exactly. */
export const PACKAGES = { nats: "@nats-io/transport-node@3.4.0", moleculer: "moleculer@0.15.2" } as const;

/** The oldest Node.js that Moleculer says it runs on; it does run on some that are older. */
export const MOLECULER_NODE_MAJOR = 22;

const INSTALL_BOUND_S = 120;
const WORKER_FILES = ["load.mjs", "worker.mjs", "nats_worker.mjs", "moleculer_worker.mjs"];

/** Workers in Node.js, with their packages. */
export interface Peers {
  /** The program. */
  readonly node: string;
  readonly nodeVersion: string;
  /** Where they are. */
  readonly folder: string;
}

/**
 * Installs the packages beside copies of the workers: Node.js looks for packages from where a script is.
 * @param stack ends npm when the run ends first
 * @param folder an empty one
 * @returns why that cannot be, in a few words, when it is a text
 */
export async function installPeers(stack: AsyncDisposableStack, folder: string): Promise<Peers | string> {
  const [node, npm] = [Deno.env.get("NODE") ?? findProgram("node"), findProgram("npm")];
  if (node === undefined || npm === undefined) return "needs Node.js with npm";
  for (const file of WORKER_FILES) {
    await Deno.copyFile(new URL(`./${file}`, import.meta.url), `${folder}/${file}`);
  }
  const options = ["--prefix", folder, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
  const command = ["timeout", `${INSTALL_BOUND_S}`, npm, "install", ...options, ...Object.values(PACKAGES)];
  const process = stack.use(new CapturedProcess(command, { label: "npm" }));
  const { code } = await process.finished;
  if (code !== 0) return `npm cannot install their packages\n${process.tail()}`;
  return { node, nodeVersion: (await expectRun([node, "--version"])).trim(), folder };
}
