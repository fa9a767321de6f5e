/**
 * The hosts that people name, without a name server: rootless nodes have none.
 * @module
 */

import { nodeLabel } from "../../dns/mod.ts";
import type { NodeId, Roster } from "../../mesh/mod.ts";
import type { Cidr } from "../../net/mod.ts";

interface HostNameParts {
  readonly roster: Roster;
  /** With its final dot. */
  readonly zone: string;
  /** The block that `node-1-100` counts from. */
  readonly cidr: Cidr;
  readonly elected: NodeId | undefined;
}

/**
 * @param host a name of a member, `leader`, `node-1-100`, with the zone or without, or an address
 * @returns the member, or undefined when there is none
 */
export function memberOfHost(
  host: string,
  { roster, zone, cidr, elected }: HostNameParts,
): NodeId | undefined {
  const name = host.toLowerCase().replace(/\.$/, "");
  const suffix = `.${zone.toLowerCase().replace(/\.$/, "")}`;
  const label = name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
  const member = roster.find(label);
  if (member !== undefined) return member.record.nodeId;
  if (label === "leader") return elected;
  if (!label.startsWith("node-")) return undefined;
  for (const { record } of roster.members()) {
    const isMeant = record.addresses.some((address) =>
      address.family === cidr.address.family && nodeLabel(address, cidr) === label
    );
    if (isMeant) return record.nodeId;
  }
  return undefined;
}
