/**
 * Links, addresses and routes of this host, changed and followed over rtnetlink(7), and tables of nftables.
 * @module
 */

export { type AddressChange, AddressMonitor } from "./address_monitor.ts";
export { EXIT_TABLE, type ExitPlan } from "./exit_routing.ts";
export * from "./link_monitor.ts";
export * from "./netlink.ts";
export type { LinkDetails } from "./netlink_link.ts";
export { type LinkState, MAIN_TABLE } from "./netlink_route.ts";
export * from "./packet_filter.ts";
export * from "./route_overlap.ts";
