/**
 * Between which hosts theory allows datagrams to pass directly.
 * @module
 */

import type { FamilyReachability, Reachability } from "./network.ts";

/** How two hosts can reach each other without a relay; `none` when they can't. */
export type DirectPath = "same LAN" | "IPv6" | "open" | "port mapping" | "hole punching" | "none";

/**
 * @returns the best way that the networks of both allow, guessing of ports left out. Whether two sites behind one
 * carrier's NAT reach each other there (hairpinning, RFC 4787 §6) is not asked.
 */
export function directPath(a: Reachability, b: Reachability): DirectPath {
  if (a.lan !== undefined && a.lan === b.lan) return "same LAN";
  if (!a.hasUdp || !b.hasUdp) return "none";
  if (a.ipv6 !== undefined && b.ipv6 !== undefined && canPunch(a.ipv6, b.ipv6)) return "IPv6";
  if (a.ipv4 === undefined || b.ipv4 === undefined) return "none";
  if (isOpen(a.ipv4) || isOpen(b.ipv4)) return "open";
  if (a.hasPortMapping || b.hasPortMapping) return "port mapping";
  return canPunch(a.ipv4, b.ipv4) ? "hole punching" : "none";
}

function isOpen({ mapping, filtering }: FamilyReachability): boolean {
  return filtering === "endpoint-independent" && mapping !== "address-and-port-dependent";
}

/**
 * Each side must know where the other's datagrams come from, or let them in from any port: then the first of them tells
 * the port.
 */
function canPunch(a: FamilyReachability, b: FamilyReachability): boolean {
  const isForeseen = (side: FamilyReachability) => side.mapping !== "address-and-port-dependent";
  const takesAnyPort = (side: FamilyReachability) => side.filtering !== "address-and-port-dependent";
  if (isForeseen(a) && isForeseen(b)) return true;
  return isForeseen(a) && takesAnyPort(a) || isForeseen(b) && takesAnyPort(b);
}
