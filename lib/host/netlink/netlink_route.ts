/**
 * What rtnetlink(7) says of links and routes, and how it is asked to change them.
 * @module
 */

import { Cidr, IpAddress, type IpFamily } from "../../net/mod.ts";
import { AF_INET, AF_INET6 } from "../ffi/mod.ts";
import {
  aligned,
  decodeAttributes,
  decodeUint32,
  encodeAttributes,
  encodeUint32,
  type NetlinkAttribute,
} from "./netlink_message.ts";

/** Types of messages, of linux/rtnetlink.h. */
export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  DELADDR: 21,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
} as const;

// linux/rtnetlink.h
/** The routing table that `ip route` shows when it is asked for none. */
export const MAIN_TABLE = 254;
const RTPROT_STATIC = 4;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;
/** An entry of a cache, no route of its own. */
const RTM_F_CLONED = 0x200;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
// linux/if_link.h, linux/if.h
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_AF_SPEC = 26;
const IFLA_GSO_MAX_SIZE = 41;
const IFLA_NEW_NETNSID = 45;
const IFLA_TARGET_NETNSID = 46;
const IFLA_NEW_IFINDEX = 49;
const IFLA_GSO_IPV4_MAX_SIZE = 63;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
const IFLA_INET_CONF = 1;
// linux/ip.h
const IPV4_DEVCONF_FORWARDING = 1;
const IFF_UP = 1;
const IFF_LOWER_UP = 0x10000;
// linux/if_addr.h
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;

const ADDRESS_BODY_BYTES = 8;
const LINK_BODY_BYTES = 16;
const ROUTE_BODY_BYTES = 12;
const NEXT_HOP_BYTES = 8;

/** The body and attributes of a request. */
export interface RoutePayload {
  readonly body: Uint8Array;
  readonly attributes: readonly NetlinkAttribute[];
}

/** A link as the kernel lists it. */
export interface NetlinkLink {
  readonly index: number;
  readonly name: string;
  /** Whether it is up and its lower layer is there: for a TUN device, a process that has it open. */
  readonly isRunning: boolean;
}

/** A route as the kernel lists it. */
export interface NetlinkRoute {
  readonly cidr: Cidr;
  /** The routing table's number, MAIN_TABLE for most. */
  readonly table: number;
  /** Where it leads: none for one that only forbids, several for one with several next hops. */
  readonly interfaceIndexes: readonly number[];
}

/** `struct ifinfomsg`: family, pad, type (16 bits), index, flags, change mask (32 bits each). */
export function encodeLink(
  index: number,
  change: { readonly isUp?: true; readonly mtuBytes?: number },
): RoutePayload {
  const body = new Uint8Array(LINK_BODY_BYTES);
  const view = new DataView(body.buffer);
  view.setInt32(4, index, true);
  if (change.isUp === true) {
    view.setUint32(8, IFF_UP, true);
    view.setUint32(12, IFF_UP, true);
  }
  return {
    body,
    attributes: change.mtuBytes === undefined ? [] : [[IFLA_MTU, encodeUint32(change.mtuBytes)]],
  };
}

/** A question for a link, here or in a namespace that this one has an id for (ip-netns(8), `nsid`). */
export function encodeLinkQuery({ index, namespaceId }: LinkPlace): RoutePayload {
  const { body } = encodeLink(index, {});
  return {
    body,
    attributes: namespaceId === undefined ? [] : [[IFLA_TARGET_NETNSID, encodeUint32(namespaceId)]],
  };
}

/** A change of how long superpackets may be, in bytes, with their IP header (linux/if_link.h, IFLA_GSO_MAX_SIZE). */
export function encodeSuperpackets(
  index: number,
  bytes: { readonly ipv4: number; readonly ipv6: number },
): RoutePayload {
  return {
    body: encodeLink(index, {}).body,
    attributes: [
      [IFLA_GSO_MAX_SIZE, encodeUint32(bytes.ipv6)],
      [IFLA_GSO_IPV4_MAX_SIZE, encodeUint32(bytes.ipv4)],
    ],
  };
}

