/**
 * Which program a unit runs, and whether anybody else could change it.
 * @module
 */

import { untrustedInside, type UntrustedPart, untrustedPart } from "../../host/mod.ts";

/** A program that a unit can name: it stays where it is, whatever becomes of caches. */
export interface UnitProgram {
  readonly kind: "binary" | "checkout";
  /** The file that is run. */
  readonly path: string;
  /** The file or folder that it and all it loads are in. */
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * @param environment of this process
 * @returns the compiled program or the launcher of this checkout; undefined when weft runs from neither, for example
 * from a package
 */
export function unitProgram(
  environment: Readonly<Record<string, string | undefined>>,
): UnitProgram | undefined {
  if (Deno.build.standalone) {
    const path = Deno.execPath();
    return { kind: "binary", path, root: path, environment: {} };
  }
  if (!import.meta.url.startsWith("file:")) return undefined;
  const root = checkoutOf(import.meta.url);
  const path = `${root}/bin/weft`;
  // Only where somebody has named the Deno: the launcher has one of its own otherwise.
  const named = environment.WEFT_DENO ? { WEFT_DENO: Deno.execPath() } : {};
  return isThere(path) ? { kind: "checkout", path, root, environment: named } : undefined;
}

/**
 * @param url of this module: `lib/cli/systemd` in a checkout, or somewhere in the bundle that its launcher has made of it
 * @returns the folder of the checkout
 */
export function checkoutOf(url: string): string {
  const [checkout, bundled] = url.split("/.deno/");
  const { pathname } = new URL(bundled === undefined ? "../../.." : `${checkout}`, url);
  return decodeURIComponent(pathname).replace(/\/$/, "");
}

/**
 * A unit runs with every start of the host, so whoever can change what it runs is whom it runs as.
 * @param others further paths that nobody else may change
 * @param owner who, besides root, may change it all; root alone unless told
 * @returns the first part that others could change
 */
export function untrustedOfUnit(
  { kind, path, root, environment }: UnitProgram,
  others: readonly string[],
  owner?: { readonly uid: number; readonly gid: number },
): UntrustedPart | undefined {
  for (const each of [path, root, ...Object.values(environment), ...others]) {
    const found = untrustedPart(each, undefined, owner);
    if (found !== undefined) return found;
  }
  if (kind === "binary") return undefined;
  const deno = `${root}/.deno`;
  // What is not installed yet is made by whoever runs this.
  return untrustedInside(root, owner) ??
    (isThere(deno) ? untrustedPart(deno, undefined, owner) ?? untrustedInside(deno, owner) : undefined);
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
