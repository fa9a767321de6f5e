/**
 * UDP sockets that are read and written by their descriptors: on one address of this host (`bindUdp`), or on all of them
 * (`openOffloadUdp`), where one call sends or receives many datagrams of the same size (Linux UDP_SEGMENT and UDP_GRO,
 * Documentation/networking/segmentation-offloads.rst); and options of sockets that the runtime has opened and has no names
 * for (socket(7)).
 * @module
 */

import { Endpoint, IpAddress } from "../../net/mod.ts";
import {
  AF_INET,
  AF_INET6,
  Descriptor,
  ERRNO,
  IP_PKTINFO,
  Libc,
  O_CLOEXEC,
  O_NONBLOCK,
  SOCKADDR_BYTES,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
} from "../ffi/mod.ts";
import { HostError } from "../host_error.ts";
import { encodeSocketAddress } from "./socket_address.ts";

// bits/socket.h, linux/in6.h, asm-generic/socket.h
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MARK = 36;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;

/** A burst of some ten thousand queries. */
const BOUND_BUFFER_BYTES = 4 << 20;
/** A burst of a gigabit line for 50 ms; with the usual 200 KB most of a fast sender's burst is lost. */
const OFFLOAD_BUFFER_BYTES = 7 << 20;
/** What waits while the event loop is busy; with the usual 200 KB a burst of 300 small datagrams is too long. */
const RUNTIME_BUFFER_BYTES = 4 << 20;
/** The size of a probe; any would do. */
const PROBE_SEGMENT_BYTES = 1452;

/** A descriptor that is read and written by somebody else. */
export interface BoundUdp {
  /** Does not block. */
  readonly fd: number;
  /** Of the addresses that it takes; 6 speaks IPv4 as well, in mapped addresses, where it is bound to all. */
  readonly family: 4 | 6;
  /** The port that it is bound to. */
  readonly port: number;
  /** Nothing may use the descriptor any more. Harmless when repeated. */
  close(): void;
}

/** A descriptor that takes and gives batches. */
export interface OffloadUdp extends BoundUdp {
  /** Whether GSO batches are sent, and GRO batches received. */
  readonly offloads: { readonly gso: boolean; readonly gro: boolean };
  /** Marks what is sent, for policy routing. @returns whether the kernel took it */
  setMark(mark: number): boolean;
}

/**
 * Binds a socket on one address of this host.
 * @param port 0 for any free one
 * @returns the socket, or that the port is taken
 * @throws HostError for anything else, also where there is no C library to call
 */
export function bindUdp(address: IpAddress, port: number): BoundUdp | "port-taken" {
  const libc = Libc.open();
  const options = address.family === 6 ? [[SOL_IPV6, IPV6_V6ONLY, 1] as const] : [];
  const fd = bind(libc, new Endpoint(address, port), { bufferBytes: BOUND_BUFFER_BYTES, options });
  if (fd >= 0) return describe(new Descriptor(libc, fd), address.family);
  libc.unload();
  if (-fd === ERRNO.EADDRINUSE) return "port-taken";
  throw new HostError(`Cannot open UDP port ${port} of ${address}: error ${-fd} of the kernel`);
}

/**
 * Binds a socket on all addresses of both families, or of IPv4 where there is no IPv6.
 * @param port 0 for any free one
 * @returns the socket, or that the port is taken
 * @throws HostError for anything else
 */
export function openOffloadUdp(port: number): OffloadUdp | "port-taken" {
  const libc = Libc.open();
  let errno = 0;
  for (const family of [6, 4] as const) {
    const any = IpAddress.fromBytes(new Uint8Array(family === 6 ? 16 : 4));
    // Each datagram says which address of this host it came to; of IPv4 in IPv6 too.
    const options = family === 6
      ? [[SOL_IPV6, IPV6_V6ONLY, 0], [SOL_IPV6, IPV6_RECVPKTINFO, 1]] as const
      : [[SOL_IP, IP_PKTINFO, 1]] as const;
    const fd = bind(libc, new Endpoint(any, port), { bufferBytes: OFFLOAD_BUFFER_BYTES, options });
    if (fd < 0) {
      errno = -fd;
      if (errno === ERRNO.EADDRINUSE) break;
      continue;
    }
    return withOffloads(libc, fd, family);
  }
  libc.unload();
  if (errno === ERRNO.EADDRINUSE) return "port-taken";
  throw new HostError(`Cannot open UDP port ${port}: error ${errno} of the kernel`);
}

