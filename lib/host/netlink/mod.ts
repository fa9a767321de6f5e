/**
 * Links, addresses and routes of this host, changed and followed over rtnetlink(7).
 * @module
 */

export * from "./link_monitor.ts";
export * from "./netlink.ts";
export type { LinkDetails } from "./netlink_link.ts";
export type { LinkState } from "./netlink_route.ts";
