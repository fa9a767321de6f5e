/**
 * Whether a file, or systemd-resolved, is of this process's network namespace alone: a namespace that was made without a
 * resolv.conf of its own sees the machine's, whose programs could do nothing with an address of the namespace
 * (network_namespaces(7), ip-netns(8)).
 *
 * A file belongs to the network namespace of the oldest process that has it. Process 1 is the oldest of all, and whoever is
 * put into a namespace of its own later, as sandboxes are, takes nothing from those who were there.
 *
 * A file is the same where device and inode are, as each process sees them below /proc/PID/root (proc_pid_root(5)).
 * Links are followed here, since the kernel follows absolute ones from the root of whoever asks.
 * @module
 */

import { isMountPoint } from "../store/mod.ts";
import { startTicksOf } from "./process_identity.ts";

const MAX_LINKS = 16;
/** Processes that are looked at; what a look costs is in microseconds. */
const MAX_PROCESSES = 8_192;

/** How processes are seen; tests have some of their own. */
export interface ProcessView {
  /** The ids of processes, the oldest first. */
  pids(): readonly number[];
  /** @returns what names a process's network namespace, or undefined when it can't be told */
  networkOf(pid: number | "self"): string | undefined;
  /** @returns what names its mount namespace */
  mountsOf(pid: number | "self"): string | undefined;
  /** @returns what it is called, at most 15 characters */
  nameOf(pid: number): string;
  /** @returns what names a file in its eyes, links not followed; undefined when there is none, or it may not be seen */
  identityOf(pid: number | "self", path: string): string | undefined;
  /** @returns the target of a link in its eyes, undefined for what is none */
  linkOf(pid: number | "self", path: string): string | undefined;
  /** Whether something is mounted at a path in this process's eyes. */
  isMounted(path: string): boolean;
}

/** A process of another network namespace that has the same. */
export interface ForeignUser {
  readonly pid: number;
  readonly name: string;
}

/**
 * @param path of a file, or of one that is to be made
 * @returns the path to be written, so that no other network namespace notices: `path`, or what the link there leads to; or
 * the process to which the file belongs
 */
export function ownPathFor(
  path: string,
  view: ProcessView = processes,
): { readonly path: string } | { readonly foreign: ForeignUser } {
  const network = view.networkOf("self");
  if (network === undefined) return { path };
  const own = look(view, "self", path);
  let entryOwner: ForeignUser | "own" | undefined;
  let targetOwner: ForeignUser | "own" | undefined;
  for (const { pid, network: theirNetwork } of eldest(view)) {
    const theirs = look(view, pid, path);
    const isOwn = theirNetwork === network;
    // Process 1 may not let itself be looked at; then what is not mounted here counts as the machine's.
    const isHidden = pid === 1 && !isOwn && theirs.entry === undefined;
    const isSame = (mine: string | undefined, its: string | undefined, at: string): boolean =>
      isHidden ? !view.isMounted(at) : mine !== undefined && mine === its;
    const owner = isOwn ? "own" : { pid, name: view.nameOf(pid) };
    if (isSame(own.entry, theirs.entry, path)) entryOwner ??= owner;
    if (isSame(own.target, theirs.target, own.targetPath)) targetOwner ??= owner;
    if (entryOwner !== undefined && targetOwner !== undefined) break;
  }
  if (entryOwner === undefined || entryOwner === "own") return { path };
  // Where the file is mounted, as ip-netns(8) does, and the link to it is the machine's.
  const isLink = own.targetPath !== path && own.target !== undefined;
  const isOwnTarget = targetOwner === undefined || targetOwner === "own";
  return isLink && isOwnTarget ? { path: own.targetPath } : { foreign: entryOwner };
}

/**
 * @param folder where a service of this host has its sockets
 * @param serviceName the name of its process
 * @returns the process that serves there, if it is of another network namespace
 */