/** Asks that the kernel gives the link no address of its own (RFC 4291 §2.5.6), which solicits routers. */
export function encodeNoLinkLocal(index: number): RoutePayload {
  const mode = encodeAttributes([[IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(IN6_ADDR_GEN_MODE_NONE)]]);
  return {
    body: encodeLink(index, {}).body,
    attributes: [[IFLA_AF_SPEC, encodeAttributes([[AF_INET6, mode]])]],
  };
}

/** Has the kernel forward packets of IPv4 that come in by the link, or no longer. */
export function encodeForwarding(index: number, isOn: boolean): RoutePayload {
  const settings = encodeAttributes([[IPV4_DEVCONF_FORWARDING, encodeUint32(isOn ? 1 : 0)]]);
  const family = encodeAttributes([[IFLA_INET_CONF, settings]]);
  return {
    body: encodeLink(index, {}).body,
    attributes: [[IFLA_AF_SPEC, encodeAttributes([[AF_INET, family]])]],
  };
}

/** `struct ifaddrmsg`: family, prefix length, flags, scope (8 bits each), index (32 bits). */
export function encodeAddress(index: number, address: IpAddress, prefixBits: number): RoutePayload {
  const body = new Uint8Array(8);
  body[0] = kernelFamily(address.family);
  body[1] = prefixBits;
  new DataView(body.buffer).setUint32(4, index, true);
  const attributes: NetlinkAttribute[] = [[IFA_LOCAL, address.bytes], [IFA_ADDRESS, address.bytes]];
  // Nobody else can have the address, and until it is detected as unique (RFC 4862 §5.4) it could not be used.
  if (address.family === 6) attributes.push([IFA_FLAGS, encodeUint32(IFA_F_NODAD)]);
  return { body, attributes };
}

/** @returns the address of an RTM_NEWADDR or RTM_DELADDR, or undefined when it is none */
export function decodeAddress(payload: Uint8Array): IpAddress | undefined {
  if (payload.length < ADDRESS_BODY_BYTES) return undefined;
  const attributes = decodeAttributes(payload.subarray(ADDRESS_BODY_BYTES));
  // Of a point-to-point link the other one is that of the far end.
  const bytes = attributes?.get(IFA_LOCAL) ?? attributes?.get(IFA_ADDRESS);
  const addressBytes = payload[0] === AF_INET ? 4 : payload[0] === AF_INET6 ? 16 : undefined;
  return bytes === undefined || bytes.length !== addressBytes ? undefined : IpAddress.fromBytes(bytes);
}

/**
 * `struct rtmsg`, of the main table:
 *
 * ```
 *    0        1            2            3     4       5          6       7      8       12
 *   | family | dst prefix | src prefix | tos | table | protocol | scope | type | flags |
 * ```
 */
export function encodeRoute(index: number, cidr: Cidr): RoutePayload {
  const body = new Uint8Array(ROUTE_BODY_BYTES);
  body[0] = kernelFamily(cidr.family);
  body[1] = cidr.prefixBits;
  body[4] = MAIN_TABLE;
  body[5] = RTPROT_STATIC;
  body[6] = cidr.family === 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  body[7] = RTN_UNICAST;
  return { body, attributes: [[RTA_DST, cidr.address.bytes], [RTA_OIF, encodeUint32(index)]] };
}

/** @returns the link of an RTM_NEWLINK, or undefined when it is none */
export function decodeLink(payload: Uint8Array): NetlinkLink | undefined {
  if (payload.length < LINK_BODY_BYTES) return undefined;
  const index = decodeUint32(payload.subarray(4, 8));
  const flags = decodeUint32(payload.subarray(8, 12));
  const name = decodeAttributes(payload.subarray(LINK_BODY_BYTES))?.get(IFLA_IFNAME);
  if (
    index === undefined || flags === undefined || name === undefined || name.length < 2 || name.at(-1) !== 0
  ) return undefined;
  const isRunning = (flags & IFF_LOWER_UP) !== 0;
  return { index, name: new TextDecoder().decode(name.subarray(0, -1)), isRunning };
}

