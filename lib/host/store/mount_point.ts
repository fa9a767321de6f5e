/**
 * What is mounted where, in this process's namespace (proc_pid_mountinfo(5)).
 * @module
 */

/** One line of the table: its own number, that of the mount that it stands on, and where it stands. */
interface Mount {
  readonly id: string;
  readonly parent: string;
  readonly point: string;
}

/** @returns whether something is mounted at this very path, and is what a reader of the path gets */
export function isMountPoint(path: string): boolean {
  try {
    // The table names the places that links lead to, never a link.
    return !Deno.lstatSync(path).isSymlink &&
      isUppermostMount(Deno.readTextFileSync("/proc/self/mountinfo"), path);
  } catch {
    return false;
  }
}

/**
 * Walks as the kernel does. A mount whose folder a later mount has covered stays in the table, and is no answer.
 * @param table as /proc/self/mountinfo has it
 * @param path absolute, without links
 */
export function isUppermostMount(table: string, path: string): boolean {
  const mounts = table.split("\n").filter((line) => line !== "").map(readMount);
  const ids = new Set(mounts.map(({ id }) => id));
  let at = mounts.find(({ id, parent }) => id === parent || !ids.has(parent));
  for (let steps = 0; at !== undefined && steps < mounts.length; steps++) {
    const next = firstOnTheWay(mounts, at, path);
    if (next === undefined) return at.point === path;
    at = next;
  }
  return false;
}

/** The mount on `at` that somebody who goes to `path` meets first. */
function firstOnTheWay(mounts: readonly Mount[], at: Mount, path: string): Mount | undefined {
  let first: Mount | undefined;
  for (const mount of mounts) {
    const isOnTheWay = mount.parent === at.id && mount.id !== at.id && leadsTo(mount.point, path);
    if (isOnTheWay && (first === undefined || mount.point.length < first.point.length)) first = mount;
  }
  return first;
}

function leadsTo(point: string, path: string): boolean {
  return point === path || path.startsWith(point.endsWith("/") ? point : `${point}/`);
}

function readMount(line: string): Mount {
  const [id = "", parent = "", , , point = ""] = line.split(" ", 5);
  const plain = point.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
  return { id, parent, point: plain };
}