export function foreignService(
  folder: string,
  serviceName: string,
  view: ProcessView = processes,
): ForeignUser | undefined {
  const own = look(view, "self", folder).target;
  const network = view.networkOf("self");
  let foreign: ForeignUser | undefined;
  for (const pid of view.pids().slice(0, MAX_PROCESSES)) {
    const name = view.nameOf(pid);
    if (name !== serviceName.slice(0, 15)) continue;
    const theirs = look(view, pid, folder).target;
    if (theirs !== undefined && theirs !== own) continue;
    const theirNetwork = view.networkOf(pid);
    if (theirNetwork === undefined || theirNetwork === network) return undefined;
    foreign ??= { pid, name };
  }
  return foreign;
}

/** @returns the oldest process of each pair of a network and a mount namespace, in the order of their ages */
function* eldest(view: ProcessView): Iterable<{ readonly pid: number; readonly network: string }> {
  const seen = new Set<string>();
  for (const pid of view.pids().slice(0, MAX_PROCESSES)) {
    const network = view.networkOf(pid);
    if (network === undefined) continue;
    const pair = `${network} ${view.mountsOf(pid) ?? pid}`;
    if (seen.has(pair)) continue;
    seen.add(pair);
    yield { pid, network };
  }
}

interface Look {
  /** What stands at the path itself; for a file that is to be made, where it would be. */
  readonly entry: string | undefined;
  /** What links there lead to. */
  readonly target: string | undefined;
  readonly targetPath: string;
}

function look(view: ProcessView, pid: number | "self", path: string): Look {
  const real = follow(view, pid, path);
  const cut = path.lastIndexOf("/");
  const folder = follow(view, pid, path.slice(0, cut) || "/");
  const name = path.slice(cut + 1);
  const at = folder === undefined ? path : `${folder === "/" ? "" : folder}/${name}`;
  const folderIdentity = folder === undefined ? undefined : view.identityOf(pid, folder);
  const missing = folderIdentity === undefined ? undefined : `${folderIdentity}/${name}`;
  return {
    entry: view.identityOf(pid, at) ?? missing,
    target: real === undefined ? undefined : view.identityOf(pid, real),
    targetPath: real ?? path,
  };
}

/** @returns the path without links, as a process would follow them; undefined when they lead nowhere */
function follow(view: ProcessView, pid: number | "self", path: string): string | undefined {
  let links = 0;
  let done = "";
  let left = path.split("/");
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      done = done.slice(0, Math.max(0, done.lastIndexOf("/")));
      continue;
    }
    const next = `${done}/${part}`;
    const target = view.linkOf(pid, next);
    if (target === undefined) {
      done = next;
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    if (target.startsWith("/")) done = "";
    left = [...target.split("/"), ...left];
  }
  return done === "" ? "/" : done;
}

/** The processes of this host (proc(5)). What may not be seen is undefined, as for a process without privileges. */
export const processes: ProcessView = Object.freeze({
  pids(): readonly number[] {
    const pids = tried(() => Array.from(Deno.readDirSync("/proc"), ({ name }) => Number(name))) ?? [];
    return pids.filter((pid) => pid > 0)
      .map((pid) => [pid, Number(startTicksOf(pid))] as const)
      .sort(([a, began], [b, beganThen]) => began - beganThen || a - b)
      .map(([pid]) => pid);
  },
  networkOf(pid: number | "self"): string | undefined {
    // Of the namespace, too, and to be seen without any privilege (proc_pid_net(5)).
    return tried(() => Deno.statSync(`/proc/${pid}/net/dev`).ino?.toString());
  },
  mountsOf: (pid: number | "self") => tried(() => Deno.readLinkSync(`/proc/${pid}/ns/mnt`)),
  nameOf: (pid: number) => tried(() => Deno.readTextFileSync(`/proc/${pid}/comm`).trim()) ?? "",
  identityOf(pid: number | "self", path: string): string | undefined {
    return tried(() => {
      const { dev, ino } = Deno.lstatSync(rooted(pid, path));
      return `${dev}:${ino}`;
    });
  },
  isMounted: isMountPoint,
  linkOf: (pid: number | "self", path: string) => tried(() => Deno.readLinkSync(rooted(pid, path))),
});

function rooted(pid: number | "self", path: string): string {
  return pid === "self" ? path : `/proc/${pid}/root${path}`;
}

function tried<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
