/**
 * A UDP socket on one address, for whoever calls the system by itself.
 * @module
 */

import type { IpAddress } from "../net/mod.ts";
import { HostError } from "./host_error.ts";
import { ERRNO, Libc, O_CLOEXEC, O_NONBLOCK } from "./libc.ts";
import type { PortTaken } from "./offload_udp.ts";

// bits/socket.h, linux/in6.h, asm-generic/socket.h
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
/** A burst of some ten thousand queries. */
const BUFFER_BYTES = 4 << 20;

/** A descriptor that is read and written by somebody else. */
export interface BoundUdp {
  /** Does not block. */
  readonly fd: number;
  readonly family: 4 | 6;
  readonly port: number;
  /** Nothing may use the descriptor any more. Harmless when repeated. */
  close(): void;
}

/**
 * Binds a socket on one address of this host.
 * @param port 0 for any free one
 * @returns the socket, or that the port is taken
 * @throws HostError for anything else, also where there is no C library to call
 */
export function bindUdp(address: IpAddress, port: number): BoundUdp | PortTaken {
  const libc = Libc.open();
  const { family } = address;
  const fd = libc.socket(family === 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | O_NONBLOCK | O_CLOEXEC, 0);
  const set = (level: number, option: number, value: number): boolean =>
    libc.setsockopt(fd, level, option, new Uint8Array(Int32Array.of(value).buffer)) >= 0;
  if (fd >= 0) {
    if (family === 6) set(IPPROTO_IPV6, IPV6_V6ONLY, 1);
    // Needs CAP_NET_ADMIN; without it the system's own limit holds.
    set(SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
    set(SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES);
  }
  const name = socketAddress(address, port);
  if (fd < 0 || libc.bind(fd, name) < 0) {
    const { errno } = libc;
    if (fd >= 0) libc.close(fd);
    libc.unload();
    if (errno === ERRNO.EADDRINUSE) return "port-taken";
    throw new HostError(`Cannot open UDP port ${port} of ${address}: error ${errno} of the kernel`);
  }
  libc.getsockname(fd, name);
  let isClosed = false;
  return {
    fd,
    family,
    port: ((name[2] ?? 0) << 8) | (name[3] ?? 0),
    close: () => {
      if (isClosed) return;
      isClosed = true;
      libc.close(fd);
      libc.unload();
    },
  };
}

/** `struct sockaddr_in6` or `struct sockaddr_in`: family in host order, then the port in network order. */
function socketAddress({ family, bytes }: IpAddress, port: number): Uint8Array<ArrayBuffer> {
  const address = new Uint8Array(family === 6 ? 28 : 16);
  address[0] = family === 6 ? AF_INET6 : AF_INET;
  address[2] = port >> 8;
  address[3] = port & 255;
  address.set(bytes, family === 6 ? 8 : 4);
  return address;
}
