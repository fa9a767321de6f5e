/**
 * What rtnetlink(7) says of one link, and how its address, its name and its namespace are changed.
 * @module
 */

import { MAC_BYTES, MacAddress } from "../../net/mod.ts";
import { decodeAttributes, decodeUint32, encodeUint32, type NetlinkAttribute } from "./netlink_message.ts";
import { encodeLink, type RoutePayload } from "./netlink_route.ts";

// linux/if_link.h
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_NET_NS_FD = 28;
// linux/if.h
const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_LOWER_UP = 0x10000;

const LINK_BODY_BYTES = 16;

/** What is changed of a link. */
export interface LinkChange {
  readonly mac?: MacAddress;
  /** Its new name. */
  readonly name?: string;
  /** A descriptor of the namespace that it is moved to. */
  readonly namespaceFd?: number;
}

/** An interface as it is at a moment. */
export interface LinkDetails {
  readonly index: number;
  readonly name: string;
  /** Undefined for an interface that is no Ethernet. */
  readonly mac: MacAddress | undefined;
  readonly mtuBytes: number;
  /** Whether it has been set up by somebody. */
  readonly isUp: boolean;
  /** Whether it is up and its lower layer is there. */
  readonly isRunning: boolean;
  readonly isLoopback: boolean;
  /** What it is, as `ip link add type` says it: `veth`, `tun`, `bridge`; empty for hardware. */
  readonly kind: string;
  /** The index of the bridge or bond that it is part of, 0 for none. */
  readonly masterIndex: number;
}

/** Encodes a change; what it does not name stays as it is. */
export function encodeLinkChange(index: number, change: LinkChange): RoutePayload {
  const attributes: NetlinkAttribute[] = [];
  if (change.mac !== undefined) attributes.push([IFLA_ADDRESS, change.mac.toBytes()]);
  if (change.name !== undefined) {
    attributes.push([IFLA_IFNAME, new TextEncoder().encode(`${change.name}\0`)]);
  }
  if (change.namespaceFd !== undefined) {
    attributes.push([IFLA_NET_NS_FD, encodeUint32(change.namespaceFd)]);
  }
  return { body: encodeLink(index, {}).body, attributes };
}

/** @returns the link of an RTM_NEWLINK, or undefined when it is none */
export function decodeLinkDetails(payload: Uint8Array): LinkDetails | undefined {
  if (payload.length < LINK_BODY_BYTES) return undefined;
  const index = decodeUint32(payload.subarray(4, 8));
  const flags = decodeUint32(payload.subarray(8, 12));
  const attributes = decodeAttributes(payload.subarray(LINK_BODY_BYTES));
  const mtuBytes = decodeUint32(attributes?.get(IFLA_MTU));
  const name = decodeText(attributes?.get(IFLA_IFNAME));
  if (index === undefined || flags === undefined || mtuBytes === undefined || name === "") return undefined;
  const address = attributes?.get(IFLA_ADDRESS);
  const info = attributes?.get(IFLA_LINKINFO);
  return {
    index,
    name,
    mac: address?.length === MAC_BYTES ? MacAddress.fromBytes(address) : undefined,
    mtuBytes,
    isUp: (flags & IFF_UP) !== 0,
    isRunning: (flags & IFF_LOWER_UP) !== 0,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    kind: decodeText(info && decodeAttributes(info)?.get(IFLA_INFO_KIND)),
    masterIndex: decodeUint32(attributes?.get(IFLA_MASTER)) ?? 0,
  };
}

/** A text that ends with a null byte; empty when there is none. */
function decodeText(value: Uint8Array | undefined): string {
  return new TextDecoder().decode(value).replace(/\0.*$/s, "");
}
