/**
 * What a host routes already, and whether that is in the way of a block.
 * @module
 */

import type { Cidr } from "../../net/mod.ts";
import { MAIN_TABLE } from "./netlink_route.ts";

/** A route of the host. */
export interface HostRoute {
  readonly cidr: Cidr;
  /** Undefined for a route that only forbids, as `blackhole` does. */
  readonly interfaceName: string | undefined;
  /** The routing table's number; 254 is the main table. */
  readonly table: number;
  /** The interface is down, or has no carrier: the kernel keeps the route meanwhile. */
  readonly isDown?: true;
}

/**
 * Looks for a route of the main table that has addresses in common with `cidr`. A default route has, and does not
 * count: everything is more specific than it.
 * @param routes of the host, as `HostNetwork.listRoutes` gives them
 * @param exceptInterface weft's own interface, whose routes do not count
 * @returns the most specific such route, or undefined
 */
export function findRouteOverlap(
  cidr: Cidr,
  routes: readonly HostRoute[],
  exceptInterface: string,
): HostRoute | undefined {
  let found: HostRoute | undefined;
  for (const route of routes) {
    if (route.table !== MAIN_TABLE || route.interfaceName === exceptInterface) continue;
    if (route.cidr.prefixBits === 0 || !route.cidr.overlaps(cidr)) continue;
    if (found === undefined || route.cidr.prefixBits > found.cidr.prefixBits) found = route;
  }
  return found;
}
