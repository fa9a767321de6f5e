import assert from "node:assert/strict";
import { ROOT } from "./command.ts";

/** What `deno info --json` says of a module. */
interface ModuleInfo {
  readonly specifier: string;
  readonly npmPackage?: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly npmPackage?: string;
    readonly isDynamic?: boolean;
  }[];
}

/** What is loaded at the beginning, by its entry; what a module imports when it needs it is no part of it. */
async function loadedBy(entry: string): Promise<{ readonly packages: string[]; readonly folders: string[] }> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", entry], cwd: ROOT })
    .output();
  const { modules }: { modules: readonly ModuleInfo[] } = JSON.parse(new TextDecoder().decode(stdout));
  const known = new Map(modules.map((module) => [module.specifier, module]));
  const packages = new Set<string>();
  const folders = new Set<string>();
  const seen = new Set<string>();
  const visit = (specifier: string): void => {
    if (seen.has(specifier)) return;
    seen.add(specifier);
    const [, folder] = /\/(lib\/\w+|drivers)\//.exec(specifier.slice(`file://${ROOT}`.length - 1)) ?? [];
    if (folder !== undefined) folders.add(folder);
    for (const { code, isDynamic } of known.get(specifier)?.dependencies ?? []) {
      if (isDynamic === true || code?.specifier === undefined) continue;
      const [, name] = /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(code.specifier) ?? [];
      if (code.specifier.startsWith("node:")) packages.add(code.specifier);
      else if (name === undefined) visit(code.specifier);
      else packages.add(name);
    }
  };
  visit(`file://${ROOT}${entry}`);
  return { packages: [...packages].sort(), folders: [...folders].sort() };
}

const START = ["lib/base", "lib/cli", "lib/host", "lib/net"];
const WORDS = [...START, "lib/api", "lib/config", "lib/dns", "lib/mesh", "lib/overlay"];
const PACKETS = ["drivers", "lib/base", "lib/crypto", "lib/dataplane", "lib/host", "lib/net", "lib/overlay"];
const CRYPTO = ["@noble/ciphers", "@noble/curves", "@noble/hashes"];

/** What each thread and the commands may load at their beginning: a package or a folder more takes time and memory in each. */
const ENTRIES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["main.ts", [], START],
  ["lib/cli/weft.ts", [
    ...["@commander-js/extra-typings", "@logtape/logtape"],
    ...["uqr", "zod"],
  ], [...WORDS, "lib/data", "lib/policy", "lib/service", "lib/transport"]],
  ["lib/dataplane/fast/worker.ts", CRYPTO, [
    ...PACKETS,
    ...["lib/noise", "lib/policy", "lib/transport", "lib/wireguard"],
  ]],
  ["lib/dataplane/fast/sealing/sealing_worker.ts", CRYPTO, [
    ...PACKETS,
    ...["lib/noise", "lib/policy", "lib/transport", "lib/wireguard"],
  ]],
  ["lib/dataplane/fast/relay/relay_worker.ts", CRYPTO, [
    ...PACKETS,
    ...["lib/policy", "lib/relay", "lib/transport"],
  ]],
  ["lib/nameserver/fast/query_worker.ts", [], [
    ...["lib/base", "lib/dns", "lib/host", "lib/nameserver", "lib/net"],
  ]],
];
for (const [entry, packages, folders] of ENTRIES) {
  Deno.test(`${entry} loads these packages and folders at its beginning, and no others`, async () => {
    assert.deepEqual(await loadedBy(entry), { packages: [...packages].sort(), folders: [...folders].sort() });
  });
}
