/**
 * Network namespaces (network_namespaces(7)): finding one, and doing something inside (setns(2)).
 * @module
 */

import { Descriptor, ERRNO, O_CLOEXEC, O_RDONLY } from "../ffi/mod.ts";
import { HostError, NoNamespaceError, NotPermittedError } from "../host_error.ts";

// linux/sched.h
const CLONE_NEWNET = 0x40000000;
/** Which kind of namespace it is (ioctl_ns(2)); other files have no such request. */
const NS_GET_NSTYPE = 0xb703;
/** Where `ip netns` keeps names (ip-netns(8)). */
const NAMES_FOLDER = "/run/netns";
/** Of this thread, whichever process it belongs to. */
const OWN_PATH = "/proc/thread-self/ns/net";

/** A network namespace that is held open; it lives at least so long. */
export class HostNamespace implements Disposable {
  /** As it was named. */
  readonly where: string;
  readonly #descriptor: Descriptor;

  private constructor(where: string, descriptor: Descriptor) {
    this.where = where;
    this.#descriptor = descriptor;
  }

  /**
   * @param where a name of `ip netns`, the path of a namespace (with a slash), or the id of a process that is in it (`123`, or
   * `pid:123`); a name goes before a process id
   * @throws NoNamespaceError, NotPermittedError, HostError
   */
  static open(where: string): HostNamespace {
    const paths = pathsOf(where);
    if (paths.length === 0) throw new NoNamespaceError(where);
    const descriptor = openFirst(where, paths);
    if (descriptor.libc.ioctlValue(descriptor.fd, NS_GET_NSTYPE, 0) !== CLONE_NEWNET) {
      descriptor.close();
      throw new NoNamespaceError(where);
    }
    return new HostNamespace(where, descriptor);
  }

  /** For netlink. */
  get fd(): number {
    return this.#descriptor.fd;
  }

  /**
   * Runs `action` with this thread inside, and brings it back whatever happens. Sockets, interfaces and files of /proc/net
   * that it opens on this thread are the namespace's, and stay so.
   * @param action must not be asynchronous: whatever else runs on this thread would be inside as well
   * @throws NoNamespaceError when it is no network namespace, NotPermittedError, HostError, and what `action` throws
   */
  run<T>(action: () => T extends PromiseLike<unknown> ? never : T): T {
    const { libc } = this.#descriptor;
    const own = openFirst("of this thread", [OWN_PATH]);
    try {
      if (libc.enterNamespace(this.#descriptor.fd, CLONE_NEWNET) < 0) {
        throw enterError(this.where, libc.errno);
      }
      try {
        return action();
      } finally {
        if (libc.enterNamespace(own.fd, CLONE_NEWNET) < 0) {
          // deno-lint-ignore no-unsafe-finally -- what comes after would be done to the wrong host
          throw new HostError(
            `Cannot come back from the network namespace ${this.where}: error ${libc.errno}`,
            {
              hint: "Start the agent again.",
            },
          );
        }
      }
    } finally {
      own.close();
    }
  }

  /** Lets go of it. Harmless when repeated. */
  close(): void {
    this.#descriptor.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Runs `action` with this thread in a network namespace, and brings it back; see `HostNamespace`.
 * @param where as `HostNamespace.open` takes it; undefined for the namespace that the thread is in
 * @throws NoNamespaceError, NotPermittedError, HostError, and what `action` throws
 */
export function inNamespace<T>(
  where: string | undefined,
  action: () => T extends PromiseLike<unknown> ? never : T,
): T {
  if (where === undefined) return action();
  using namespace = HostNamespace.open(where);
  return namespace.run(action);
}

function pathsOf(where: string): readonly string[] {
  if (where.includes("\0") || where === "" || where === "." || where === "..") return [];
  if (where.includes("/")) return [where];
  const process = /^pid:([1-9]\d{0,9})$/.exec(where)?.[1];
  if (process !== undefined) return [`/proc/${process}/ns/net`];
  const named = `${NAMES_FOLDER}/${where}`;
  return /^[1-9]\d{0,9}$/.test(where) ? [named, `/proc/${where}/ns/net`] : [named];
}

function openFirst(where: string, paths: readonly string[]): Descriptor {
  return Descriptor.open(`enter the network namespace ${where}`, (libc) => {
    for (const path of paths) {
      const fd = libc.open(path, O_RDONLY | O_CLOEXEC);
      if (fd >= 0) return fd;
      if (libc.errno !== ERRNO.ENOENT) break;
    }
    throw enterError(where, libc.errno);
  });
}

function enterError(where: string, errno: number): Error {
  const what = `enter the network namespace ${where}`;
  switch (errno) {
    case ERRNO.EPERM:
    case ERRNO.EACCES:
      return new NotPermittedError(what, "CAP_SYS_ADMIN");
    // A file of another kind, and what stays of a name when its namespace is not mounted any more.
    case ERRNO.EINVAL:
    case ERRNO.ENOENT:
    case ERRNO.ENOTDIR:
    case ERRNO.ENXIO:
    case ERRNO.ESRCH:
      return new NoNamespaceError(where);
    default:
      return new HostError(`Cannot ${what}: error ${errno} of the kernel`);
  }
}
