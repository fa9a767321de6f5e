/**
 * What this host is asked about what others do on it: its routes, firewall, settings of the kernel and disk.
 * @module
 */

import type { StatusReport } from "../../../api/mod.ts";
import { freeBytesAt, type HostRoute, Netlink } from "../../../host/mod.ts";

/** How long a program of the host may take, in milliseconds. */
const COMMAND_MS = 3_000;

/** What was found out; what is undefined can't be told here. */
export interface HostFacts {
  readonly routes: readonly HostRoute[] | undefined;
  /** The names of all interfaces. */
  readonly interfaces: readonly string[];
  /** By which interface this host reaches what no other route has. */
  readonly outside: string | undefined;
  /** As `nft -j list ruleset` prints it. */
  readonly ruleset: string | undefined;
  /** Room for the state, in bytes. */
  readonly freeBytes: number | undefined;
  /** The unit that starts weft with the host, with the paths that it names and that are not there. */
  readonly unit:
    | { readonly path: string; readonly text: string; readonly missing: readonly string[] }
    | undefined;
  /** @returns a setting below /proc/sys, without its line end */
  sysctl(name: string): string | undefined;
}

/** Finds all of it out. */
export async function readHostFacts(stateDir: string, status: StatusReport | undefined): Promise<HostFacts> {
  const routes = attempt(() => {
    using netlink = Netlink.open();
    return netlink.listRoutes();
  });
  const fallback = routes?.filter(({ cidr, table }) => cidr.prefixBits === 0 && table === 254)
    .find(({ interfaceName }) => interfaceName !== status?.dataplane.interfaceName);
  return {
    routes,
    interfaces: attempt(() => [...Deno.readDirSync("/sys/class/net")].map(({ name }) => name)) ?? [],
    outside: fallback?.interfaceName,
    ruleset: await output("nft", ["-j", "list", "ruleset"]),
    freeBytes: freeBytesAt(nearestFolder(stateDir)),
    unit: attempt(() => readUnit(stateDir)),
    sysctl: (name) => attempt(() => Deno.readTextFileSync(`/proc/sys/${name}`).trim()),
  };
}

function readUnit(stateDir: string): HostFacts["unit"] {
  for (const { name } of Deno.readDirSync("/etc/systemd/system")) {
    if (!/^weft[\w@.-]*\.service$/.test(name)) continue;
    const path = `/etc/systemd/system/${name}`;
    const text = Deno.readTextFileSync(path);
    const [, command = "", state = ""] = /^ExecStart="?(\S+?)"? .*--state (\S+)/m.exec(text) ?? [];
    if (state !== stateDir || command === "") continue;
    return { path, text, missing: isThere(command) ? [] : [command] };
  }
  return undefined;
}

function nearestFolder(path: string): string {
  for (let at = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;;) {
    if (isThere(at)) return at;
    at = at.replace(/\/+[^/]*\/*$/, "") || "/";
  }
}

function isThere(path: string): boolean {
  return attempt(() => Deno.statSync(path)) !== undefined;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

async function output(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(COMMAND_MS);
    const { code, stdout } = await new Deno.Command(program, { args: [...args], stderr: "null", signal })
      .output();
    return code === 0 ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}
