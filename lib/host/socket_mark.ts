/**
 * Marking the datagrams of a socket that the runtime has opened (socket(7), SO_MARK), for `ip rule … fwmark`.
 * @module
 */

import { Libc } from "./libc.ts";

// asm-generic/socket.h
const SOL_SOCKET = 1;
const SO_MARK = 36;

/**
 * Marks what this process sends from a UDP port from now on. The runtime does not tell its descriptors, so the one
 * that is bound to the port is looked for among those of the process.
 *
 * @param port that exactly one socket of this process is bound to
 * @param mark 32 bits; 0 for none
 * @returns whether there is such a socket and the kernel took the mark
 */
export function markUdpSocket(port: number, mark: number): boolean {
  const libc = Libc.open();
  try {
    const datagramInodes = udpSocketInodes(port);
    for (const { name } of Deno.readDirSync("/proc/self/fd")) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/self/fd/${name}`))?.[1];
      if (inode === undefined || !datagramInodes.has(inode)) continue;
      const value = new Uint8Array(4);
      new DataView(value.buffer).setUint32(0, mark, true);
      return libc.setsockopt(Number(name), SOL_SOCKET, SO_MARK, value) === 0;
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
