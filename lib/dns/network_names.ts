/**
 * The records that follow from who is a member and which services run: names, pointers, SRV and TXT.
 * @module
 */

import { utf8Bytes } from "../base/mod.ts";
import { type Cidr, IpAddress } from "../net/mod.ts";
import { DEFAULT_SERVICE_TTL_SECONDS, DEFAULT_TTL_SECONDS } from "./bounds.ts";
import { DomainName, MAX_LABEL_BYTES } from "./domain_name.ts";
import type { ResourceRecord } from "./message.ts";
import { MAX_STRING_BYTES, srvData, stringsData } from "./record_data.ts";
import { RECORD_TYPE } from "./record_type.ts";
import { record } from "./zone.ts";

/** A part of a service's label; what begins with an underscore is not a host's (RFC 8552 §1.1). */
const SEGMENT = /^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$/;

/** A member, as far as names go. */
export interface NamedMember {
  /** A DNS label; absent when another member has it. */
  readonly name?: string | undefined;
  readonly addresses: readonly IpAddress[];
}

/** The records of one member: `network` follows from its addresses alone, so nobody else can claim them. */
export interface MemberRecords {
  readonly network: readonly ResourceRecord[];
  readonly named: readonly ResourceRecord[];
}

/** One instance of a service on one node. */
export interface ServiceInstance {
  /** A DNS label, `web`. */
  readonly service: string;
  /** A DNS label without its underscore, `http`. */
  readonly protocol: string;
  readonly transport: "tcp" | "udp";
  /** The label of the node, under which its addresses are found. */
  readonly node: string;
  readonly addresses: readonly IpAddress[];
  readonly port: number;
  /** Whether `web` alone leads to it, beside `_http._tcp.web`. */
  readonly hasBareName: boolean;
  /** Strings of the TXT record, `key=value` (RFC 6763 §6); those over 255 bytes are left out. */
  readonly text?: readonly string[];
}

/** @returns `node-1-100` for 10.200.1.100: the last two octets, or all that differ when the block is wider than /16 */
export function nodeLabel(address: IpAddress, cidr: Cidr): string {
  const fixedOctets = Math.min(2, cidr.prefixBits >> 3);
  return `node-${[...address.bytes.subarray(fixedOctets)].join("-")}`;
}

/**
 * @param zone the zone of the network
 * @param cidrs the network's blocks
 * @param ttlSeconds how long they hold
 * @returns the member's records in the zone and in those of the addresses
 */
export function memberRecords(
  zone: DomainName,
  member: NamedMember,
  cidrs: readonly Cidr[],
  ttlSeconds: number = DEFAULT_TTL_SECONDS,
): MemberRecords {
  const network: ResourceRecord[] = [];
  const named: ResourceRecord[] = [];
  const blocks = cidrs.filter(({ family }) => family === 4);
  const aliases = member.addresses.filter(({ family }) => family === 4).map((address) => {
    const block = blocks.find((cidr) => cidr.contains(address));
    return { address, label: block && nodeLabel(address, block) };
  });
  for (const { address, label } of aliases) {
    network.push(...addressRecords(zone, label, address, ttlSeconds));
  }
  for (const address of member.addresses) {
    named.push(...addressRecords(zone, member.name, address, ttlSeconds));
    // RFC 2181 §10.2: a pointer leads to a name that leads back.
    const own = aliases.find((alias) => alias.address.equals(address))?.label ?? aliases[0]?.label;
    const target = zone.child(member.name ?? own ?? "");
    if (target !== undefined) {
      network.push(record(reverseName(address), RECORD_TYPE.PTR, ttlSeconds, target.wire));
    }
  }
  return { network, named };
}

/** @returns what `leader` means on this network: these addresses, and nothing else */
export function leaderRecords(
  zone: DomainName,
  addresses: readonly IpAddress[],
  ttlSeconds: number = DEFAULT_SERVICE_TTL_SECONDS,
): readonly ResourceRecord[] {
  return addresses.flatMap((address) => addressRecords(zone, "leader", address, ttlSeconds));
}

/**
 * @param zone the zone of the network
 * @param ttlSeconds how long they hold
 * @returns the instance's records; none when a label is none
 */
export function serviceRecords(
  zone: DomainName,
  instance: ServiceInstance,
  ttlSeconds: number = DEFAULT_SERVICE_TTL_SECONDS,
): readonly ResourceRecord[] {
  const target = zone.child(instance.node);
  const base = zone.child(instance.service);
  const name = base?.child(`_${instance.transport}`)?.child(`_${instance.protocol}`);
  if (target === undefined || base === undefined || name === undefined) return [];
  const fitting = (instance.text ?? []).filter((text) => utf8Bytes(text).length <= MAX_STRING_BYTES);
  const strings = stringsData(fitting.length === 0 ? [""] : fitting);
  const srv = srvData({ priority: 0, weight: 0, port: instance.port, target });
  return [
    record(name, RECORD_TYPE.SRV, ttlSeconds, srv),
    record(name, RECORD_TYPE.TXT, ttlSeconds, strings),
    ...instance.addresses.flatMap((address) => [
      addressRecord(name, address, ttlSeconds),
      ...instance.hasBareName ? [addressRecord(base, address, ttlSeconds)] : [],
    ]),
  ];
}

/**
 * @param segments of a service's path
 * @returns the label of all paths that differ in nothing that a name shows, `orders-eu`; undefined when it is no label of
 * letters, digits, and inner hyphens and underscores (RFC 1123 §2.1)
 */
export function serviceLabel(segments: readonly string[]): string | undefined {
  const label = segments.join("-").toLowerCase();
  const isLabel = label.length <= MAX_LABEL_BYTES && segments.every((segment) => SEGMENT.test(segment));
  return isLabel ? label : undefined;
}

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
    const { bytes } = IpAddress.fromBigInt(first + BigInt(i) * step, cidr.family);
    return reverseOf(bytes, labels, cidr.family);
  });
}

/** None without a label, or with one that cannot stand in the zone. */
function addressRecords(
  zone: DomainName,
  label: string | undefined,
  address: IpAddress,
  ttlSeconds: number,
): ResourceRecord[] {
  const name = zone.child(label ?? "");
  return name === undefined ? [] : [addressRecord(name, address, ttlSeconds)];
}

/** @returns an A or AAAA record */
export function addressRecord(name: DomainName, address: IpAddress, ttlSeconds: number): ResourceRecord {
  return record(name, address.family === 4 ? RECORD_TYPE.A : RECORD_TYPE.AAAA, ttlSeconds, address.bytes);
}

function reverseOf(bytes: Uint8Array, labels: number, family: 4 | 6): DomainName {
  const all = family === 4 ? [...bytes].map(String) : [...bytes.toHex()];
  const suffix = family === 4 ? "in-addr.arpa" : "ip6.arpa";
  const name = DomainName.parse([...all.slice(0, labels).reverse(), suffix].join("."));
  if (name === undefined) throw new TypeError("an address has a name");
  return name;
}
