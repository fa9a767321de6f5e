/**
 * Names of addresses: `100.1.200.10.in-addr.arpa` and its like of IPv6.
 * @module
 */

import { type Cidr, type IpAddress, IpAddress as Address } from "../net/mod.ts";
import { DomainName } from "./domain_name.ts";

/** @returns the name that has the PTR record of an address (RFC 1035 §3.5, RFC 3596 §2.5) */
export function reverseName(address: IpAddress): DomainName {
  return reverseOf(address.bytes, address.family === 4 ? 4 : 32, address.family);
}

/**
 * @returns the origins that together are all names of the block's addresses, and no others: where the prefix ends within
 * a label, one for each value that the label has (at most 128, or 8 of IPv6)
 */
export function reverseOrigins(cidr: Cidr): readonly DomainName[] {
  const bitsPerLabel = cidr.family === 4 ? 8 : 4;
  const labels = Math.ceil(cidr.prefixBits / bitsPerLabel);
  const count = 1 << (labels * bitsPerLabel - cidr.prefixBits);
  const addressBits = cidr.family === 4 ? 32 : 128;
  const step = 1n << BigInt(addressBits - labels * bitsPerLabel);
  const first = cidr.address.toBigInt();
  return Array.from({ length: count }, (_, i) => {
    const { bytes } = Address.fromBigInt(first + BigInt(i) * step, cidr.family);
    return reverseOf(bytes, labels, cidr.family);
  });
}

function reverseOf(bytes: Uint8Array, labels: number, family: 4 | 6): DomainName {
  const all = family === 4 ? [...bytes].map(String) : [...bytes.toHex()];
  const suffix = family === 4 ? "in-addr.arpa" : "ip6.arpa";
  const name = DomainName.parse([...all.slice(0, labels).reverse(), suffix].join("."));
  if (name === undefined) throw new TypeError("an address has a name");
  return name;
}
