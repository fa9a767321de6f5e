/**
 * What a network's underlay leaves, and where this host is in it.
 * @module
 */

import type { PayloadKind } from "../../overlay/mod.ts";
import type { NetworkDefinition, OverlayDriver, PlainUnderlayOptions } from "../../overlay/mod.ts";
import { type Cidr, IpAddress } from "../../net/mod.ts";

/** What an Ethernet carries, where nobody says otherwise. */
const USUAL_LINK_MTU = 1500;
const ETHERNET_HEADER_BYTES = 14;
/**
 * IEEE 802.3ac-1998 §3.1.1: a frame with one tag may be so much longer, and the MTU stays what it is. Linux lets a packet
 * socket do that only where the outermost tag is 8100 (`packet_extra_vlan_len_allowed`), and so not with a service tag.
 */
const TAG_BYTES = 4;
/** What a packet of the underlay can be (RFC 791 §3.1), or a frame's payload on an interface. */
const MAX_UNDERLAY_MTU = 65_535;
const UDP_HEADER_BYTES = 8;
/** RFC 3378 §3.1. */
const ETHERIP_HEADER_BYTES = 2;
const IP_HEADER_BYTES = { 4: 20, 6: 40 } as const;

/** An interface of the host with an address, as `Deno.networkInterfaces` has it. */
export interface HostInterface {
  readonly name: string;
  readonly address: string;
  readonly family: "IPv4" | "IPv6";
}

/**
 * @param family of the underlay
 * @returns how many bytes of the underlay's packets are not the inner packet's
 */
export function overheadBytes(
  driver: OverlayDriver,
  { vni, options }: Pick<NetworkDefinition, "vni" | "options">,
  underlay: "mesh" | "plain",
  family: 4 | 6,
): number {
  const { transport } = driver.capabilities;
  const { headerBytes, payload } = driver.encapsulation(vni, options);
  const inner = headerBytes + innerHeaderBytes(payload);
  if (transport.kind === "udp") return IP_HEADER_BYTES[family] + UDP_HEADER_BYTES + inner;
  if (transport.kind === "ip") return IP_HEADER_BYTES[family] + inner;
  // On an Ethernet the MTU is what stands behind its header; in the mesh the whole frame is carried (RFC 3378).
  return underlay === "mesh"
    ? IP_HEADER_BYTES[family] + ETHERIP_HEADER_BYTES + inner
    : headerBytes > TAG_BYTES
    ? headerBytes
    : 0;
}

/** @returns the longest IP packet inside of a network: what the underlay leaves, or less when the definition says so */
export function networkMtuBytes(
  driver: OverlayDriver,
  definition: NetworkDefinition,
  meshMtuBytes: number,
  meshFamily: 4 | 6,
): number {
  const { plain, mtu } = definition;
  if (plain !== undefined) {
    const family = plain.group?.includes(":") || plain.remotes?.some((text) => text.includes(":")) ? 6 : 4;
    const overhead = overheadBytes(driver, definition, "plain", family);
    // What links of these hosts take nobody says; longer than a packet can be it never is.
    return Math.min(mtu ?? USUAL_LINK_MTU - overhead, MAX_UNDERLAY_MTU - overhead);
  }
  return Math.min(mtu ?? Infinity, meshMtuBytes - overheadBytes(driver, definition, "mesh", meshFamily));
}

/** @returns the first of a plain network's interfaces that this host has */
export function underlayInterface(
  { interfaces }: Pick<NetworkDefinition, "interfaces">,
  host: readonly HostInterface[],
): string | undefined {
  return interfaces.find((wanted) => host.some(({ name }) => name === wanted));
}

/**
 * @param stated where this node says that it can be reached, for hosts whose interface nobody has named
 * @returns this host's address in a plain underlay; undefined when it has none that others can send to
 */
export function underlayAddress(
  definition: Pick<NetworkDefinition, "interfaces"> & { readonly plain?: PlainUnderlayOptions },
  host: readonly HostInterface[],
  stated: readonly IpAddress[],
  overlay: readonly Cidr[],
): IpAddress | undefined {
  const name = underlayInterface(definition, host);
  const group = definition.plain?.group;
  const remotes = definition.plain?.remotes ?? [];
  const wantsSix = (group ?? remotes[0])?.includes(":") === true;
  const isFit = (address: IpAddress | undefined): address is IpAddress =>
    address !== undefined && !address.isLoopback && !address.isLinkLocal && !address.isMulticast &&
    (address.family === 6) === wantsSix && !overlay.some((block) => block.contains(address));
  const onInterface = host.filter((one) => name === undefined || one.name === name)
    .map(({ address }) => IpAddress.parse(address)).filter(isFit);
  if (name !== undefined) return onInterface[0];
  return stated.find((address) => isFit(address) && onInterface.some((own) => own.equals(address))) ??
    onInterface[0];
}

function innerHeaderBytes(payload: PayloadKind): number {
  return payload === "ethernet" ? ETHERNET_HEADER_BYTES : 0;
}
