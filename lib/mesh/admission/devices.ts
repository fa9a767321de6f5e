/**
 * Plain WireGuard devices: who lets one in says its name, and everything about it, because it says nothing itself.
 * @module
 */

import type { PublicKey } from "../../crypto/mod.ts";
import type { Cidr, Endpoint } from "../../net/mod.ts";
import type { NodeId } from "../identity/mod.ts";
import { type MemberRecord, NO_GRANTS } from "../records/mod.ts";
import type { RecordEntry, Roster } from "../replica/mod.ts";
import { deviceNetworkProblem, type NetworksInUse } from "./device_networks.ts";
import type { AdmissionRefusal, Enrolment, EnrolmentOptions } from "./enrolment.ts";

/** A WireGuard device that does not run weft. */
export interface NewDevice {
  readonly name: string;
  readonly publicKey: PublicKey;
  /** Prefixes behind the device. */
  readonly allowedIps?: readonly Cidr[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly endpoint?: Endpoint | undefined;
  readonly persistentKeepaliveSeconds?: number | undefined;
  /** The member that is its only peer; absent when every member is a peer of it. */
  readonly hub?: NodeId | undefined;
}

/** @returns what the networks behind the device with this key, or a new one, must not meet */
export function networksInUse(roster: Roster, overlay: readonly Cidr[], publicKey: PublicKey): NetworksInUse {
  const others = roster.allRecords().filter((record) =>
    !record.publicKey.equals(publicKey) && !roster.isRevoked(record.publicKey)
  );
  const behindOthers = others.flatMap(({ name, allowedIps }) =>
    allowedIps.map((network) => [name, network] as const)
  );
  return { overlay, behindOthers };
}

/**
 * Adds a device; the same key again changes what is known of it and keeps its name and addresses.
 * @throws RangeError when a field is out of bounds
 */
export function enrolDevice(
  device: NewDevice,
  enrolment: Enrolment,
  { roster, overlay = [], isNameTaken }: Pick<EnrolmentOptions, "roster" | "overlay" | "isNameTaken">,
): RecordEntry | AdmissionRefusal {
  const { name, publicKey, allowedIps = [], endpoint, persistentKeepaliveSeconds, hub } = device;
  if (roster.isRevoked(publicKey)) return "refused:revoked";
  const known = roster.recordByKey(publicKey);
  if (known?.verifyingKey !== undefined) return "refused:other-identity";
  // What it had before this was a rule, it keeps.
  const kept = known?.allowedIps.map(String) ?? [];
  const added = allowedIps.filter((network) => !kept.includes(String(network)));
  const inUse = added.length > 0 ? networksInUse(roster, overlay, publicKey) : { overlay, behindOthers: [] };
  if (added.some((network) => deviceNetworkProblem(network, inUse) !== undefined)) return "refused:network";
  const fields: Pick<MemberRecord, "labels" | "allowedIps"> & Partial<MemberRecord> = {
    labels: device.labels ?? known?.labels ?? {},
    allowedIps,
    ...endpoint && { endpoint },
    ...persistentKeepaliveSeconds && { persistentKeepaliveSeconds },
    ...hub && { hub },
  };
  return enrolment.transact(() => {
    if (known === undefined) {
      // Whoever names a device means this name and no other; machines that join are not asked.
      if (roster.holderOfName(name) !== undefined || isNameTaken?.(name)) return "refused:name-taken";
      return enrolment.add({ name, publicKey, roles: ["wireguard"], grants: NO_GRANTS, ...fields });
    }
    const { endpoint: _, persistentKeepaliveSeconds: __, hub: ___, ...others } = known;
    return enrolment.sign({ ...others, ...fields, version: known.version + 1, ...enrolment.lifetime() });
  });
}
