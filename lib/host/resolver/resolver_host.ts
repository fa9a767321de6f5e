/**
 * Pointing this host's resolver at a zone, and putting it back: /etc/resolv.conf, or systemd-resolved by its program
 * resolvectl (resolvectl(1)).
 * @module
 */

import { utf8Bytes } from "../../base/mod.ts";
import { HostError } from "../host_error.ts";
import {
  formerFile,
  type HostChange,
  type HostJournal,
  readHostText,
  replaceFile,
  RESOLVER_CONF_PATH,
  restoreFile,
} from "../store/mod.ts";
import { parseResolverConf, resolverConfText, type ResolverSettings } from "./resolver_conf.ts";

/** The socket of its own protocol is there while it runs. */
const RUNTIME_FOLDER = "/run/systemd/resolve";
/** Its stubs (systemd-resolved.service(8)): whoever asks there is answered by the interfaces' servers. */
const STUBS: ReadonlySet<string> = new Set(["127.0.0.53", "127.0.0.54"]);
const NSSWITCH_PATH = "/etc/nsswitch.conf";
const COMMAND_TIMEOUT_MS = 5_000;

/** How names are resolved here: by systemd-resolved, or as /etc/resolv.conf says. */
export type ResolverKind = "resolved" | "resolv.conf";

/** What can be taken back. */
export interface PointedResolver {
  readonly kind: ResolverKind;
  /** Puts the resolver back as it was. @throws HostError when it can't; `weft cleanup` tries again */
  revert(): Promise<void>;
}

/** @returns which of them is in use on this host, or undefined when there is no resolv.conf either */
export function resolverInUse(): ResolverKind | undefined {
  if (isResolvedInUse()) return "resolved";
  return readHostText(RESOLVER_CONF_PATH) === "" ? undefined : "resolv.conf";
}

/**
 * Points the resolver at a zone.
 * @param journal where a change that outlives this process is written down before it is made
 * @param path of the resolv.conf
 * @throws HostError when it refuses, or another agent has it; then nothing is changed
 */
export async function pointResolver(
  kind: ResolverKind,
  settings: ResolverSettings,
  journal: HostJournal,
  path: string = RESOLVER_CONF_PATH,
): Promise<PointedResolver> {
  if (kind === "resolved") {
    await pointResolved(settings);
    return { kind, revert: () => revertResolved(settings.interfaceName) };
  }
  const change = pointResolverConf(settings, journal, path);
  return {
    kind,
    revert: () => {
      restoreFile(change.replacement);
      journal.forget(change);
      return Promise.resolve();
    },
  };
}

function pointResolverConf(
  settings: ResolverSettings,
  journal: HostJournal,
  path: string,
): Extract<HostChange, { kind: "resolver" }> {
  const original = readHostText(path);
  // Two agents that each put back what they found would bring each other's addresses back.
  if (parseResolverConf(original).isOwn) {
    throw new HostError(`Cannot point ${path} at ${settings.zone}: another agent has written it`, {
      hint: "Stop that agent; if it has crashed, run `weft cleanup` with its --state.",
    });
  }
  const text = resolverConfText(original, settings, Deno.hostname());
  const change = {
    kind: "resolver",
    replacement: { path, former: formerFile(path), written: utf8Bytes(text) },
  } as const;
  journal.record(change);
  try {
    replaceFile(change.replacement);
  } catch (error) {
    restoreFile(change.replacement);
    journal.forget(change);
    throw error;
  }
  return change;
}

/** Runs a program to its end. @returns its exit code and what it complained of */
export type RunProgram = (
  command: readonly string[],
  timeoutMs: number,
) => Promise<{ readonly code: number; readonly stderr: string }>;

/**
 * Whether systemd-resolved runs and the programs of this host ask it: by its stub, or by the C library's module
 * (nss-resolve(8)).
 */
function isResolvedInUse(): boolean {
  try {
    Deno.statSync(RUNTIME_FOLDER);
  } catch {
    return false;
  }
  const { servers } = parseResolverConf(readHostText(RESOLVER_CONF_PATH));
  return servers.some((server) => STUBS.has(server.toString())) ||
    /^hosts:.*\bresolve\b/m.test(readHostText(NSSWITCH_PATH));
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
async function revertResolved(interfaceName: string, run: RunProgram = runProgram): Promise<void> {
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
