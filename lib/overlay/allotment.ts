/**
 * Which MAC and IP addresses an endpoint is given that asks for none. They follow from its name, so that two leaders that can't
 * see each other rarely give one address to two.
 * @module
 */

import { utf8Bytes } from "../base/mod.ts";
import { blake2s } from "../crypto/mod.ts";
import { type Cidr, IpAddress, MacAddress } from "../net/mod.ts";
import { hostCount } from "./endpoint.ts";

/** @returns a locally administered address of one station that nobody has */
export function allotMac(
  networkId: string,
  name: string,
  isTaken: (mac: MacAddress) => boolean,
): MacAddress {
  for (let attempt = 0;; attempt++) {
    const bytes = hash("mac", networkId, name, attempt).slice(0, 6);
    // IEEE 802-2014 §8.2.2: bit 1 of the first byte says that it is local, bit 0 that it is a group's.
    bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
    const mac = MacAddress.fromBytes(bytes);
    if (!isTaken(mac)) return mac;
  }
}

/** The MAC address of a network's gateway. */
export function gatewayMac(networkId: string): MacAddress {
  return allotMac(networkId, "/gateway", () => false);
}

/**
 * @param taken how many addresses of the block are taken at most
 * @returns an address of the block that nobody has and the gateway does not need; undefined when there is none
 */
export function allotAddress(
  networkId: string,
  name: string,
  block: Cidr,
  taken: number,
  isTaken: (address: IpAddress) => boolean,
): IpAddress | undefined {
  const count = hostCount(block);
  const start = BigInt(`0x${hash("address", networkId, name, block.family).toHex()}`) % count;
  // Of one more than are taken, one is free.
  const tries = count < BigInt(taken) + 1n ? Number(count) : taken + 1;
  for (let i = 0; i < tries; i++) {
    const offset = (start + BigInt(i)) % count;
    // Behind the network itself and the gateway.
    const address = IpAddress.fromBigInt(block.address.toBigInt() + 2n + offset, block.family);
    if (!isTaken(address)) return address;
  }
  return undefined;
}

function hash(what: string, networkId: string, name: string, number: number): Uint8Array {
  return blake2s(utf8Bytes(`weft endpoint v1/${what}/${networkId}/${name}/${number}`));
}
