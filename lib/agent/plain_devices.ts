/**
 * Plain WireGuard devices as this node sees them: who may be their hub, and what they are to be configured with.
 * @module
 */

import type { AddedDevice, DevicePeer, StatusReport } from "../api/mod.ts";
import type { Member, MemberRecord, MeshState } from "../mesh/mod.ts";
import { Cidr } from "../net/mod.ts";

/** Whether it is a member that packets can be sent to: it runs weft, and has not said that it has no packet plane. */
export function hasPacketPlane({ record, statement }: Member): boolean {
  return record.verifyingKey !== undefined && statement?.isRootless !== true;
}

/** @returns the hub that a device's record names, or undefined when it is none any more */
export function hubOf({ roster }: Pick<MeshState, "roster">, { hub }: MemberRecord): Member | undefined {
  const member = hub === undefined ? undefined : roster.get(hub);
  return member !== undefined && hasPacketPlane(member) ? member : undefined;
}

/** @returns the devices whose hub a member is, or was */
export function devicesOf(
  { roster }: Pick<MeshState, "roster">,
  { nodeId }: Pick<MemberRecord, "nodeId">,
): readonly MemberRecord[] {
  return [...roster.liveRecords().filter(({ hub }) => hub === nodeId)];
}

/** @returns the networks of the overlay */
export function overlayOf({ cidr, ipv6Cidr }: Pick<MeshState, "cidr" | "ipv6Cidr">): readonly Cidr[] {
  return ipv6Cidr === undefined ? [cidr] : [cidr, ipv6Cidr];
}

/**
 * @param status of this node
 * @returns what a device is to be configured with: its hub for the whole overlay, or every member with an interface for itself
 */
export function configurationOf(device: MemberRecord, mesh: MeshState, status: StatusReport): AddedDevice {
  const { mtuBytes } = status.dataplane;
  const known = { name: device.name, addresses: device.addresses.map(String), ...mtuBytes && { mtuBytes } };
  if (device.hub !== undefined) {
    const hub = hubOf(mesh, device);
    const peers = hub === undefined
      ? []
      : [{ ...peerOf(hub, status), allowedIps: overlayOf(mesh).map(String) }];
    return { ...known, ...hub && { hub: hub.record.name }, peers };
  }
  const self = mesh.identity.id;
  const isSelf = ({ record }: Member): boolean => record.nodeId === self;
  const members = mesh.roster.members().filter((member) =>
    isSelf(member) ? status.dataplane.kind !== "rootless" : hasPacketPlane(member)
  );
  // This node knows the device's preshared key, and leads to the networks that it is to reach through here.
  const sorted = [...members.filter(isSelf), ...members.filter((member) => !isSelf(member))];
  return { ...known, peers: sorted.map((member) => peerOf(member, status)) };
}

function peerOf({ record, statement }: Member, status: StatusReport): DevicePeer {
  const publicKey = record.publicKey.toString();
  const seen = status.peers.find((peer) => peer.publicKey === publicKey)?.endpoint;
  const endpoint = seen ?? statement?.endpoints[0]?.toString();
  return {
    name: record.name,
    publicKey,
    addresses: record.addresses.map(String),
    allowedIps: record.addresses.map((address) => `${Cidr.host(address)}`),
    ...endpoint !== undefined && { endpoint },
  };
}
