/**
 * A UDP socket whose datagrams travel in batches: one call sends or receives many of the same size (Linux UDP_SEGMENT and
 * UDP_GRO, Documentation/networking/segmentation-offloads.rst).
 * @module
 */

import { HostError } from "./host_error.ts";
import { ERRNO, Libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";

// bits/socket.h, linux/in6.h, linux/udp.h, asm-generic/socket.h
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SO_MARK = 36;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const IPV6_RECVPKTINFO = 49;
const IPPROTO_IP = 0;
const IP_PKTINFO = 8;
const SOCKADDR_IN6_BYTES = 28;

/** A burst of a gigabit line for 50 ms; with the usual 200 KB most of a fast sender's burst is lost. */
const BUFFER_BYTES = 7 << 20;
/** The size of a probe; any would do. */
const PROBE_SEGMENT_BYTES = 1452;

/** A descriptor that is read and written by somebody else. */
export interface OffloadUdp {
  /** Does not block. */
  readonly fd: number;
  /** The port that it is bound to. */
  readonly port: number;
  /** 6 speaks IPv4 as well, in mapped addresses. */
  readonly family: 4 | 6;
  /** Whether GSO batches are sent, and GRO batches received. */
  readonly offloads: { readonly gso: boolean; readonly gro: boolean };
  /** Marks what is sent, for policy routing (SO_MARK). @returns whether the kernel took it */
  setMark(mark: number): boolean;
  /** Nothing may use the descriptor any more. Harmless when repeated. */
  close(): void;
}

/** What somebody else has. */
export type PortTaken = "port-taken";

/**
 * Binds a socket on all addresses of both families, or of IPv4 where there is no IPv6.
 * @param port 0 for any free one
 * @returns the socket, or that the port is taken
 * @throws HostError for anything else
 */
export function openOffloadUdp(port: number): OffloadUdp | PortTaken {
  const libc = Libc.open();
  for (const family of [6, 4] as const) {
    const fd = libc.socket(family === 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | O_NONBLOCK | O_CLOEXEC, 0);
    if (fd < 0) continue;
    const set = (level: number, option: number, value: number): boolean =>
      libc.setsockopt(fd, level, option, new Uint8Array(Int32Array.of(value).buffer)) >= 0;
    if (family === 6) set(IPPROTO_IPV6, IPV6_V6ONLY, 0);
    // Each datagram then says which address of this host it came to; of IPv4 in IPv6 too.
    if (family === 6) set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    else set(IPPROTO_IP, IP_PKTINFO, 1);
    // Needs CAP_NET_ADMIN; without it the system's own limit holds.
    set(SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
    set(SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES);
    if (libc.bind(fd, anyAddress(family, port)) < 0) {
      const { errno } = libc;
      libc.close(fd);
      if (errno === ERRNO.EADDRINUSE) {
        libc.unload();
        return "port-taken";
      }
      continue;
    }
    // Set for a moment only: sizes are told with each batch.
    const gso = set(SOL_UDP, UDP_SEGMENT, PROBE_SEGMENT_BYTES) && set(SOL_UDP, UDP_SEGMENT, 0);
    const gro = set(SOL_UDP, UDP_GRO, 1);
    let isClosed = false;
    return {
      fd,
      port: boundPort(libc, fd),
      family,
      offloads: { gso, gro },
      setMark: (mark) => set(SOL_SOCKET, SO_MARK, mark),
      close: () => {
        if (isClosed) return;
        isClosed = true;
        libc.close(fd);
        libc.unload();
      },
    };
  }
  const { errno } = libc;
  libc.unload();
  throw new HostError(`Cannot open UDP port ${port}: error ${errno} of the kernel`);
}

/** `struct sockaddr_in6` or `struct sockaddr_in`: family in host order, then the port in network order. */
function anyAddress(family: 4 | 6, port: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(family === 6 ? SOCKADDR_IN6_BYTES : 16);
  address[0] = family === 6 ? AF_INET6 : AF_INET;
  address[2] = port >> 8;
  address[3] = port & 255;
  return address;
}

function boundPort(libc: Libc, fd: number): number {
  const address = new Uint8Array(SOCKADDR_IN6_BYTES);
  libc.getsockname(fd, address);
  return ((address[2] ?? 0) << 8) | (address[3] ?? 0);
}
