/**
 * Makes the packet plane know whom the roster knows.
 * @module
 */

import type { StateStore } from "../../base/mod.ts";
import { PresharedKey } from "../../crypto/mod.ts";
import type { PacketPlane } from "../../dataplane/mod.ts";
import type { Member, NodeId, RosterEvent } from "../../mesh/mod.ts";
import { Cidr, type Endpoint } from "../../net/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { DeviceEvent } from "../../wireguard/mod.ts";

/** A start begins handshakes with so many peers at once; the others' begin with the first packet. */
const MAX_EAGER_HANDSHAKES = 64;
const SECRETS = "device-preshared-key";

/** Follows the roster's events and the device's. */
export class PeerSync {
  readonly #plane: PacketPlane;
  readonly #context: AgentContext;
  readonly #secrets: DeviceSecrets;
  readonly #rotations = new Map<string, EndpointRotation>();
  #unsubscribe: () => void = () => {};

  constructor(plane: PacketPlane, context: AgentContext) {
    this.#plane = plane;
    this.#context = context;
    this.#secrets = new DeviceSecrets(context.store);
  }

  /** Adds every member, and begins handshakes: a restart of this node has cost them their session. */
  start(): void {
    const { replica, roster, identity: { id: self } } = this.#context.mesh;
    this.#unsubscribe = replica.subscribe({ handleRosterEvent: (event) => this.#handleRosterEvent(event) });
    let eager = 0;
    for (const member of roster.members()) {
      if (member.record.nodeId === self) continue;
      this.#setPeer(member);
      if (eager++ < MAX_EAGER_HANDSHAKES) this.#plane.initiateHandshake(member.record.publicKey);
    }
  }

  /** Follows nothing any more, until it is started again. */
  close(): void {
    this.#unsubscribe();
    this.#rotations.clear();
  }

  #handleRosterEvent(event: RosterEvent): void {
    if (event.kind === "stated-again") return;
    const { roster, identity } = this.#context.mesh;
    if (event.nodeId === identity.id) return;
    const member = roster.get(event.nodeId);
    if (event.kind === "member-removed" || member === undefined) {
      this.#rotations.delete(event.publicKey.toString());
      this.#plane.removePeer(event.publicKey);
    } else this.#setPeer(member);
  }

  /** Begins a handshake with a member at one of its endpoints. */
  tryAt(nodeId: NodeId, endpoint: Endpoint): void {
    const { roster, identity } = this.#context.mesh;
    const member = roster.get(nodeId);
    if (member === undefined || nodeId === identity.id) return;
    const { publicKey } = member.record;
    this.#setPeer(member);
    this.#rotations.get(publicKey.toString())?.select(endpoint);
    this.#plane.setEndpoint(publicKey, endpoint);
    this.#plane.initiateHandshake(publicKey);
  }

  /** Follows what happens to a session. */
  handleDeviceEvent(event: DeviceEvent): void {
    if (event.kind !== "handshake-retry") return;
    // Nobody answers at this endpoint; perhaps at another one.
    const next = this.#rotations.get(event.peer.toString())?.next();
    if (next !== undefined) this.#plane.setEndpoint(event.peer, next);
  }

  #setPeer(member: Member): void {
    const { record } = member;
    const key = record.publicKey.toString();
    let rotation = this.#rotations.get(key);
    if (rotation === undefined) this.#rotations.set(key, rotation = new EndpointRotation());
    const endpoint = rotation.update(this.#context.endpoints.tunnelEndpoints(member));
    // A peer with a session is where its packets last came from, whatever it states.
    const keepsEndpoint = endpoint === undefined || this.#plane.peerStatus(record.publicKey)?.hasSession;
    const presharedKey = this.#secrets.get(record.nodeId);
    this.#plane.setPeer({
      publicKey: record.publicKey,
      allowedIps: [...record.addresses.map((address) => Cidr.host(address)), ...record.allowedIps],
      persistentKeepaliveSeconds: record.persistentKeepaliveSeconds ?? 0,
      ...presharedKey === undefined ? {} : { presharedKey },
      ...keepsEndpoint ? {} : { endpoint },
    });
  }
}

/** A peer's endpoints in the order in which they are worth a try, and where we are in it. */
export class EndpointRotation {
  #candidates: readonly Endpoint[] = [];
  #at = 0;

  /**
   * Takes a new list; the one in use stays in use when it is still there.
   * @returns the endpoint to use from now on, or undefined when the list is empty
   */
  update(candidates: readonly Endpoint[]): Endpoint | undefined {
    const current = this.current;
    this.#candidates = candidates;
    const kept = current === undefined ? -1 : candidates.findIndex((candidate) => candidate.equals(current));
    this.#at = Math.max(0, kept);
    return this.current;
  }

  get current(): Endpoint | undefined {
    return this.#candidates[this.#at];
  }

  /** Goes to one of the list; nothing changes when it is not there. */
  select(endpoint: Endpoint): void {
    const at = this.#candidates.findIndex((candidate) => candidate.equals(endpoint));
    if (at >= 0) this.#at = at;
  }

  /** Goes on to the next one, round and round. @returns it, or undefined when there is no other */
  next(): Endpoint | undefined {
    if (this.#candidates.length < 2) return undefined;
    this.#at = (this.#at + 1) % this.#candidates.length;
    return this.current;
  }
}

/** The preshared keys of devices without weft. They stay on the leader that was given them, in no record. */
export class DeviceSecrets {
  readonly #store: StateStore;

  constructor(store: StateStore) {
    this.#store = store;
  }

  get(nodeId: NodeId): PresharedKey | undefined {
    const bytes = this.#store.get(SECRETS, nodeId);
    return bytes && PresharedKey.fromBytes(bytes);
  }

  /** @param presharedKey undefined forgets the key */
  set(nodeId: NodeId, presharedKey: PresharedKey | undefined): void {
    if (presharedKey === undefined) this.#store.delete(SECRETS, nodeId);
    else this.#store.put(SECRETS, nodeId, presharedKey.exposeBytes());
  }
}
