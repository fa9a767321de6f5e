/**
 * The records that follow from the members of a network.
 * @module
 */

import type { Cidr, IpAddress } from "../net/mod.ts";
import type { DomainName } from "./domain_name.ts";
import type { ResourceRecord } from "./message.ts";
import { RECORD_TYPE } from "./record_type.ts";
import { reverseName } from "./reverse_name.ts";
import { record } from "./zone.ts";

/** How long the names of nodes hold. */
export const NODE_TTL_SECONDS = 300;
/** How long the name `leader` holds: who that is may change within seconds. */
export const LEADER_TTL_SECONDS = 5;

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

/** @returns `node-1-100` for 10.200.1.100: the last two octets, or all that differ when the block is wider than /16 */
export function nodeLabel(address: IpAddress, cidr: Cidr): string {
  const fixedOctets = Math.min(2, cidr.prefixBits >> 3);
  return `node-${[...address.bytes.subarray(fixedOctets)].join("-")}`;
}

/**
 * @param zone the zone of the network
 * @param cidrs the network's blocks
 * @returns the member's records in the zone and in those of the addresses
 */
export function memberRecords(zone: DomainName, member: NamedMember, cidrs: readonly Cidr[]): MemberRecords {
  const network: ResourceRecord[] = [];
  const named: ResourceRecord[] = [];
  const blocks = cidrs.filter(({ family }) => family === 4);
  const aliases = member.addresses.filter(({ family }) => family === 4).map((address) => {
    const block = blocks.find((cidr) => cidr.contains(address));
    return { address, label: block && nodeLabel(address, block) };
  });
  for (const { address, label } of aliases) put(network, zone, label, address, NODE_TTL_SECONDS);
  for (const address of member.addresses) {
    put(named, zone, member.name, address, NODE_TTL_SECONDS);
    // RFC 2181 §10.2: a pointer leads to a name that leads back.
    const own = aliases.find((alias) => alias.address.equals(address))?.label ?? aliases[0]?.label;
    const target = zone.child(member.name ?? own ?? "");
    if (target !== undefined) {
      network.push(record(reverseName(address), RECORD_TYPE.PTR, NODE_TTL_SECONDS, target.wire));
    }
  }
  return { network, named };
}

/** @returns what `leader` means on this network: these addresses, and nothing else */
export function leaderRecords(zone: DomainName, addresses: readonly IpAddress[]): readonly ResourceRecord[] {
  const records: ResourceRecord[] = [];
  for (const address of addresses) put(records, zone, "leader", address, LEADER_TTL_SECONDS);
  return records;
}

function put(
  records: ResourceRecord[],
  zone: DomainName,
  label: string | undefined,
  address: IpAddress,
  ttlSeconds: number,
): void {
  const name = label === undefined ? undefined : zone.child(label);
  if (name === undefined) return;
  records.push(addressRecord(name, address, ttlSeconds));
}

/** @returns an A or AAAA record */
export function addressRecord(name: DomainName, address: IpAddress, ttlSeconds: number): ResourceRecord {
  return record(name, address.family === 4 ? RECORD_TYPE.A : RECORD_TYPE.AAAA, ttlSeconds, address.bytes);
}
