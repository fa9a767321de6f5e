/**
 * Replacing a file of the host, such as /etc/resolv.conf, so that it can be put back exactly.
 * @module
 */

import { decodeBase64, encodeBase64, equalBytes, utf8Bytes } from "../../base/mod.ts";
import { HostError } from "../host_error.ts";
import { isMountPoint } from "./mount_point.ts";

/** Where the C library looks. */
export const RESOLVER_CONF_PATH = "/etc/resolv.conf";
/** A resolv.conf that is larger is none. */
const MAX_FILE_BYTES = 64 << 10;

/** What stood at a path before. */
export type FormerFile =
  | { readonly kind: "none" }
  | { readonly kind: "link"; readonly target: string }
  | {
    readonly kind: "file";
    readonly bytes: Uint8Array;
    readonly mode: number;
    readonly uid: number;
    readonly gid: number;
    /** Milliseconds since 1970. */
    readonly modifiedMs: number;
  };

/** A file that weft replaces: what was there, and what is there now. */
export interface FileReplacement {
  readonly path: string;
  readonly former: FormerFile;
  readonly written: Uint8Array;
}

/** @returns the text that reading `path` gives, through links; empty when there is none */
export function readHostText(path: string): string {
  try {
    return Deno.statSync(path).size > MAX_FILE_BYTES ? "" : Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

/** @returns what stands at `path` @throws HostError when that is no file, no link, or can't be read */
export function formerFile(path: string): FormerFile {
  try {
    const { isSymlink, isFile, size, mode, uid, gid, mtime } = Deno.lstatSync(path);
    if (isSymlink) return { kind: "link", target: Deno.readLinkSync(path) };
    if (!isFile || size > MAX_FILE_BYTES) {
      throw new HostError(`Cannot replace ${path}: it is no file of a page`);
    }
    return {
      kind: "file",
      bytes: Deno.readFileSync(path),
      mode: (mode ?? 0o644) & 0o7777,
      uid: uid ?? 0,
      gid: gid ?? 0,
      modifiedMs: mtime?.getTime() ?? 0,
    };
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return { kind: "none" };
    throw asHostError(path, cause);
  }
}

/** Writes what a replacement wants to be there. @throws HostError */
export function replaceFile({ path, former, written }: FileReplacement): void {
  try {
    put(path, written, former);
  } catch (cause) {
    throw asHostError(path, cause);
  }
}

/**
 * Puts back what a replacement has replaced. What somebody else has written since is left alone.
 * @returns whether the path was weft's
 * @throws HostError when it can't be put back
 */
export function restoreFile({ path, former, written }: FileReplacement): boolean {
  const now = formerFile(path);
  // In place, a power cut may have let only a beginning get to the disk.
  const isOurs = now.kind === "file" && equalBytes(now.bytes, written.subarray(0, now.bytes.length));
  if (isOurs) putBackFile(path, former);
  return isOurs;
}

/** Puts back what stood at a path, whatever is there now. @throws HostError */
export function putBackFile(path: string, former: FormerFile): void {
  try {
    if (former.kind === "none") Deno.removeSync(path);
    else if (former.kind === "link") {
      const link = freshPath(path);
      removeIfThere(link);
      Deno.symlinkSync(former.target, link);
      Deno.renameSync(link, path);
    } else {
      put(path, former.bytes, former);
      Deno.utimeSync(path, new Date(former.modifiedMs), new Date(former.modifiedMs));
    }
  } catch (cause) {
    throw asHostError(path, cause);
  }
}

/** @returns a former file as JSON has it */
export function encodeFormer(former: FormerFile): unknown {
  return former.kind === "file" ? { ...former, bytes: encodeBase64(former.bytes) } : former;
}

/** @returns a former file, or undefined when that is none */
export function decodeFormer(value: FormerFile | { kind: "file"; bytes: string }): FormerFile | undefined {
  const read =
    (value.kind === "file" && typeof value.bytes === "string"
      ? { ...value, bytes: decodeBase64(value.bytes) }
      : value) as FormerFile;
  const isGood = read.kind === "none" || (read.kind === "link" && typeof read.target === "string") ||
    (read.kind === "file" && read.bytes instanceof Uint8Array && Number.isInteger(read.mode));
  return isGood ? read : undefined;
}

/** @returns the replacement as text, for the journal */
export function encodeReplacement({ former, written }: FileReplacement): Uint8Array {
  return utf8Bytes(JSON.stringify({ former: encodeFormer(former), written: encodeBase64(written) }));
}

/** @returns the replacement, or undefined when the bytes are none */
export function decodeReplacement(path: string, bytes: Uint8Array): FileReplacement | undefined {
  try {
    const { former, written } = JSON.parse(new TextDecoder().decode(bytes));
    const replaced = decodeBase64(written);
    const read = decodeFormer(former);
    return read !== undefined && replaced !== undefined
      ? { path, former: read, written: replaced }
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * By renaming, so that no reader sees half of it; in place where the path is a mount of its own, as in containers and
 * network namespaces. The folder around a mount is other namespaces' too, and nothing is put there.
 */
function put(path: string, bytes: Uint8Array, like: FormerFile): void {
  if (isMountPoint(path)) return Deno.writeFileSync(path, bytes);
  const mode = like.kind === "file" ? like.mode : 0o644;
  const fresh = freshPath(path);
  try {
    removeIfThere(fresh);
    Deno.writeFileSync(fresh, bytes, { createNew: true, mode });
    Deno.chmodSync(fresh, mode);
    if (like.kind === "file") Deno.chownSync(fresh, like.uid, like.gid);
    Deno.renameSync(fresh, path);
  } catch (error) {
    removeIfThere(fresh);
    // Writing a link would write what it leads to, which is not what was kept.
    if (!isMountRefusal(error) || isLink(path)) throw error;
    Deno.writeFileSync(path, bytes);
  }
}

/** Two processes that put something at one path must not take each other's file for theirs. */
function freshPath(path: string): string {
  return `${path}.weft-${Deno.pid}`;
}

/** rename(2): EBUSY for a mount point, EXDEV between file systems; the folder may be read-only around a mount. */
function isMountRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.Busy ||
    (error instanceof Error && /os error (?:16|18|30)\b/.test(error.message));
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It is not there, or what comes next says why not.
  }
}

function asHostError(path: string, cause: unknown): HostError {
  if (cause instanceof HostError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new HostError(`Cannot replace ${path}: ${why}`, {
    hint: "Leave the host's resolver alone with --dns-resolver off.",
    cause,
  });
}
