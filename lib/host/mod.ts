/**
 * The host under a node: clocks, randomness and timers, the state on disk, TUN interfaces, sockets by their descriptors,
 * the kernel's links and routes, the resolver. Interfaces and routes need Linux and go through the C library by foreign
 * functions, after tuntap.rst, netlink(7) and rtnetlink(7); only systemd-resolved and nftables are told by other programs. It knows
 * no peers and no protocol of weft.
 *
 * ```
 *   store ── weft.db, and the journal of what was changed here
 *   gateway ── what leads out of overlay networks: forwarding, nft
 *   resolver ── systemd-resolved, or /etc/resolv.conf
 *   netlink, tun, udp, socket, namespace ── ffi (libc.so.6) ── kernel
 *   system.ts ── the runtime's clocks, timers and randomness
 *   process_figures.ts ── what this process takes: /proc/self
 *   compressor.ts ── raw deflate
 * ```
 * @module
 */

export {
  addressOf,
  AF_INET6,
  type DescriptorWait,
  EPOLL,
  EPOLL_EVENT_BYTES,
  epollToken,
  ERRNO,
  FirstReadable,
  IP_MTU_DISCOVER,
  IP_PKTINFO,
  IPV6_MTU_DISCOVER,
  IPV6_PKTINFO,
  MachineCode,
  MMSGHDR_BYTES,
  MSGHDR,
  notifyAbstract,
  openReaderCheck,
  PMTU_DISCOVERY_PROBE,
  polledEvents,
  POLLERR,
  POLLFD_BYTES,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  type RawCalls,
  RawIo,
  releaseFreeMemory,
  releaseProgramPages,
  SOCKADDR_BYTES,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_GRO,
  UDP_SEGMENT,
  VECTOR_BYTES,
  waitForDescriptor,
  WakeUp,
  writeAddress,
  writeEpollEvent,
  writePollfd,
} from "./ffi/mod.ts";
export * from "./compressor.ts";
export * from "./default_route.ts";
export * from "./gateway/mod.ts";
export * from "./host_error.ts";
export * from "./memory_reclaimer.ts";
export * from "./namespace/mod.ts";
export * from "./netlink/mod.ts";
export { freeBytesAt } from "./free_bytes.ts";
export * from "./resolver/mod.ts";
export { runtimeModule } from "./runtime_module.ts";
export * from "./socket/mod.ts";
export {
  type DatabaseFile,
  type FileReplacement,
  type ForwardingChange,
  type HostChange,
  hostChangeText,
  HostJournal,
  openDatabase,
  readHostText,
  ReplaceableDatabase,
  RESOLVER_CONF_PATH,
  ResumedStateStore,
  SqliteStateStore,
  stateErrorFrom,
} from "./store/mod.ts";
export * from "./process_figures.ts";
export * from "./system.ts";
export * from "./trusted_path.ts";
export * from "./tun/mod.ts";
export * from "./udp/mod.ts";
export * from "./worker_thread.ts";
