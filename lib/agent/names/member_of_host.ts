/**
 * Whom people mean by the name of a host, on nodes that serve no names too.
 * @module
 */

import { DomainName, nameInData, nodeLabel, RECORD_TYPE, type ResourceRecord } from "../../dns/mod.ts";
import type { MemberRecord, MeshState, NodeId } from "../../mesh/mod.ts";
import { IpAddress } from "../../net/mod.ts";
import { NAME_ENTRY_KIND, nameKey, readNameRecords } from "./name_entry.ts";

/** An alias may lead to another, but not for ever. */
const MAX_ALIASES = 8;

/** What it takes to say whom a name means. */
export type NamedMesh = Pick<MeshState, "roster" | "cidr" | "network"> & {
  readonly replica: Pick<MeshState["replica"], "entries">;
};

/**
 * Finds whom people mean without asking a name server: rootless nodes have none. The order is that of the zone: the
 * network's own names, what leaders have added, what members are called.
 *
 * @param host a name of a member, `leader`, `node-1-100`, with the zone or without, or an address
 * @param zone with its final dot or without
 * @param aliases how many were followed already
 * @returns the member, or undefined when there is none
 */
export function memberOfHost(
  host: string,
  mesh: NamedMesh,
  zone: string,
  elected: NodeId | undefined,
  aliases = 0,
): NodeId | undefined {
  const { roster, cidr } = mesh;
  const name = host.toLowerCase().replace(/\.$/, "");
  const suffix = `.${zone.toLowerCase().replace(/\.$/, "")}`;
  const label = name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  if (label === "leader") return elected;
  const isLabelOf = ({ addresses }: MemberRecord) =>
    addresses.some((address) => address.family === cidr.address.family && nodeLabel(address, cidr) === label);
  const byLabel = label.startsWith("node-") ? roster.liveRecords().find(isLabelOf) : undefined;
  if (byLabel !== undefined) return byLabel.nodeId;
  const member = roster.find(label);
  // An id, a key or an address is no name.
  if (member !== undefined && member.record.name !== label) return member.record.nodeId;
  const origin = DomainName.parse(suffix.slice(1));
  for (const { type, data } of writtenRecords(label, origin, mesh)) {
    if (type === RECORD_TYPE.A || type === RECORD_TYPE.AAAA) {
      return roster.byAddress(IpAddress.fromBytes(data))?.record.nodeId;
    }
    if (type !== RECORD_TYPE.CNAME) continue;
    const target = nameInData(type, data);
    if (origin === undefined || !target?.isWithin(origin) || aliases === MAX_ALIASES) return undefined;
    return memberOfHost(target.toString(), mesh, zone, elected, aliases + 1);
  }
  return member?.record.nodeId;
}

/** @returns what leaders have added to a name */
function writtenRecords(
  label: string,
  origin: DomainName | undefined,
  { replica, network }: NamedMesh,
): readonly ResourceRecord[] {
  const name = origin && DomainName.parse(label)?.join(origin);
  const entry = name && replica.entries.get(NAME_ENTRY_KIND, network.id, nameKey(name));
  return origin === undefined || entry === undefined ? [] : readNameRecords(origin, entry);
}
