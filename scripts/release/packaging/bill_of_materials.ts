/**
 * What a release is made of, as CycloneDX 1.6 says it (ECMA-424), in JSON.
 * @module
 */

import { createHash } from "node:crypto";
import { outputOf, ROOT } from "../command.ts";

/** A package as `deno info --json` tells of it. */
interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly dependencies: readonly string[];
  readonly localPath: string;
}

/** The modules that an entry leads to, and the packages that the lock file holds. */
export interface ModuleGraph {
  readonly modules: readonly { readonly specifier: string; readonly npmPackage?: string }[];
  readonly npmPackages: Readonly<Record<string, NpmPackage>>;
}

/** What is started, and the page, which stands in the program as text. */
const ENTRIES = ["main.ts", "lib/http/page/web/mod.ts"];

/** The file's name among those of a release. */
export const BILL_FILE = "weft.cdx.json";

/**
 * @param version of the program
 * @returns the document: the packages that it loads and what those depend on, each with its licence and the
 * integrity that the lock file holds it to; two runs say the same
 */
export async function billOfMaterials(version: string): Promise<string> {
  const graphs = await Promise.all(ENTRIES.map(moduleGraph));
  const graph: ModuleGraph = {
    modules: graphs.flatMap(({ modules }) => modules),
    npmPackages: Object.assign({}, ...graphs.map(({ npmPackages }) => npmPackages)),
  };
  const lock = JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`)).npm;
  const used = usedPackages(graph);
  const components = await Promise.all(used.map((key) => component(graph.npmPackages[key], lock[key])));
  const runtime = {
    type: "platform",
    "bom-ref": `deno@${Deno.version.deno}`,
    name: "deno",
    version: Deno.version.deno,
    licenses: [{ license: { id: "MIT" } }],
    purl: `pkg:github/denoland/deno@v${Deno.version.deno}`,
  };
  const refOf = (key: string): string => purl(graph.npmPackages[key]);
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify([version, components]))}`,
    version: 1,
    metadata: {
      component: {
        type: "application",
        "bom-ref": "weft",
        name: "weft",
        version,
        licenses: [{ license: { id: "MIT" } }],
      },
    },
    components: [runtime, ...components],
    dependencies: [
      { ref: "weft", dependsOn: [runtime["bom-ref"], ...directPackages(graph).map(refOf)] },
      ...used.map((key) => ({
        ref: refOf(key),
        dependsOn: (graph.npmPackages[key]?.dependencies ?? []).map(refOf),
      })),
    ],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** @param entry a path below the root of the sources @returns what Deno says of it */
export async function moduleGraph(entry: string): Promise<ModuleGraph> {
  return JSON.parse(await outputOf([Deno.execPath(), "info", "--json", entry]));
}

/** The packages that the modules import, without those that only say types. */
function directPackages({ modules, npmPackages }: ModuleGraph): readonly string[] {
  const keys = modules.flatMap(({ specifier }) => {
    const [, name] = /^npm:\/?((?:@[^/]+\/)?[^/@]+@[^/]+)/.exec(specifier) ?? [];
    if (name === undefined || name.startsWith("@types/")) return [];
    const key = Object.keys(npmPackages).find((each) => each === name || each.startsWith(`${name}_`));
    if (key === undefined) throw new Error(`deno info does not say what ${specifier} is`);
    return [key];
  });
  return [...new Set(keys)].sort();
}

function usedPackages(graph: ModuleGraph): readonly string[] {
  const seen = new Set<string>();
  const add = (key: string): void => {
    if (seen.has(key)) return;
    seen.add(key);
    graph.npmPackages[key]?.dependencies.forEach(add);
  };
  directPackages(graph).forEach(add);
  return [...seen].sort();
}

async function component(
  found: NpmPackage | undefined,
  locked: { readonly integrity?: string } | undefined,
): Promise<object> {
  if (found === undefined || locked?.integrity === undefined) {
    throw new Error("A package is not in deno.lock");
  }
  const { license } = JSON.parse(await Deno.readTextFile(`${found.localPath}/package.json`));
  const [, digest = ""] = /^sha512-(.*)$/.exec(locked.integrity) ?? [];
  return {
    type: "library",
    "bom-ref": purl(found),
    name: found.name,
    version: found.version,
    purl: purl(found),
    licenses: [/ (?:AND|OR) /.test(license) ? { expression: license } : { license: { id: license } }],
    hashes: [{ alg: "SHA-512", content: Uint8Array.fromBase64(digest).toHex() }],
  };
}

/** The package URL specification: the scope's @ is quoted. */
function purl(found: NpmPackage | undefined): string {
  return `pkg:npm/${found?.name.replace("@", "%40")}@${found?.version}`;
}

/** A UUID that says the same for the same (RFC 9562 §5.8). */
function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ]
    .join("-");
}