/**
 * Binds a socket on 127.0.0.1, at any free port.
 * @throws HostError when there is none, also where there is no C library to call
 */
export function openLoopbackUdp(): OffloadUdp {
  const libc = Libc.open();
  const loopback = new Endpoint(IpAddress.fromBytes(Uint8Array.of(127, 0, 0, 1)), 0);
  const fd = bind(libc, loopback, { bufferBytes: RUNTIME_BUFFER_BYTES, options: [] });
  if (fd >= 0) return withOffloads(libc, fd, 4);
  libc.unload();
  throw new HostError(`Cannot open a UDP port of the loopback: error ${-fd} of the kernel`);
}

/** Marks what a socket sends, for policy routing (SO_MARK). @returns whether the kernel took it */
function setMark(libc: Libc, fd: number, mark: number): boolean {
  return libc.setOption(fd, SOL_SOCKET, SO_MARK, mark);
}

/** Lets more datagrams wait than the system's limit allows. @returns whether the process may (CAP_NET_ADMIN) */
function enlargeBuffers(libc: Libc, fd: number, bytes: number): boolean {
  const receives = libc.setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
  return libc.setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes) && receives;
}

/** How a socket is before it is bound. */
interface SocketSetup {
  readonly bufferBytes: number;
  readonly options: readonly (readonly [level: number, option: number, value: number])[];
}

/** @returns the descriptor, or -errno */
function bind(libc: Libc, endpoint: Endpoint, { bufferBytes, options }: SocketSetup): number {
  const { family } = endpoint.address;
  const fd = libc.socket(family === 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0) return -libc.errno;
  for (const option of options) libc.setOption(fd, ...option);
  enlargeBuffers(libc, fd, bufferBytes);
  const name = encodeSocketAddress(endpoint, family);
  if (name !== undefined && libc.bind(fd, name) >= 0) return fd;
  const { errno } = libc;
  libc.close(fd);
  return -errno;
}

function withOffloads(libc: Libc, fd: number, family: 4 | 6): OffloadUdp {
  // Set for a moment only: sizes are told with each batch.
  const gso = libc.setOption(fd, SOL_UDP, UDP_SEGMENT, PROBE_SEGMENT_BYTES) &&
    libc.setOption(fd, SOL_UDP, UDP_SEGMENT, 0);
  const gro = libc.setOption(fd, SOL_UDP, UDP_GRO, 1);
  return {
    ...describe(new Descriptor(libc, fd), family),
    offloads: { gso, gro },
    setMark: (mark) => setMark(libc, fd, mark),
  };
}

function describe(descriptor: Descriptor, family: 4 | 6): BoundUdp {
  const { libc, fd } = descriptor;
  const name = new Uint8Array(SOCKADDR_BYTES);
  libc.getsockname(fd, name);
  return { fd, family, port: ((name[2] ?? 0) << 8) | (name[3] ?? 0), close: () => descriptor.close() };
}

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
  return withSocket(port, (libc, fd) => enlargeBuffers(libc, fd, RUNTIME_BUFFER_BYTES));
}

function withSocket(port: number, use: (libc: Libc, fd: number) => boolean): boolean {
  const libc = Libc.open();
  try {
    const fd = findUdpSocket(port);
    return fd !== undefined && use(libc, fd);
  } finally {
    libc.unload();
  }
}

/**
 * The runtime does not tell its descriptors, so the one that is bound to a port is looked for among those of the process.
 * @returns a descriptor that the runtime closes, or undefined when no socket of this process has the port
 */
export function findUdpSocket(port: number): number | undefined {
  const datagramInodes = udpSocketInodes(port);
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/self/fd/${name}`))?.[1];
    if (inode !== undefined && datagramInodes.has(inode)) return Number(name);
  }
  return undefined;
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
