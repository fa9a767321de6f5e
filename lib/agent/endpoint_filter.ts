/**
 * Which endpoints that others name are worth a packet: a statement is signed, but what it says is its signer's word, and
 * nobody is to be sent to services of this host by it.
 * @module
 */

import type { Cidr, Endpoint, IpAddress } from "../net/mod.ts";

/** Programs of the host itself listen below; an agent that shares the host with another one has a port above. */
const FIRST_UNPRIVILEGED_PORT = 1024;
/** `0.0.0.0/8` is this network, `240.0.0.0/4` reserved, the last of it the limited broadcast (RFC 6890 §2.2.2). */
const THIS_NETWORK = 0;
const FIRST_RESERVED = 240;

/** What the filter has to know of this node. */
export interface OwnHost {
  /** The addresses of this host, without the overlay's. */
  readonly addresses: readonly IpAddress[];
  /** The networks that it is in by them. */
  readonly prefixes: readonly Cidr[];
  /** The networks of the overlay. */
  readonly overlay: readonly Cidr[];
  /** Networks that this host reaches through members: what is sent there would be sealed for them, again and again. */
  readonly routed: readonly Cidr[];
  /** Ports that this node listens on itself. */
  readonly ports: ReadonlySet<number>;
  /** Whether the network's nodes meet on the loopback: this node or a leader states that it is there. */
  meetsOnLoopback(): boolean;
}

/**
 * @param isFound whether discovery heard of it on a network of this host, where link-local addresses mean something
 * @returns whether a member may be tried there
 */
export function mayBeTried({ address, port }: Endpoint, host: OwnHost, isFound: boolean): boolean {
  const isOfOverlay = [...host.overlay, ...host.routed].some((prefix) => prefix.contains(address));
  if (isOfOverlay || address.isMulticast || address.isUnspecified || isReserved(address)) return false;
  const isNear = host.prefixes.some((prefix) => prefix.contains(address));
  if (address.isLinkLocal) return isFound && isNear;
  const isOwn = address.isLoopback || host.addresses.some((own) => own.equals(address));
  if (!isOwn) return !host.prefixes.some((prefix) => isBroadcast(prefix, address));
  // Another agent on this host, if anybody.
  const isAgentPort = port >= FIRST_UNPRIVILEGED_PORT && !host.ports.has(port);
  return isAgentPort && (!address.isLoopback || host.meetsOnLoopback());
}

function isReserved({ family, bytes }: IpAddress): boolean {
  const first = bytes[0] ?? 0;
  return family === 4 && (first === THIS_NETWORK || first >= FIRST_RESERVED);
}

/** RFC 919 §7: all ones behind the prefix; the last two addresses of a network of two are hosts (RFC 3021 §2.1). */
function isBroadcast(prefix: Cidr, address: IpAddress): boolean {
  if (address.family !== 4 || prefix.family !== 4 || prefix.prefixBits > 30) return false;
  return prefix.contains(address) && address.equals(prefix.broadcast);
}
