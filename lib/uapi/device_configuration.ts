/**
 * Requests of the userspace API, carried out on a packet plane.
 * @module
 */

import type { WireGuardPlane } from "../dataplane/mod.ts";
import type { WireGuardPeerUpdate } from "../wireguard/mod.ts";
import type { DeviceSnapshot } from "./device_text.ts";
import type { DeviceChanges, PeerChanges } from "./set_parser.ts";

/** @returns what a `get` tells of the plane */
export function deviceSnapshot(
  plane: WireGuardPlane,
  device: { readonly listenPort: number; readonly fwmark: number },
): DeviceSnapshot {
  return {
    privateKey: plane.privateKey,
    ...device,
    peers: plane.peerStatuses().flatMap((status) => {
      const presharedKey = plane.presharedKey(status.publicKey);
      return presharedKey === undefined ? [] : [{ ...status, presharedKey }];
    }),
  };
}

/** Makes the changes of keys and peers; none of them can fail. */
export function applyPeers(plane: WireGuardPlane, changes: DeviceChanges): void {
  if (changes.privateKey !== undefined) plane.setPrivateKey(changes.privateKey ?? undefined);
  if (changes.replacePeers) {
    for (const { publicKey } of plane.peerStatuses()) plane.removePeer(publicKey);
  }
  for (const peer of changes.peers) applyPeer(plane, peer);
}

function applyPeer(plane: WireGuardPlane, changes: PeerChanges): void {
  const { publicKey, presharedKey, endpoint, persistentKeepaliveSeconds } = changes;
  if (changes.remove) return plane.removePeer(publicKey);
  if (changes.updateOnly && plane.presharedKey(publicKey) === undefined) return;
  const first: WireGuardPeerUpdate = {
    publicKey,
    ...presharedKey === undefined ? {} : { presharedKey },
    ...endpoint === undefined ? {} : { endpoint },
    replaceAllowedIps: changes.replaceAllowedIps,
  };
  const { allowedIps } = changes;
  const added = allowedIps.filter(({ isRemoval }) => !isRemoval).map(({ cidr }) => cidr);
  if (added.length === allowedIps.length) plane.updatePeer({ ...first, addAllowedIps: added });
  else {
    plane.updatePeer(first);
    // What is added, removed and added again stays: their order counts.
    for (const { cidr, isRemoval } of allowedIps) {
      plane.updatePeer({ publicKey, [isRemoval ? "removeAllowedIps" : "addAllowedIps"]: [cidr] });
    }
  }
  // The first keepalive goes out with everything else in place.
  if (persistentKeepaliveSeconds !== undefined) plane.updatePeer({ publicKey, persistentKeepaliveSeconds });
}
