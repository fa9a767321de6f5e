/**
 * Pointing this host's resolver at a zone, and putting it back.
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
import { isResolvedInUse, pointResolved, revertResolved } from "./resolver_resolved.ts";

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
