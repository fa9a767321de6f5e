/**
 * What an overlay network is: its fields, and what they may be.
 * @module
 */

import { Cidr, IpAddress } from "../net/mod.ts";
import { OVERLAY_NAME } from "./bounds.ts";
import type { DriverCapabilities } from "./driver.ts";
import { IdentifierRangeError, InvalidNetworkError, MtuRangeError } from "./errors.ts";

/** The least MTU: what every IPv4 host takes (RFC 791 §3.1). With IPv6 it is 1280 (RFC 8200 §5). */
export const MIN_NETWORK_MTU = 576;
/** The least MTU of a network with IPv6. */
export const MIN_NETWORK_MTU_6 = 1280;
/** The greatest: what an IP packet can be. */
export const MAX_NETWORK_MTU = 65_535;
/** How many hosts that are no members a network may name. */
export const MAX_REMOTES = 64;
/** How many interfaces, and how many options. */
export const MAX_NETWORK_OPTIONS = 16;
/** How many characters all keys and values of options may have together. */
export const MAX_OPTIONS_LENGTH = 512;
/** The longest selector of members, in characters. */
export const MAX_MEMBERS_LENGTH = 1024;
/** What tells networks apart that have had one name: up to 63 letters, digits, dots and hyphens. */
export const NETWORK_ID: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** What the kernel takes for an interface's name (15 bytes and a zero), without what reads as an option or a path. */
export const INTERFACE_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/;

const OPTION_KEY = /^[a-z][a-z0-9_.-]{0,31}$/;
const OPTION_VALUE = /^[ -~]{0,255}$/;
const PREFIX_BITS = { 4: [8, 30], 6: [32, 126] } as const;

/** The hosts' own network, where a network is carried in the clear. */
export interface PlainUnderlayOptions {
  /** A multicast group that stands for all hosts. */
  readonly group?: string;
  /** Hosts that are no members, by their addresses; at most 64. */
  readonly remotes?: readonly string[];
  /** Where the driver's usual UDP port is not meant. */
  readonly port?: number;
  /** How far packets go; 64, to a group 1, unless given. */
  readonly hopLimit?: number;
}

/** One overlay network. */
export interface OverlayNetwork {
  /** Tells it from another one that had the name before; up to 63 letters, digits, dots and hyphens. */
  readonly id: string;
  /** One label, as in `blue`. */
  readonly name: string;
  /** The driver, as in `vxlan`. */
  readonly type: string;
  /** Its IPv4 block; absent for none. */
  readonly cidr?: string;
  /** Its IPv6 block; absent for none. */
  readonly cidr6?: string;
  /** What tells networks apart on the wire: VNI, key, VSID, label or VID. */
  readonly vni: number;
  /** The longest IP packet inside, in bytes; absent for what the underlay leaves. */
  readonly mtu?: number;
  /** Whether frames are carried. */
  readonly active: boolean;
  /** The hosts' interfaces that a plain underlay uses; the first that a host has. */
  readonly interfaces: readonly string[];
  /** The driver's options. */
  readonly options: Readonly<Record<string, string>>;
  /** In the clear; absent inside the mesh. */
  readonly plain?: PlainUnderlayOptions;
  /** A selector of members that may have endpoints; absent for all. */
  readonly members?: string;
  /** The node id of the member that leads out of the network; absent for none. */
  readonly gateway?: string;
  /** How many frames to everybody, to groups or to unknown addresses a port may send in a second; absent for the usual. */
  readonly stormLimit?: number;
}

/** A network to make: what is absent is chosen. */
export type NewOverlayNetwork =
  & Pick<OverlayNetwork, "name" | "type" | "vni">
  & Partial<OverlayNetwork>;

/** @returns the network with what was left out; `cidr` may be an IPv6 block */
export function completeNetwork(given: NewOverlayNetwork, id: string): OverlayNetwork {
  const { cidr, cidr6, ...rest } = given;
  const isSix = cidr !== undefined && cidr6 === undefined && cidr.includes(":");
  const [four, six] = isSix ? [undefined, cidr] : [cidr, cidr6];
  const written = (text: string) => Cidr.parse(text)?.toString() ?? text;
  return {
    active: true,
    interfaces: [],
    options: {},
    ...rest,
    id: given.id ?? id,
    ...four !== undefined && { cidr: written(four) },
    ...six !== undefined && { cidr6: written(six) },
  };
}

/**
 * Checks a network as far as that can be done without members.
 * @throws InvalidNetworkError, MtuRangeError, IdentifierRangeError
 */
export function checkNetwork(network: OverlayNetwork, capabilities: DriverCapabilities): void {
  const problem = networkProblem(network) ?? plainProblem(network, capabilities);
  const what = `Cannot make the network ${network.name}`;
  if (problem !== undefined) throw new InvalidNetworkError(`${what}: ${problem}`);
  const { name, min, max } = capabilities.identifier;
  if (!Number.isInteger(network.vni) || network.vni < min || network.vni > max) {
    throw new IdentifierRangeError(
      `${what}: the ${name} ${network.vni} is none of ${network.type}, which has ${min} to ${max}`,
    );
  }
  const { mtu } = network;
  const least = leastMtu(network);
  if (mtu !== undefined && (!Number.isInteger(mtu) || mtu < least || mtu > MAX_NETWORK_MTU)) {
    throw new MtuRangeError(`${what}: its MTU is ${mtu}, and ${least} to ${MAX_NETWORK_MTU} can be`);
  }
}

