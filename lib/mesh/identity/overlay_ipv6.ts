/**
 * The IPv6 half of the overlay, which follows from the network id and a member's IPv4 address.
 *
 *     fd | 40 bits of the network's hash | subnet 0 | 0 | IPv4 address
 *     8  | 40                            | 16       | 32| 32
 *
 * @module
 */

import { utf8Bytes } from "../../base/mod.ts";
import { blake2s } from "../../crypto/mod.ts";
import { Cidr, IpAddress } from "../../net/mod.ts";
import { idBytes, type NetworkId } from "./identity.ts";

const GLOBAL_ID_BYTES = 5;

/** @returns the network's /64, a unique local prefix whose global id is pseudo-random (RFC 4193 §3.1, §3.2.1) */
export function overlayIpv6Prefix(networkId: NetworkId): Cidr {
  const bytes = new Uint8Array(16);
  bytes[0] = 0xfd;
  const hash = blake2s(utf8Bytes("weft overlay ipv6 v1"), idBytes(networkId));
  bytes.set(hash.subarray(0, GLOBAL_ID_BYTES), 1);
  return Cidr.of(IpAddress.fromBytes(bytes), 64);
}

/**
 * @param prefix an IPv6 block of at least 32 host bits
 * @param address an IPv4 address
 * @returns the prefix with the IPv4 address in its low 32 bits
 * @throws RangeError when the families are others
 */
export function overlayIpv6For(prefix: Cidr, address: IpAddress): IpAddress {
  if (prefix.family !== 6 || prefix.prefixBits > 96 || address.family !== 4) {
    throw new RangeError(`Cannot put ${address} into ${prefix}: it takes an IPv4 address and 32 host bits`);
  }
  const bytes = prefix.address.bytes.slice();
  bytes.set(address.bytes, 12);
  return IpAddress.fromBytes(bytes);
}
