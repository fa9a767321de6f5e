/**
 * Structures and numbers that Linux reads and writes on 64-bit machines: of messages (recvmsg(2), recvmmsg(2)), of
 * control messages (cmsg(3)), of descriptors that are waited for (poll(2)), and of socket addresses.
 * @module
 */

/**
 * Where the fields of `struct msghdr` and `struct mmsghdr` stand.
 *
 * ```
 *    0 name              u64 address      32 control           u64 address
 *    8 length of name    u32              40 length of control u64
 *   16 vector            u64 address      48 flags             u32
 *   24 length of vector  u64              56 bytes carried     u32, of mmsghdr alone
 * ```
 */
export const MSGHDR = {
  NAME: 0,
  NAME_LENGTH: 8,
  VECTOR: 16,
  VECTOR_LENGTH: 24,
  CONTROL: 32,
  CONTROL_LENGTH: 40,
  CARRIED: 56,
} as const;
/** From one header of an array to the next. */
export const MMSGHDR_BYTES = 64;
/** `struct iovec`: address and length, u64 each. */
export const VECTOR_BYTES = 16;

// bits/socket.h, linux/in.h, linux/in6.h, linux/udp.h
/** The family of IPv4 addresses. */
export const AF_INET = 2;
/** The family of IPv6 addresses. */
export const AF_INET6 = 10;
/** The longest socket address of both: `struct sockaddr_in6`. */
export const SOCKADDR_BYTES = 28;
/** The level of UDP's options and control messages. */
export const SOL_UDP = 17;
/** The size at which one send is cut to datagrams (GSO). */
export const UDP_SEGMENT = 103;
/** The size of the datagrams that one receive brings (GRO). */
export const UDP_GRO = 104;
/** The level of IPv4's. */
export const SOL_IP = 0;
/** Which address of this host a datagram came to, or leaves from: `struct in_pktinfo`, which is interface, local address and destination. */
export const IP_PKTINFO = 8;
/** Whether datagrams may be cut on their way (ip(7)): one of `PMTU_DISCOVERY`. */
export const IP_MTU_DISCOVER = 10;
/** The same of IPv6. */
export const IPV6_MTU_DISCOVER = 23;
/** Never cut, whatever the kernel believes of the path. */
export const PMTU_DISCOVERY_PROBE = 3;
/** The level of IPv6's. */
export const SOL_IPV6 = 41;
/** The same as IP_PKTINFO: `struct in6_pktinfo`, which is local address and interface. */
export const IPV6_PKTINFO = 50;

// asm-generic/poll.h
/** There is something to read. */
export const POLLIN = 0x1;
/** There is room to write. */
export const POLLOUT = 0x4;
/** The descriptor has failed. */
export const POLLERR = 0x8;
/** The other end was closed. */
export const POLLHUP = 0x10;
/** It is none. */
export const POLLNVAL = 0x20;
/** `struct pollfd`: descriptor (32 bits), events that are waited for, events that are there (16 bits each). */
export const POLLFD_BYTES = 8;

const WORD = 0x1_0000_0000;

/** Writes an address in two words, because a bigint would be allocated for it. */
export function writeAddress(view: DataView, at: number, address: number): void {
  view.setUint32(at, address >>> 0, true);
  view.setUint32(at + 4, Math.floor(address / WORD), true);
}

/** Writes a `struct pollfd` that waits for `events` of a descriptor; a negative one is passed over. */
export function writePollfd(view: DataView, at: number, fd: number, events: number = POLLIN): void {
  view.setInt32(at, fd, true);
  view.setInt16(at + 4, events, true);
}

/** @returns the events that a `struct pollfd` has; 0 for none */
export function polledEvents(view: DataView, at: number): number {
  return view.getInt16(at + 6, true);
}

/** What `epollControl` does (sys/epoll.h). */
export const EPOLL = { ADD: 1, REMOVE: 2 } as const;
/** `struct epoll_event`: events (32 bits), then 64 bits of the caller's own, which x86-64 alone does not align. */
export const EPOLL_EVENT_BYTES: number = Deno.build.arch === "x86_64" ? 12 : 16;
const EPOLL_DATA: number = EPOLL_EVENT_BYTES - 8;

/** Writes a `struct epoll_event` that waits for something to read; `token` of 32 bits comes back with it. */
export function writeEpollEvent(view: DataView, at: number, token: number): void {
  view.setUint32(at, POLLIN, true);
  view.setUint32(at + EPOLL_DATA, token, true);
  view.setUint32(at + EPOLL_DATA + 4, 0, true);
}

/** @returns the events of a `struct epoll_event`, which are those of poll(2) */
export function epollEvents(view: DataView, at: number): number {
  return view.getUint32(at, true);
}

/** @returns the token of a `struct epoll_event` */
export function epollToken(view: DataView, at: number): number {
  return view.getUint32(at + EPOLL_DATA, true);
}
