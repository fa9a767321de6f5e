/**
 * Where this host can be reached, as far as it knows itself.
 * @module
 */

import { Cidr, Endpoint, IpAddress } from "../../net/mod.ts";

/** More than this many addresses are not worth a peer's time. */
const MAX_ENDPOINTS = 8;

/** One address of one of the host's interfaces. */
export interface InterfaceAddress {
  readonly interfaceName: string;
  readonly address: string;
  /** The same with the length of its prefix. */
  readonly cidr: string;
}

/**
 * Chooses the endpoints to advertise: every global address first, loopback only when the host has nothing else;
 * never link-local ones (they mean nothing elsewhere) and never those of the overlay's own interface.
 *
 * @param port the port of both planes
 * @param overlayInterface the interface to leave out
 */
export function localEndpoints(
  addresses: readonly InterfaceAddress[],
  port: number,
  overlayInterface: string,
): Endpoint[] {
  const usable: IpAddress[] = [];
  const loopback: IpAddress[] = [];
  for (const { interfaceName, address } of addresses) {
    const parsed = IpAddress.parse(address);
    if (parsed === undefined || interfaceName === overlayInterface) continue;
    if (parsed.isLoopback) loopback.push(parsed);
    else if (!parsed.isLinkLocal && !parsed.isMulticast && !parsed.isUnspecified) usable.push(parsed);
  }
  const chosen = usable.length > 0 ? usable : loopback;
  return chosen
    .toSorted((a, b) => a.family - b.family)
    .slice(0, MAX_ENDPOINTS)
    .map((address) => new Endpoint(address, port));
}

/** The networks that a host is in. */
export interface HostPrefixes {
  /** Those of its interfaces, without the overlay's. */
  readonly underlay: readonly Cidr[];
  readonly overlay: readonly Cidr[];
}

/**
 * Puts the endpoints of a peer in the order in which they are worth a try: those in a prefix that this host
 * shares come first, the rest keeps its order. What leads into the overlay leads around in a circle and is left out.
 */
export function orderCandidates(
  candidates: readonly Endpoint[],
  { underlay, overlay }: HostPrefixes,
): Endpoint[] {
  const isIn = (prefixes: readonly Cidr[], { address }: Endpoint): boolean =>
    prefixes.some((prefix) => prefix.contains(address));
  const outside = candidates.filter((candidate) => !isIn(overlay, candidate));
  const near = outside.filter((candidate) => isIn(underlay, candidate));
  return [...near, ...outside.filter((candidate) => !near.includes(candidate))];
}

/**
 * @param overlayInterface the interface to leave out
 * @returns the networks that the host is in
 */
export function hostPrefixes(addresses: readonly InterfaceAddress[], overlayInterface: string): Cidr[] {
  return addresses
    .filter(({ interfaceName }) => interfaceName !== overlayInterface)
    .map(({ cidr }) => Cidr.parse(cidr))
    .filter((cidr) => cidr !== undefined);
}
