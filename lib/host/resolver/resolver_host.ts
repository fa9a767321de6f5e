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
  putBackFile,
  readHostText,
  replaceFile,
  RESOLVER_CONF_PATH,
  restoreFile,
} from "../store/mod.ts";
import { ownPathFor } from "./namespace_owner.ts";
import { isGone, isOwnAddress, ownIdentity } from "./process_identity.ts";
import { parseResolverConf, resolverConfText, type ResolverSettings } from "./resolver_conf.ts";
import { foreignResolved, isResolvedInUse, pointResolved, revertResolved } from "./resolved.ts";
import { markLines, readMark, type ResolverMark } from "./resolver_mark.ts";

/** How names are resolved here: by systemd-resolved, or as /etc/resolv.conf says. */
export type ResolverKind = "resolved" | "resolv.conf";

/** What can be taken back. */
export interface PointedResolver {
  readonly kind: ResolverKind;
  /** Puts the resolver back as it was. @throws HostError when it can't; `weft cleanup` tries again */
  revert(): Promise<void>;
}

/** Which of them to point, and where. */
export interface ResolverPlace {
  readonly kind: ResolverKind;
  /** The resolv.conf that is to be written. */
  readonly path: string;
}

/** @returns which of them is in use on this host, or undefined when there is no resolv.conf either */
export function resolverInUse(): ResolverKind | undefined {
  if (isResolvedInUse()) return "resolved";
  return readHostText(RESOLVER_CONF_PATH) === "" ? undefined : "resolv.conf";
}

/**
 * @returns where to point a resolver so that no other network namespace notices
 * @throws HostError when it is another namespace's
 */
export function ownResolver(kind: ResolverKind, path: string = RESOLVER_CONF_PATH): ResolverPlace {
  if (kind === "resolved") {
    const foreign = foreignResolved();
    if (foreign === undefined) return { kind, path };
    throw new HostError(
      `Cannot tell systemd-resolved: it is of another network namespace (process ${foreign.pid})`,
      {
        hint:
          "Programs here ask it all the same; give this namespace an /etc/netns/NAME/nsswitch.conf without it.",
      },
    );
  }
  const own = ownPathFor(path);
  if ("path" in own) return { kind, path: own.path };
  const { pid, name } = own.foreign;
  throw new HostError(
    `Cannot point ${path}: another network namespace has it too (process ${pid}, ${name})`,
    {
      hint: "Give this namespace one of its own: /etc/netns/NAME/resolv.conf, before `ip netns exec NAME …`.",
    },
  );
}

/**
 * Points the resolver at a zone.
 * @param journal where a change that outlives this process is written down before it is made
 * @throws HostError when it refuses, or another agent has it; then nothing is changed
 */
export async function pointResolver(
  { kind, path }: ResolverPlace,
  settings: ResolverSettings,
  journal: HostJournal,
): Promise<PointedResolver> {
  if (kind === "resolved") {
    await pointResolved(settings);
    return { kind, revert: () => revertResolved(settings.interfaceName) };
  }
  const change = pointResolverConf(settings, journal, path);
  return {
    kind,
    revert: () => {
      if (!restoreFile(change.replacement)) putBackOwn(path);
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
      hint: "Stop that agent; what one that has crashed left is undone by `weft cleanup` with its --state.",
    });
  }
  const former = formerFile(path);
  const trailer = markLines({ former, writer: ownIdentity() });
  const text = resolverConfText(original, settings, Deno.hostname(), trailer);
  const change = { kind: "resolver", replacement: { path, former, written: utf8Bytes(text) } } as const;
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

/** A resolv.conf of weft whose agent is gone. */
export interface LeftResolver {
  readonly path: string;
  /** Whether it says itself what stood there before. */
  readonly isKnown: boolean;
}

/** @returns the resolv.conf of an agent that is gone; undefined when nobody, or one that runs, has written it */
export function leftResolver(path: string = RESOLVER_CONF_PATH): LeftResolver | undefined {
  const text = readHostText(path);
  const { isOwn, servers: [server] } = parseResolverConf(text);
  if (!isOwn) return undefined;
  const mark = readMark(text);
  const hasEnded = mark === undefined
    ? server !== undefined && !isOwnAddress(server)
    : isGone(mark.writer, server);
  return hasEnded ? { path: writtenPath(path), isKnown: mark !== undefined } : undefined;
}

/**
 * Puts back the resolv.conf that an agent has left which is gone, whichever it was.
 * @returns whether there was one, and it said what stood there before
 * @throws HostError when it can't be put back, or another network namespace has it
 */
export function putBackLeftResolver(path: string = RESOLVER_CONF_PATH): boolean {
  const left = leftResolver(path);
  const mark = left?.isKnown ? readMark(readHostText(path)) : undefined;
  if (left === undefined || mark === undefined) return false;
  ownResolver("resolv.conf", path);
  putBackMarked(left.path, mark);
  return true;
}

/** What this process has written, and somebody has added to since. */
function putBackOwn(path: string): void {
  const mark = readMark(readHostText(path));
  const { pid, startTicks } = ownIdentity();
  if (mark?.writer.pid === pid && mark.writer.startTicks === startTicks) putBackMarked(path, mark);
}

/** What a text says is a text: who may change the file does not follow from it, but from the file, which has kept that. */
function putBackMarked(path: string, { former }: ResolverMark): void {
  const standing = formerFile(path);
  const isFile = former.kind === "file" && standing.kind === "file";
  putBackFile(path, isFile ? { ...standing, bytes: former.bytes, modifiedMs: former.modifiedMs } : former);
}

/** A link at the path was replaced by a file, so that what is there is written to where the link leads, if it is one. */
function writtenPath(path: string): string {
  try {
    return Deno.lstatSync(path).isSymlink ? Deno.realPathSync(path) : path;
  } catch {
    return path;
  }
}