/** @returns the least MTU that a network can have, in bytes */
export function leastMtu({ cidr6 }: Pick<OverlayNetwork, "cidr6">): number {
  return cidr6 === undefined ? MIN_NETWORK_MTU : MIN_NETWORK_MTU_6;
}

/** @returns what is wrong with a network whatever its driver, but for its identifier and MTU; undefined for nothing */
export function networkProblem(network: OverlayNetwork): string | undefined {
  const { id, name, type, cidr, cidr6, interfaces, options, members, gateway, stormLimit } = network;
  if (!OVERLAY_NAME.test(name)) {
    return "a name is up to 63 lower-case letters, digits and inner hyphens";
  }
  if (!NETWORK_ID.test(id)) return "an id is up to 63 letters, digits, dots and hyphens";
  if (!OVERLAY_NAME.test(type)) return `${JSON.stringify(type)} is no driver's name`;
  if (cidr !== undefined && !isBlock(cidr, 4)) return `${cidr} is no IPv4 block of /8 to /30`;
  if (cidr6 !== undefined && !isBlock(cidr6, 6)) return `${cidr6} is no IPv6 block of /32 to /126`;
  if (interfaces.length > MAX_NETWORK_OPTIONS || !interfaces.every((text) => INTERFACE_NAME.test(text))) {
    return "an interface is named by up to 15 letters, digits, dots, hyphens and underscores";
  }
  const pairs = Object.entries(options);
  if (
    pairs.length > MAX_NETWORK_OPTIONS || pairs.flat().join("").length > MAX_OPTIONS_LENGTH ||
    !pairs.every(([key, value]) => OPTION_KEY.test(key) && OPTION_VALUE.test(value))
  ) return "up to 16 options of 512 characters together can be, in printable ASCII";
  if (members !== undefined && (members === "" || members.length > MAX_MEMBERS_LENGTH)) {
    return "a selector of members has up to 1024 characters";
  }
  if (gateway !== undefined && !/^[0-9a-f]{32}$/.test(gateway)) return "the gateway is no member";
  if (gateway !== undefined && cidr === undefined && cidr6 === undefined) return "a gateway needs a block";
  if (stormLimit !== undefined && !isWithin(stormLimit, 1, 0xffff_ffff)) {
    return "a storm limit is a number of frames above 0";
  }
  return undefined;
}

function plainProblem(
  { plain, type, interfaces }: OverlayNetwork,
  { transport, multicast }: DriverCapabilities,
): string | undefined {
  if (plain === undefined) return undefined;
  const { port } = plain;
  if (port !== undefined && transport.kind !== "udp") return `${type} has no UDP port`;
  if (plain.group !== undefined && !multicast) return `${type} is sent to no multicast group`;
  if (transport.kind === "link" && interfaces.length === 0) return `${type} needs an interface`;
  return plainUnderlayProblem(plain);
}

/** @returns what is wrong with an underlay whatever the driver; undefined for nothing */
export function plainUnderlayProblem(plain: PlainUnderlayOptions): string | undefined {
  const { group, remotes = [], port, hopLimit } = plain;
  if (group !== undefined && IpAddress.parse(group)?.isMulticast !== true) {
    return `${group} is no multicast group`;
  }
  if (remotes.length > MAX_REMOTES) return `at most ${MAX_REMOTES} remotes can be`;
  const other = remotes.find((text) => !isHost(IpAddress.parse(text)));
  if (other !== undefined) return `${other} is no host's address`;
  if (port !== undefined && !isWithin(port, 1, 65_535)) return "a port is 1 to 65535";
  if (hopLimit !== undefined && !isWithin(hopLimit, 1, 255)) return "a hop limit is 1 to 255";
  return undefined;
}

/** Whether a packet can be sent there, and to one host. */
export function isHost(address: IpAddress | undefined): boolean {
  return address !== undefined && !address.isUnspecified && !address.isMulticast &&
    address.unmapped() === address && address.toString() !== "255.255.255.255";
}

/** @returns the blocks of a network, IPv4 before IPv6 */
export function blocksOf({ cidr, cidr6 }: Pick<OverlayNetwork, "cidr" | "cidr6">): readonly Cidr[] {
  return [cidr, cidr6].map((text) => text === undefined ? undefined : Cidr.parse(text))
    .filter((block) => block !== undefined);
}

/** @returns the address of a block that is kept for the network's gateway, whether there is one or not: its first host */
export function gatewayAddress(block: Cidr): IpAddress {
  return IpAddress.fromBigInt(block.address.toBigInt() + 1n, block.family);
}

function isBlock(text: string, family: 4 | 6): boolean {
  const block = Cidr.parse(text);
  if (block?.family !== family) return false;
  const [least, most] = PREFIX_BITS[family];
  return block.prefixBits >= least && block.prefixBits <= most && !block.address.isMulticast &&
    !block.address.isLoopback && !block.address.isUnspecified;
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
