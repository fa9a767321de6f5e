/**
 * Options of sockets that carry packets inside of packets: how far they go, that nobody cuts them, and groups
 * (ip(7), ipv6(7); RFC 1112, RFC 3493 §5.2).
 * @module
 */

import type { IpAddress, IpFamily } from "../../net/mod.ts";
import { type Descriptor, ERRNO, SOL_IP, SOL_IPV6 } from "../ffi/mod.ts";
import { HostError, NoInterfaceError } from "../host_error.ts";

// bits/in.h, linux/in6.h, asm-generic/socket.h
const IP_TTL = 2;
const IP_MTU_DISCOVER = 10;
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IP_DROP_MEMBERSHIP = 36;
const IP_MULTICAST_ALL = 49;
const IPV6_UNICAST_HOPS = 16;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_JOIN_GROUP = 20;
const IPV6_LEAVE_GROUP = 21;
const IPV6_MTU_DISCOVER = 23;
const IPV6_MULTICAST_ALL = 29;
/** Never cut; a packet beyond what the kernel knows of the path is refused with EMSGSIZE. */
const PMTUDISC_DO = 2;
const SOL_SOCKET = 1;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;

/** A burst of a gigabit line for 50 ms. */
const BUFFER_BYTES = 7 << 20;

/** How packets leave. */
export interface UnderlaySocketOptions {
  /** How far packets to one host go, 1 to 255. */
  readonly hopLimit: number;
  /** The interface that packets to groups leave by, the routes' choice where it is absent; and how far they go. */
  readonly multicast?: { readonly interfaceName?: string | undefined; readonly hopLimit: number } | undefined;
}

/**
 * Sets up a socket. RFC 7348 §4.3: the ends of a tunnel do not cut; so "don't fragment" is set, a network's MTU leaves
 * room for the headers, and what is too long for the path all the same is not sent.
 * @throws NoInterfaceError, HostError
 */
export function configureUnderlay(
  { libc, fd }: Descriptor,
  family: IpFamily,
  { hopLimit, multicast }: UnderlaySocketOptions,
): void {
  libc.setOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES);
  libc.setOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES);
  const index = indexOf(libc, multicast?.interfaceName);
  // A socket of IPv6 that takes IPv4 too obeys both.
  libc.setOption(fd, SOL_IP, IP_MTU_DISCOVER, PMTUDISC_DO);
  libc.setOption(fd, SOL_IP, IP_TTL, hopLimit);
  libc.setOption(fd, SOL_IP, IP_MULTICAST_ALL, 0);
  libc.setOption(fd, SOL_IP, IP_MULTICAST_LOOP, 0);
  if (multicast !== undefined) {
    libc.setOption(fd, SOL_IP, IP_MULTICAST_TTL, multicast.hopLimit);
    libc.setOption(fd, SOL_IP, IP_MULTICAST_IF, membership(new Uint8Array(4), index));
  }
  if (family === 4) return;
  libc.setOption(fd, SOL_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO);
  libc.setOption(fd, SOL_IPV6, IPV6_UNICAST_HOPS, hopLimit);
  libc.setOption(fd, SOL_IPV6, IPV6_MULTICAST_ALL, 0);
  libc.setOption(fd, SOL_IPV6, IPV6_MULTICAST_LOOP, 0);
  if (multicast === undefined) return;
  libc.setOption(fd, SOL_IPV6, IPV6_MULTICAST_HOPS, multicast.hopLimit);
  libc.setOption(fd, SOL_IPV6, IPV6_MULTICAST_IF, index);
}

/**
 * Joins a group on an interface; IGMP or MLD tell the link. The kernel leaves it with the socket.
 * @throws NoInterfaceError, HostError, also when the socket is in as many groups as it may be
 */
export function joinGroup(
  { libc, fd }: Descriptor,
  group: IpAddress,
  interfaceName: string | undefined,
): void {
  const value = membership(group.bytes, indexOf(libc, interfaceName));
  const isJoined = group.family === 4
    ? libc.setOption(fd, SOL_IP, IP_ADD_MEMBERSHIP, value)
    : libc.setOption(fd, SOL_IPV6, IPV6_JOIN_GROUP, value);
  const { errno } = libc;
  if (isJoined || errno === ERRNO.EADDRINUSE) return;
  const where = interfaceName === undefined ? "" : ` on ${interfaceName}`;
  throw new HostError(`Cannot join the group ${group}${where}: error ${errno} of the kernel`, {
    hint: errno === ERRNO.ENOBUFS
      ? "Let sockets join more groups: `sysctl net.ipv4.igmp_max_memberships`."
      : "Name a multicast address, and an interface that is up.",
  });
}

/** Leaves it again; harmless when the interface is gone. */
export function leaveGroup(
  { libc, fd }: Descriptor,
  group: IpAddress,
  interfaceName: string | undefined,
): void {
  const index = interfaceName === undefined ? 0 : libc.interfaceIndex(interfaceName);
  const value = membership(group.bytes, index);
  if (group.family === 4) libc.setOption(fd, SOL_IP, IP_DROP_MEMBERSHIP, value);
  else libc.setOption(fd, SOL_IPV6, IPV6_LEAVE_GROUP, value);
}

/** `struct ip_mreqn`: group, own address, index; or `struct ipv6_mreq`: group, index. */
function membership(group: Uint8Array, index: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(group.length === 4 ? 12 : 20);
  out.set(group);
  new DataView(out.buffer).setInt32(out.length - 4, index, true);
  return out;
}

/** @returns 0, which leaves it to the routes, where none is named */
function indexOf(libc: Descriptor["libc"], interfaceName: string | undefined): number {
  if (interfaceName === undefined) return 0;
  const index = libc.interfaceIndex(interfaceName);
  if (index === 0) throw new NoInterfaceError(`use ${interfaceName} for a group`, interfaceName);
  return index;
}
