/**
 * systemd-resolved: whether it is in use here, and telling it by its program resolvectl (resolvectl(1)).
 * @module
 */

import { HostError } from "../host_error.ts";
import { readHostText, RESOLVER_CONF_PATH } from "../store/mod.ts";
import { foreignService, type ForeignUser } from "./namespace_owner.ts";
import { parseResolverConf, type ResolverSettings } from "./resolver_conf.ts";

/** The socket of its own protocol is there while it runs. */
const RUNTIME_FOLDER = "/run/systemd/resolve";
/** What its process is called. */
const RESOLVED_NAME = "systemd-resolved";
/** Its stubs (systemd-resolved.service(8)): whoever asks there is answered by the interfaces' servers. */
const STUBS: ReadonlySet<string> = new Set(["127.0.0.53", "127.0.0.54"]);
const NSSWITCH_PATH = "/etc/nsswitch.conf";
const COMMAND_TIMEOUT_MS = 5_000;

/** Runs a program to its end. @returns its exit code and what it complained of */
export type RunProgram = (
  command: readonly string[],
  timeoutMs: number,
) => Promise<{ readonly code: number; readonly stderr: string }>;

/** @returns its process, if that is of another network namespace: interfaces there are not those here */
export function foreignResolved(): ForeignUser | undefined {
  return foreignService(RUNTIME_FOLDER, RESOLVED_NAME);
}

/**
 * Whether systemd-resolved runs and the programs of this host ask it: by its stub, or by the C library's module
 * (nss-resolve(8)). The module's socket leads out of a network namespace, the stub's address does not.
 */
export function isResolvedInUse(): boolean {
  try {
    Deno.statSync(RUNTIME_FOLDER);
  } catch {
    return false;
  }
  if (/^hosts:.*\bresolve\b/m.test(readHostText(NSSWITCH_PATH))) return true;
  const { servers } = parseResolverConf(readHostText(RESOLVER_CONF_PATH));
  return servers.some((server) => STUBS.has(server.toString())) &&
    foreignResolved() === undefined;
}

/**
 * Tells systemd-resolved which servers know the zones. It forgets that by itself when the interface goes, so nothing is
 * left after a crash.
 * @throws HostError when resolvectl is not there or refuses
 */
export async function pointResolved(settings: ResolverSettings, run: RunProgram = runProgram): Promise<void> {
  for (const command of resolvedCommands(settings)) {
    let failure: string;
    try {
      const { code, stderr } = await run(command, COMMAND_TIMEOUT_MS);
      if (code === 0) continue;
      failure = stderr.trim().split("\n")[0] || `it ended with code ${code}`;
    } catch (cause) {
      failure = cause instanceof Error ? cause.message : String(cause);
    }
    throw new HostError(`Cannot tell systemd-resolved about ${settings.zone}: ${command[0]}: ${failure}`, {
      hint: "Leave the host's resolver alone with --dns-resolver off, or use --dns-resolver resolv.conf.",
    });
  }
}

/** Takes back what `pointResolved` has said. Never throws: with the interface it goes in any case. */
export async function revertResolved(interfaceName: string, run: RunProgram = runProgram): Promise<void> {
  await run(["resolvectl", "revert", interfaceName], COMMAND_TIMEOUT_MS).catch(() => {});
}

/** @returns the commands that say it */
export function resolvedCommands(settings: ResolverSettings): readonly (readonly string[])[] {
  const { interfaceName, zone, otherZones, servers } = settings;
  const plain = (name: string): string => name.replace(/\.$/, "");
  return [
    ["resolvectl", "dns", interfaceName, ...servers.map(String)],
    // Without ~ a zone is searched for short names as well as asked for.
    ["resolvectl", "domain", interfaceName, plain(zone), ...otherZones.map((name) => `~${plain(name)}`)],
    // Names of no zone are not for these servers.
    ["resolvectl", "default-route", interfaceName, "false"],
  ];
}

async function runProgram(
  [program = "", ...args]: readonly string[],
  timeoutMs: number,
): Promise<{ readonly code: number; readonly stderr: string }> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  try {
    const command = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      signal: abort.signal,
    });
    const { code, stderr } = await command.output();
    return { code, stderr: new TextDecoder().decode(stderr) };
  } finally {
    clearTimeout(timer);
  }
}
