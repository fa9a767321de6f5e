/**
 * Makes the packet plane know whom the roster knows.
 * @module
 */

import { Cidr, type Endpoint } from "../../net/mod.ts";
import type { PresharedKey } from "../../crypto/mod.ts";
import type { PacketPlane } from "../../dataplane/mod.ts";
import type { Member, NodeId, Roster, RosterEvent } from "../../mesh/mod.ts";
import type { DeviceEvent, WireGuardPeerConfig } from "../../wireguard/mod.ts";
import { EndpointRotation } from "../endpoints/mod.ts";

/** A start begins handshakes with so many peers at once; the others' begin with the first packet. */
const MAX_EAGER_HANDSHAKES = 64;

/** What the synchronization works with. */
export interface PeerSyncParts {
  readonly roster: Roster;
  readonly plane: PacketPlane;
  /** This node, which is no peer of itself. */
  readonly self: NodeId;
  /** The preshared key of a device without weft, when it was given one. */
  presharedKey(nodeId: NodeId): PresharedKey | undefined;
  /** Which of the endpoints that a peer states are worth a try, the best first. */
  candidates(stated: readonly Endpoint[], nodeId: NodeId): Endpoint[];
}

/** Follows the roster's events and the device's. */
export class PeerSync {
  readonly #parts: PeerSyncParts;
  readonly #rotations = new Map<string, EndpointRotation>();

  constructor(parts: PeerSyncParts) {
    this.#parts = parts;
  }

  /** Adds every member, and calls those that may be waiting for us: a restart has cost them their session. */
  start(): void {
    const { roster, plane, self } = this.#parts;
    let eager = 0;
    for (const member of roster.members()) {
      if (member.record.nodeId === self) continue;
      this.#setPeer(member);
      if (eager++ < MAX_EAGER_HANDSHAKES) plane.initiateHandshake(member.record.publicKey);
    }
  }

  /** Follows one change of the roster. */
  handleRosterEvent(event: RosterEvent): void {
    const { roster, plane, self } = this.#parts;
    if (event.nodeId === self) return;
    const member = roster.get(event.nodeId);
    if (event.kind === "member-removed" || member === undefined) {
      this.#rotations.delete(event.publicKey.toString());
      plane.removePeer(event.publicKey);
    } else this.#setPeer(member);
  }

  /** Begins a handshake with a member at one of its endpoints. */
  tryAt(nodeId: NodeId, endpoint: Endpoint): void {
    const { roster, plane, self } = this.#parts;
    const member = roster.get(nodeId);
    if (member === undefined || nodeId === self) return;
    const { publicKey } = member.record;
    this.#setPeer(member);
    this.#rotations.get(publicKey.toString())?.select(endpoint);
    plane.setEndpoint(publicKey, endpoint);
    plane.initiateHandshake(publicKey);
  }

  /** Follows what happens to a session. */
  handleDeviceEvent(event: DeviceEvent): void {
    if (event.kind !== "handshake-retry") return;
    // Nobody answers at this endpoint; perhaps at another one.
    const next = this.#rotations.get(event.peer.toString())?.next();
    if (next !== undefined) this.#parts.plane.setEndpoint(event.peer, next);
  }

  #setPeer(member: Member): void {
    const { plane } = this.#parts;
    const { record } = member;
    const key = record.publicKey.toString();
    let rotation = this.#rotations.get(key);
    if (rotation === undefined) this.#rotations.set(key, rotation = new EndpointRotation());
    const endpoint = rotation.update(this.#candidates(member));
    const status = plane.peerStatus(record.publicKey);
    // A peer with a session is where it was last heard, whatever it says of itself.
    const keepsEndpoint = endpoint === undefined || (status?.hasSession ?? false);
    const presharedKey = this.#parts.presharedKey(record.nodeId);
    const config: WireGuardPeerConfig = {
      publicKey: record.publicKey,
      allowedIps: [...record.addresses.map((address) => Cidr.host(address)), ...record.allowedIps],
      persistentKeepaliveSeconds: record.persistentKeepaliveSeconds ?? 0,
      ...presharedKey === undefined ? {} : { presharedKey },
      ...keepsEndpoint ? {} : { endpoint },
    };
    plane.setPeer(config);
  }

  #candidates({ record, statement }: Member): Endpoint[] {
    const stated = statement?.endpoints ?? (record.endpoint === undefined ? [] : [record.endpoint]);
    return this.#parts.candidates(stated, record.nodeId);
  }
}
