/**
 * What an endpoint of an overlay network is: its fields, and what they may be.
 * @module
 */

import { type Cidr, IpAddress, MacAddress } from "../net/mod.ts";
import { InvalidEndpointError } from "./errors.ts";
import { OVERLAY_NAME } from "./bounds.ts";
import { blocksOf, gatewayAddress, INTERFACE_NAME, isHost, type OverlayNetwork } from "./network.ts";

/** How many addresses an endpoint may have: one of each family. */
export const MAX_ENDPOINT_ADDRESSES = 2;

/** What a host does for an endpoint; nobody else needs to know it. */
export interface EndpointOptions {
  /** The TAP device's name; made of the endpoint's unless given. */
  readonly device?: string;
  /** The network namespace that the device is put into: a name of `ip netns`, a path, or the number of a process. */
  readonly netns?: string;
  /** An interface of the host that is bridged in, in place of a TAP device. */
  readonly attach?: string;
  /** Frames may come from addresses that nobody has been given: behind the endpoint is a bridge. */
  readonly foreign?: boolean;
}

/** An endpoint to make: what is absent is chosen. */
export interface EndpointConfig {
  /** The network's id, or its name. */
  readonly networkId: string;
  /** One label, as in `web-1`. */
  readonly name: string;
  /** Six bytes in hexadecimal with colons or hyphens; no group's. */
  readonly macAddress?: string;
  /** An address of the network, with or without its prefix length; with both families, the IPv4 one. */
  readonly ipAddress?: string;
  /** The IPv6 address, likewise. */
  readonly ipAddress6?: string;
  /** What the host does for it. */
  readonly options?: EndpointOptions;
}

/** What of an endpoint is asked of the network, as it was read. */
export interface WantedEndpoint {
  readonly name: string;
  readonly mac?: MacAddress;
  readonly addresses: readonly IpAddress[];
  readonly allowsForeign: boolean;
}

/**
 * Reads what is asked for.
 * @throws InvalidEndpointError
 */
export function readEndpointConfig(config: EndpointConfig, network: OverlayNetwork): WantedEndpoint {
  const { name, macAddress, ipAddress, ipAddress6, options = {} } = config;
  const invalid = (why: string, hint?: string) =>
    new InvalidEndpointError(
      `Cannot make the endpoint ${network.name}/${name}: ${why}`,
      hint === undefined ? {} : { hint },
    );
  if (!OVERLAY_NAME.test(name)) {
    throw invalid("a name is up to 63 lower-case letters, digits and inner hyphens");
  }
  const mac = macAddress === undefined ? undefined : MacAddress.parse(macAddress);
  if (macAddress !== undefined && (mac === undefined || !isStationAddress(mac))) {
    throw invalid(`${macAddress} is no MAC address of one station`);
  }
  const addresses: IpAddress[] = [];
  for (const text of [ipAddress, ipAddress6]) {
    if (text === undefined) continue;
    const [host = "", bits] = text.split("/");
    const address = IpAddress.parse(host);
    if (address === undefined) throw invalid(`${text} is no IP address`);
    const problem = addressProblem(address, network);
    if (problem !== undefined) {
      throw invalid(problem, "Choose another address of the block; without any, a free one is given.");
    }
    const block = blocksOf(network).find(({ family }) => family === address.family);
    if (bits !== undefined && bits !== String(block?.prefixBits)) {
      throw invalid(`${text} has another prefix length than ${block}`);
    }
    if (addresses.some(({ family }) => family === address.family)) {
      throw invalid("it has one address of each family at most");
    }
    addresses.push(address);
  }
  const problem = optionsProblem(options);
  if (problem !== undefined) throw invalid(problem);
  return {
    name,
    ...mac && { mac },
    addresses,
    allowsForeign: options.foreign ?? options.attach !== undefined,
  };
}

/** Whether one station can have it: no group's, and not zero. */
export function isStationAddress(mac: MacAddress): boolean {
  return !mac.isGroup && (mac.high !== 0 || mac.low !== 0);
}

/** @returns why nobody can have this address in the network; undefined when somebody can */
export function addressProblem(
  address: IpAddress,
  network: Pick<OverlayNetwork, "cidr" | "cidr6" | "name">,
): string | undefined {
  const block = blocksOf(network).find(({ family }) => family === address.family);
  if (block === undefined) return `the network has no IPv${address.family} block`;
  if (!block.contains(address)) return `${address} is not in ${block}`;
  if (address.equals(block.network)) return `${address} is the network itself`;
  if (block.family === 4 && address.equals(block.broadcast)) {
    return `${address} is the network's broadcast address`;
  }
  if (address.equals(gatewayAddress(block))) return `${address} is kept for the network's gateway`;
  return isHost(address) ? undefined : `${address} is no host's address`;
}

/** @returns how many endpoints can have an address of the block */
export function hostCount(block: Cidr): bigint {
  const bits = block.family === 4 ? 32 : 128;
  // Without the network itself, the gateway, and in IPv4 the broadcast address.
  return (1n << BigInt(bits - block.prefixBits)) - (block.family === 4 ? 3n : 2n);
}

function optionsProblem({ device, netns, attach }: EndpointOptions): string | undefined {
  for (const name of [device, attach]) {
    if (name !== undefined && !INTERFACE_NAME.test(name)) {
      return "an interface is named by up to 15 letters, digits, dots, hyphens and underscores";
    }
  }
  if (attach !== undefined && (device !== undefined || netns !== undefined)) {
    return "an interface that is bridged in has its own name and namespace";
  }
  if (netns !== undefined && !/^[!-~]{1,255}$/.test(netns)) {
    return "a namespace has up to 255 printable characters";
  }
  return undefined;
}
