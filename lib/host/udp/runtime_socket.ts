/**
 * Options of UDP sockets that the runtime has opened and has no names for (socket(7)). It does not tell its descriptors,
 * so the one that is bound to a port is looked for among those of the process.
 * @module
 */

import { Libc } from "../ffi/mod.ts";
import { enlargeBuffers, setMark } from "./udp_socket.ts";

/** What waits while the event loop is busy; with the usual 200 KB a burst of 300 small datagrams is too long. */
const BUFFER_BYTES = 4 << 20;

/**
 * Marks what this process sends from a UDP port from now on, for `ip rule … fwmark`.
 *
 * @param port that exactly one socket of this process is bound to
 * @param mark 32 bits; 0 for none
 * @returns whether there is such a socket and the kernel took the mark
 */
export function markUdpSocket(port: number, mark: number): boolean {
  return withSocket(port, (libc, fd) => setMark(libc, fd, mark));
}

/**
 * Lets more datagrams wait, beyond the limit for ordinary programs.
 *
 * @param port that exactly one socket of this process is bound to
 * @returns whether there is such a socket and the process may (CAP_NET_ADMIN)
 */
export function enlargeUdpBuffers(port: number): boolean {
  return withSocket(port, (libc, fd) => enlargeBuffers(libc, fd, BUFFER_BYTES));
}

function withSocket(port: number, use: (libc: Libc, fd: number) => boolean): boolean {
  const libc = Libc.open();
  try {
    const datagramInodes = udpSocketInodes(port);
    for (const { name } of Deno.readDirSync("/proc/self/fd")) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/self/fd/${name}`))?.[1];
      if (inode === undefined || !datagramInodes.has(inode)) continue;
      return use(libc, Number(name));
    }
    return false;
  } finally {
    libc.unload();
  }
}

/** Of all processes in this namespace: `sl local_address rem_address st … inode …`, addresses in hexadecimal. */
function udpSocketInodes(port: number): ReadonlySet<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = new Set<string>();
  for (const table of ["/proc/self/net/udp", "/proc/self/net/udp6"]) {
    for (const line of textOf(table).split("\n")) {
      const fields = line.trim().split(/\s+/);
      if (fields[1]?.endsWith(suffix) && fields[9] !== undefined) inodes.add(fields[9]);
    }
  }
  return inodes;
}

function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