/** How a link is at a moment. */
export interface LinkState {
  readonly index: number;
  /** Whether it has been set up by somebody. */
  readonly isUp: boolean;
  readonly mtuBytes: number;
}

/** Where a link is. */
export interface LinkPlace {
  readonly index: number;
  /** What this namespace calls the other one; undefined when it is this one. */
  readonly namespaceId: number | undefined;
}

/** @returns where the link of an RTM_DELLINK has gone, or undefined when it was deleted */
export function decodeLinkMove(payload: Uint8Array): LinkPlace | undefined {
  const attributes = decodeAttributes(payload.subarray(LINK_BODY_BYTES));
  const namespaceId = decodeUint32(attributes?.get(IFLA_NEW_NETNSID));
  const index = decodeUint32(attributes?.get(IFLA_NEW_IFINDEX));
  return namespaceId === undefined || index === undefined ? undefined : { index, namespaceId };
}

/** @returns what an RTM_NEWLINK or RTM_DELLINK says of its link, or undefined when it is none */
export function decodeLinkState(payload: Uint8Array): LinkState | undefined {
  if (payload.length < LINK_BODY_BYTES) return undefined;
  const index = decodeUint32(payload.subarray(4, 8));
  const flags = decodeUint32(payload.subarray(8, 12));
  const mtuBytes = decodeUint32(decodeAttributes(payload.subarray(LINK_BODY_BYTES))?.get(IFLA_MTU));
  if (index === undefined || flags === undefined || mtuBytes === undefined) return undefined;
  return { index, isUp: (flags & IFF_UP) !== 0, mtuBytes };
}

/** @returns the route of an RTM_NEWROUTE; "other" for one of another family or of a cache; undefined when it is none */
export function decodeRoute(payload: Uint8Array): NetlinkRoute | "other" | undefined {
  if (payload.length < ROUTE_BODY_BYTES) return undefined;
  const [family = 0, prefixBits = 0, , , shortTable = 0] = payload;
  const attributes = decodeAttributes(payload.subarray(ROUTE_BODY_BYTES));
  const flags = decodeUint32(payload.subarray(8, 12));
  if (attributes === undefined || flags === undefined) return undefined;
  if ((family !== AF_INET && family !== AF_INET6) || (flags & RTM_F_CLONED) !== 0) return "other";
  const addressBytes = family === AF_INET ? 4 : 16;
  // A default route has no destination.
  const destination = attributes.get(RTA_DST) ?? new Uint8Array(addressBytes);
  if (destination.length !== addressBytes || prefixBits > 8 * addressBytes) return undefined;
  const table = attributes.has(RTA_TABLE) ? decodeUint32(attributes.get(RTA_TABLE)) : shortTable;
  const interfaceIndexes = decodeInterfaces(attributes);
  if (table === undefined || interfaceIndexes === undefined) return undefined;
  return { cidr: Cidr.of(IpAddress.fromBytes(destination), prefixBits), table, interfaceIndexes };
}

/** `struct rtnexthop`: length (16 bits), flags, hops (8 bits each), index (32 bits), then attributes. */
function decodeInterfaces(attributes: ReadonlyMap<number, Uint8Array>): readonly number[] | undefined {
  const hops = attributes.get(RTA_MULTIPATH);
  if (hops === undefined) {
    if (!attributes.has(RTA_OIF)) return [];
    const index = decodeUint32(attributes.get(RTA_OIF));
    return index === undefined ? undefined : [index];
  }
  const indexes: number[] = [];
  for (let at = 0; at < hops.length;) {
    const length = (hops[at] ?? 0) | (hops[at + 1] ?? 0) << 8;
    const index = decodeUint32(hops.subarray(at + 4, at + 8));
    if (length < NEXT_HOP_BYTES || length > hops.length - at || index === undefined) return undefined;
    indexes.push(index);
    at += aligned(length);
  }
  return indexes;
}

function kernelFamily(family: IpFamily): number {
  return family === 4 ? AF_INET : AF_INET6;
}
