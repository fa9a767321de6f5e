/**
 * Whether a path leads to what root alone can change: it, what it links to, and every directory on the way belong to
 * root, and nobody else may write to them.
 * @module
 */

/** What stands at a path, links not followed. */
export interface PathEntry {
  readonly uid: number;
  readonly gid: number;
  /** Permissions, of stat(2). */
  readonly mode: number;
  /** Where it leads, of a symbolic link. */
  readonly target?: string;
}

/** What others could change, and how. */
export interface UntrustedPart {
  readonly path: string;
  readonly why:
    | "it belongs to another user than root"
    | "other users than root can write to it"
    | "it cannot be read";
}

/** Whose files are as good as root's own. */
export interface TrustedOwner {
  readonly uid: number;
  /** Whoever else is in this group is trusted too: the user's own group has nobody else in it. */
  readonly gid: number;
}

const ROOT: TrustedOwner = { uid: 0, gid: 0 };
/** As many links as the kernel follows (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * Follows a path from the root on.
 * @param path absolute; what does not exist yet is as good as the directory that it would be made in
 * @param look undefined where nothing stands
 * @param owner who may change it besides root
 * @returns the first part that others could change; undefined when root, and the owner, alone can
 */
export function untrustedPart(
  path: string,
  look: (path: string) => PathEntry | undefined = lookAt,
  owner: TrustedOwner = ROOT,
): UntrustedPart | undefined {
  const left = path.split("/").filter(Boolean);
  let parts: string[] = [];
  for (let links = 0;;) {
    const at = `/${parts.join("/")}`;
    let entry: PathEntry | undefined;
    try {
      entry = look(at);
    } catch {
      return { path: at, why: "it cannot be read" };
    }
    if (entry === undefined) return undefined;
    const fault = faultOf(at, entry, owner);
    if (fault !== undefined) return fault;
    if (entry.target !== undefined) {
      if (++links > MAX_LINKS) return { path: at, why: "it cannot be read" };
      left.unshift(...entry.target.split("/").filter(Boolean));
      parts = entry.target.startsWith("/") ? [] : parts.slice(0, -1);
      continue;
    }
    const next = left.shift();
    if (next === undefined) return undefined;
    if (next === "..") parts.pop();
    else if (next !== ".") parts.push(next);
  }
}

/**
 * Looks through a directory of programs, whose own path was looked at already.
 * @param directory what begins with a dot in it, no program reads
 * @param owner who may change it besides root
 * @returns the first thing in it that others could change
 */
export function untrustedInside(
  directory: string,
  owner: TrustedOwner = ROOT,
): UntrustedPart | undefined {
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    if (name.startsWith(".")) continue;
    const path = `${directory}/${name}`;
    const entry = lookAt(path);
    const fault = entry === undefined
      ? undefined
      : entry.target === undefined
      ? faultOf(path, entry, owner)
      : untrustedPart(path, lookAt, owner);
    const inside = fault ?? (isDirectory ? untrustedInside(path, owner) : undefined);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

function faultOf(
  path: string,
  { uid, gid, mode, target }: PathEntry,
  owner: TrustedOwner,
): UntrustedPart | undefined {
  if (uid !== 0 && uid !== owner.uid) return { path, why: "it belongs to another user than root" };
  // The mode of a link means nothing.
  if (target !== undefined) return undefined;
  // In a directory like /tmp nobody moves what is root's, but whatever cleans it up does.
  const isShared = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0 && gid !== owner.gid);
  return isShared ? { path, why: "other users than root can write to it" } : undefined;
}

/** @throws the system's error when it can't be looked at */
function lookAt(path: string): PathEntry | undefined {
  try {
    const { uid, gid, mode, isSymlink } = Deno.lstatSync(path);
    const entry = { uid: uid ?? 0, gid: gid ?? 0, mode: mode ?? 0 };
    return isSymlink ? { ...entry, target: Deno.readLinkSync(path) } : entry;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
