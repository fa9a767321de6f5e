/**
 * The kinds of places from which hosts reach the Internet.
 * @module
 */

import type { SiteOptions } from "./site.ts";

/** Every kind that a host can be attached by. */
export const ATTACHMENT_KINDS = [
  /** Global addresses of both families; nothing is kept out. */
  "open",
  /** All hosts of this kind are in one LAN, behind one NAT. */
  "same-lan",
  /** Endpoint-independent mapping, address-dependent filtering (RFC 4787). */
  "endpoint-independent-nat",
  /** Endpoint-independent mapping, address-and-port-dependent filtering: what most homes have. */
  "port-restricted-nat",
  /** A mapping for each endpoint, at a port by chance. */
  "endpoint-dependent-nat",
  /** As that, and the router maps ports by PCP, NAT-PMP and UPnP; needs `miniupnpd`. */
  "port-mapping-nat",
  /** An endpoint-independent NAT behind one of the carrier's (RFC 6598). */
  "double-nat",
  /** An endpoint-dependent NAT, with IPv6 behind a stateful firewall. */
  "dual-stack-nat",
  /** A global IPv6 address, and no IPv4. */
  "ipv6-only",
  /** A NAT that lets TCP out and nothing else. */
  "udp-blocked",
  /** Nothing leaves but through a proxy with CONNECT, which the environment names. */
  "http-proxy",
  /** Global addresses behind a link of 1,280 bytes about which no ICMP tells; the router clamps the MSS of TCP. */
  "mtu-1280",
] as const;

/** One of them. */
export type AttachmentKind = (typeof ATTACHMENT_KINDS)[number];

/** What a site of each kind is made of; the others are attached to the Internet itself. */
export const SITES: Readonly<Partial<Record<AttachmentKind, SiteOptions>>> = {
  "same-lan": { nat: { mapping: "endpoint-independent", filtering: "address-dependent" } },
  "endpoint-independent-nat": { nat: { mapping: "endpoint-independent", filtering: "address-dependent" } },
  "port-restricted-nat": {
    nat: { mapping: "endpoint-independent", filtering: "address-and-port-dependent" },
  },
  "endpoint-dependent-nat": {
    nat: { mapping: "address-and-port-dependent", filtering: "address-and-port-dependent" },
  },
  "port-mapping-nat": {
    nat: { mapping: "address-and-port-dependent", filtering: "address-and-port-dependent" },
    hasPortMapping: true,
  },
  "double-nat": {
    nat: { mapping: "endpoint-independent", filtering: "address-dependent" },
    isBehindCarrier: true,
  },
  "dual-stack-nat": {
    nat: { mapping: "address-and-port-dependent", filtering: "address-and-port-dependent" },
    hasIpv6: true,
  },
  "udp-blocked": {
    nat: { mapping: "address-and-port-dependent", filtering: "address-and-port-dependent" },
    outbound: "tcp",
  },
  "http-proxy": {
    nat: { mapping: "address-and-port-dependent", filtering: "address-and-port-dependent" },
    outbound: "nothing",
    hasProxy: true,
  },
  "mtu-1280": { hasIpv6: true, isFirewalled: false, mtuBytes: 1280 },
};

/** @returns the programs that a kind needs, for `labTest` */
export function programsOf(kinds: readonly AttachmentKind[]): readonly string[] {
  return ["nft", "sysctl", ...kinds.includes("port-mapping-nat") ? ["miniupnpd"] : []];
}
