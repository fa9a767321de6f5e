/**
 * The host under a node: clocks, randomness and timers, the state on disk, the TUN interface, the kernel's routes.
 * Interfaces and routes need Linux and go through the C library by foreign functions, after tuntap.rst, netlink(7)
 * and rtnetlink(7); no other program is run. It knows no peers and no protocol of weft.
 *
 * ```
 *   HostJournal ── StateStore ◁── SqliteStateStore ── weft.db
 *        └─ HostNetwork ◁── Netlink ──┐
 *           PacketDevice ◁── openTun ─┴─ Libc ── kernel
 * ```
 * @module
 */

export * from "./bound_udp.ts";
export * from "./host_error.ts";
export * from "./host_journal.ts";
export { ERRNO } from "./libc.ts";
export * from "./link_monitor.ts";
export * from "./netlink.ts";
export type { LinkState } from "./netlink_route.ts";
export * from "./offload_tun.ts";
export * from "./offload_udp.ts";
export * from "./packet_device.ts";
export { canConfigureNetwork, hasTunDevice } from "./privileges.ts";
export { releaseProgramPages } from "./program_pages.ts";
export * from "./raw_io.ts";
export { parseResolverConf, type ResolverSettings, upstreamServers } from "./resolver_conf.ts";
export { type FileReplacement, readHostText, RESOLVER_CONF_PATH } from "./resolver_file.ts";
export * from "./resolver_host.ts";
export * from "./route_overlap.ts";
export * from "./runtime_socket.ts";
export * from "./sqlite_state_store.ts";
export * from "./system_clock.ts";
export * from "./system_environment.ts";
export * from "./system_compressor.ts";
export * from "./system_random.ts";
export * from "./system_timers.ts";
export * from "./wake_up.ts";
export type { TunOptions } from "./tun_attach.ts";
export * from "./tun_device.ts";
export * from "./zone.ts";
