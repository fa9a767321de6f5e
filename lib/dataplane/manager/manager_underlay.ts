/**
 * What a manager's networks are carried by: other managers of the program, or UDP in the clear.
 * @module
 */

import type { IpAddress } from "../../net/mod.ts";
import { InvalidNetworkError, isHost, type OverlayDriver, type OverlayNetwork } from "../../overlay/mod.ts";
import type { MemoryUnderlay, PlaneRemote, PlaneUnderlay } from "../frames/mod.ts";

/** What a host of the mesh leaves below an overlay network. */
const MESH_MTU = 1_420;
/** RFC 894: what an Ethernet carries. */
const ETHERNET_MTU = 1_500;
const ETHERNET_HEADER_BYTES = 14;

/** Memory of the program, or `udp`: this host's own network, in the clear, by the drivers that are on UDP. */
export type ManagerUnderlay = MemoryUnderlay | "udp";

/** Where a manager is. */
export interface ManagerPlace {
  readonly underlay?: ManagerUnderlay;
  readonly address?: string;
  readonly underlayMtu?: number;
}

/** @throws InvalidNetworkError when it does not carry such a network */
export function planeUnderlayOf(
  { name, type, plain }: OverlayNetwork,
  { capabilities: { transport } }: OverlayDriver,
  { underlay, address }: ManagerPlace,
): PlaneUnderlay {
  const refuse = (why: string) => new InvalidNetworkError(`Cannot make the network ${name}: ${why}`);
  if (underlay !== "udp") {
    if (plain !== undefined) throw refuse('a manager carries no plain network without the underlay "udp"');
    return { kind: "mesh" };
  }
  if (transport.kind !== "udp") throw refuse(`${type} is not on UDP, and needs an agent to go in the clear`);
  if (plain?.group !== undefined) throw refuse("a multicast group needs an agent");
  if (plain?.hopLimit !== undefined) throw refuse("a hop limit needs an agent");
  const port = plain?.port;
  return {
    kind: "plain",
    ...address !== undefined && { localAddress: address },
    ...port !== undefined && { port },
  };
}

/** @returns how another manager or host is reached @throws InvalidNetworkError when it is none */
export function remoteVia(
  address: IpAddress | undefined,
  { underlay }: ManagerPlace,
  what: string,
): PlaneRemote["via"] {
  if (underlay === undefined) throw new InvalidNetworkError(`${what}: this manager is in no underlay`);
  if (address === undefined) throw new InvalidNetworkError(`${what}: that is no IP address`);
  if (underlay !== "udp") return { kind: "member", publicKey: "", address: `${address}` };
  if (!isHost(address)) throw new InvalidNetworkError(`${what}: that is no host's address`);
  return { kind: "plain", address: `${address}` };
}

/** @returns the longest IP packet in a network, in bytes, that the underlay leaves */
export function mtuOf(
  driver: OverlayDriver,
  { vni, options, plain }: OverlayNetwork,
  { underlay, address = "", underlayMtu = underlay === "udp" ? ETHERNET_MTU : MESH_MTU }: ManagerPlace,
): number {
  const { headerBytes, payload } = driver.encapsulation(vni, options);
  const isSix = [address, ...plain?.remotes ?? []].some((text) => text.includes(":"));
  // EtherIP stands below tags (RFC 3378 §3.1).
  const outer = (isSix ? 40 : 20) + { udp: 8, ip: 0, link: 2 }[driver.capabilities.transport.kind];
  const inner = payload === "ethernet" ? ETHERNET_HEADER_BYTES : 0;
  return underlayMtu - outer - headerBytes - inner;
}
