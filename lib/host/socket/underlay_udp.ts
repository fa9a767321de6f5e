/**
 * UDP sockets that carry packets inside of packets: one that receives at a tunnel's port, and several to send from, because
 * the source port tells flows apart (RFC 7348 §5, RFC 8926 §3.3, RFC 7510 §3).
 * @module
 */

import { Endpoint, IpAddress, type IpFamily } from "../../net/mod.ts";
import {
  AF_INET,
  AF_INET6,
  Descriptor,
  ERRNO,
  O_CLOEXEC,
  O_NONBLOCK,
  SOL_IPV6,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
} from "../ffi/mod.ts";
import { HostError, UdpPortTakenError } from "../host_error.ts";
import { encodeSocketAddress } from "../udp/mod.ts";
import { configureUnderlay, type UnderlaySocketOptions } from "./underlay_options.ts";

// bits/socket.h, linux/in6.h
const SOCK_DGRAM = 2;
const IPV6_V6ONLY = 26;
/** The size of a probe; any would do. */
const PROBE_SEGMENT_BYTES = 1452;
/** RFC 6335 §6: the dynamic ports. */
const FIRST_DYNAMIC_PORT = 49_152;
const DYNAMIC_PORTS = 16_384;
/** How many of them are tried before the kernel chooses. */
const PORT_ATTEMPTS = 16;

/** A descriptor that is read and written by somebody else. */
export interface UnderlayUdp {
  readonly descriptor: Descriptor;
  /** Does not block. */
  readonly fd: number;
  /** Of the addresses that it takes; 6 takes IPv4 as well, in mapped addresses, where it is bound to all. */
  readonly family: IpFamily;
  /** Whether one send takes a batch of datagrams (UDP_SEGMENT). Whoever receives may be given batches (UDP_GRO). */
  readonly hasGso: boolean;
  /** Nothing may use the descriptor any more. Harmless when repeated. */
  close(): void;
}

/**
 * Opens a socket at a port.
 * @param address of this host, or a group's; undefined for all addresses of both families
 * @throws UdpPortTakenError, HostError
 */
export function openUnderlayUdp(
  address: IpAddress | undefined,
  port: number,
  options: UnderlaySocketOptions,
): UnderlayUdp {
  const opened = bindFirst(address, [port], options);
  if (typeof opened !== "number") return opened;
  if (opened === ERRNO.EADDRINUSE) throw new UdpPortTakenError(port);
  throw openError(address, port, opened);
}

/**
 * Opens sockets to send from, each at a dynamic port of its own.
 * @throws HostError
 */
export function openUnderlaySenders(
  address: IpAddress | undefined,
  count: number,
  options: UnderlaySocketOptions,
): readonly UnderlayUdp[] {
  const sockets: UnderlayUdp[] = [];
  for (let i = 0; i < count; i++) {
    const ports = Array.from(
      { length: PORT_ATTEMPTS },
      // Of several processes each begins elsewhere.
      (_, attempt) => FIRST_DYNAMIC_PORT + (Deno.pid * 131 + (i + attempt * count) * 67) % DYNAMIC_PORTS,
    );
    const opened = bindFirst(address, [...ports, 0], options);
    if (typeof opened === "number") {
      for (const socket of sockets) socket.close();
      throw openError(address, 0, opened);
    }
    sockets.push(opened);
  }
  return sockets;
}

/** @returns a socket at the first of the ports that is free, or the kernel's `errno` */
function bindFirst(
  address: IpAddress | undefined,
  ports: readonly number[],
  options: UnderlaySocketOptions,
): UnderlayUdp | number {
  let errno: number = ERRNO.EINVAL;
  for (const family of address === undefined ? [6, 4] as const : [address.family]) {
    const descriptor = Descriptor.open("open a socket of UDP", (libc) => {
      const fd = libc.socket(family === 6 ? AF_INET6 : AF_INET, SOCK_DGRAM | O_NONBLOCK | O_CLOEXEC, 0);
      // Without IPv6 there is IPv4.
      return fd < 0 && family === 6 && address === undefined
        ? libc.socket(AF_INET, SOCK_DGRAM | O_NONBLOCK | O_CLOEXEC, 0)
        : fd;
    });
    const { libc, fd } = descriptor;
    try {
      if (family === 6) libc.setOption(fd, SOL_IPV6, IPV6_V6ONLY, address === undefined ? 0 : 1);
      configureUnderlay(descriptor, family, options);
      const any = IpAddress.fromBytes(new Uint8Array(family === 6 ? 16 : 4));
      for (const port of ports) {
        const name = encodeSocketAddress(new Endpoint(address ?? any, port), family);
        if (name !== undefined && libc.bind(fd, name) >= 0) return describe(descriptor, family);
        errno = libc.errno;
        if (errno !== ERRNO.EADDRINUSE) break;
      }
    } catch (error) {
      descriptor.close();
      throw error;
    }
    descriptor.close();
    if (errno === ERRNO.EADDRINUSE) break;
  }
  return errno;
}

function describe(descriptor: Descriptor, family: IpFamily): UnderlayUdp {
  const { libc, fd } = descriptor;
  // Set for a moment only: sizes are told with each batch.
  const hasGso = libc.setOption(fd, SOL_UDP, UDP_SEGMENT, PROBE_SEGMENT_BYTES) &&
    libc.setOption(fd, SOL_UDP, UDP_SEGMENT, 0);
  libc.setOption(fd, SOL_UDP, UDP_GRO, 1);
  return { descriptor, fd, family, hasGso, close: () => descriptor.close() };
}

function openError(address: IpAddress | undefined, port: number, errno: number): HostError {
  const where = address === undefined ? "" : ` of ${address}`;
  return new HostError(`Cannot open UDP port ${port}${where}: error ${errno} of the kernel`, {
    hint: errno === ERRNO.EADDRNOTAVAIL
      ? "Name an address that this host has."
      : "See what has the port with `ss -ulpn`.",
  });
}
