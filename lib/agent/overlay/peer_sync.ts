/**
 * Makes the packet plane know whom the roster knows.
 * @module
 */

import type { StateStore } from "../../base/mod.ts";
import { PresharedKey, type PublicKey } from "../../crypto/mod.ts";
import type { WireGuardPlane } from "../../dataplane/mod.ts";
import type { Member, NodeId, RosterEvent } from "../../mesh/mod.ts";
import type { Cidr, Endpoint, IpAddress } from "../../net/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { DeviceEvent } from "../../wireguard/mod.ts";
import { DeviceRoutes, ownPrefixes } from "./device_routes.ts";

/** A start begins handshakes with so many peers at once; the others' begin with the first packet. */
const MAX_EAGER_HANDSHAKES = 64;
const SECRETS = "device-preshared-key";

/** What it tells the packet plane. */
type PeerPlane = Pick<
  WireGuardPlane,
  "setPeer" | "updatePeer" | "removePeer" | "setEndpoint" | "initiateHandshake" | "peerStatus" | "changeProxy"
>;

/** What it takes of the node. */
interface PeerSyncContext extends Pick<AgentContext, "store"> {
  readonly mesh: Pick<AgentContext["mesh"], "replica" | "roster" | "identity">;
  readonly endpoints: Pick<AgentContext["endpoints"], "tunnelEndpoints">;
}

/** Follows the roster's events and the device's. */
export class PeerSync {
  readonly #plane: PeerPlane;
  readonly #context: PeerSyncContext;
  readonly #secrets: DeviceSecrets;
  readonly #rotations = new Map<string, EndpointRotation>();
  /**
   * Members that say that they have no packet plane, by key, with the addresses at which they are proxied. They are peers
   * all the same, so that no wider prefix takes their packets, and one that has got an interface is heard at once.
   */
  readonly #rootless = new Map<string, readonly IpAddress[]>();
  /** Whose a proxied address is, by its text: of two members that have had it in turn the later one. */
  readonly #proxied = new Map<string, string>();
  readonly #routes = new DeviceRoutes();
  /** The networks to which members lead, by member. */
  #carried: ReadonlyMap<NodeId, readonly Cidr[]> = new Map();
  #unsubscribe: () => void = () => {};

  constructor(plane: PeerPlane, context: PeerSyncContext) {
    this.#plane = plane;
    this.#context = context;
    this.#secrets = new DeviceSecrets(context.store);
  }

  /** Adds every member, and begins handshakes: a restart of this node has cost them their session. */
  start(): void {
    const { replica, roster, identity: { id: self } } = this.#context.mesh;
    this.#unsubscribe = replica.subscribe({ handleRosterEvent: (event) => this.#handleRosterEvent(event) });
    let eager = 0;
    const members = roster.members();
    for (const { record } of members) this.#routes.set(record);
    for (const member of members) {
      if (member.record.nodeId === self || this.#isElsewhere(member)) continue;
      this.#setPeer(member);
      if (member.statement?.isRootless) continue;
      if (eager++ < MAX_EAGER_HANDSHAKES) this.#plane.initiateHandshake(member.record.publicKey);
    }
  }

  /** Follows nothing any more, until it is started again. */
  close(): void {
    this.#unsubscribe();
    this.#rotations.clear();
    for (const key of [...this.#rootless.keys()]) this.#followRootless(key, undefined);
    this.#routes.clear();
  }

  /** Sends to members what is for the networks that they lead to, and takes it from them; each network is one member's. */
  setCarried(carried: ReadonlyMap<NodeId, readonly Cidr[]>): void {
    const former = this.#carried;
    this.#carried = carried;
    for (const [nodeId, prefixes] of former) {
      const gone = prefixes.filter((prefix) => !carried.get(nodeId)?.some((other) => other.equals(prefix)));
      const publicKey = gone.length === 0 ? undefined : this.#hubPeer(nodeId);
      if (publicKey !== undefined) this.#plane.updatePeer({ publicKey, removeAllowedIps: gone });
    }
    for (const [nodeId, prefixes] of carried) {
      const added = prefixes.filter((prefix) => !former.get(nodeId)?.some((other) => other.equals(prefix)));
      const publicKey = added.length === 0 ? undefined : this.#hubPeer(nodeId);
      if (publicKey !== undefined) this.#plane.updatePeer({ publicKey, addAllowedIps: added });
    }
  }

  #handleRosterEvent(event: RosterEvent): void {
    if (event.kind === "stated-again") return;
    const { roster, identity } = this.#context.mesh;
    if (event.nodeId === identity.id) return;
    const member = roster.get(event.nodeId);
    if (event.kind === "member-removed" || member === undefined) {
      this.#followRoute(event.nodeId, undefined);
      this.#rotations.delete(event.publicKey.toString());
      this.#followRootless(event.publicKey.toString(), undefined);
      this.#plane.removePeer(event.publicKey);
      return;
    }
    this.#followRoute(event.nodeId, member);
    if (!this.#isElsewhere(member)) return this.#setPeer(member);
    this.#rotations.delete(event.publicKey.toString());
    this.#plane.removePeer(event.publicKey);
    this.#addToHub(event.nodeId);
  }

  /** Whether it is a device that another node than this one is the only peer of. */
  #isElsewhere({ record: { hub } }: Member): boolean {
    return hub !== undefined && hub !== this.#context.mesh.identity.id;
  }

  /** Takes a device from its former hub, if that is another one or the device has other prefixes now. */
  #followRoute(nodeId: NodeId, member: Member | undefined): void {
    const former = member === undefined ? this.#routes.delete(nodeId) : this.#routes.set(member.record);
    const hub = former && this.#hubPeer(former.hub);
    if (former === undefined || hub === undefined) return;
    this.#plane.updatePeer({ publicKey: hub, removeAllowedIps: former.prefixes });
  }

  #addToHub(device: NodeId): void {
    const route = this.#routes.get(device);
    const publicKey = route && this.#hubPeer(route.hub);
    if (route === undefined || publicKey === undefined) return;
    this.#plane.updatePeer({ publicKey, addAllowedIps: route.prefixes });
  }

  /** @returns the key of a hub or router that is a peer of this node; one that comes later gets what is its then */
  #hubPeer(hub: NodeId): PublicKey | undefined {
    const { roster, identity } = this.#context.mesh;
    const member = hub === identity.id ? undefined : roster.get(hub);
    return member !== undefined && this.#plane.peerStatus(member.record.publicKey) !== undefined
      ? member.record.publicKey
      : undefined;
  }

  /** Begins a handshake with a member at one of its endpoints. */
  tryAt(nodeId: NodeId, endpoint: Endpoint): void {
    const { roster, identity } = this.#context.mesh;
    const member = roster.get(nodeId);
    if (member === undefined || nodeId === identity.id || member.statement?.isRootless) return;
    // As a peer it would take its addresses from its hub.
    if (this.#isElsewhere(member)) return;
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

  /** @param addresses of a member without a packet plane; undefined for any other, and for who is gone */
  #followRootless(key: string, addresses: readonly IpAddress[] | undefined): void {
    const former = this.#rootless.get(key);
    if (addresses === undefined) this.#rootless.delete(key);
    else this.#rootless.set(key, addresses);
    if (former?.join() === addresses?.join()) return;
    // Who goes may be heard of after who comes, as with new keys of one member.
    const remove = (former ?? []).filter((address) => this.#proxied.get(address.toString()) === key);
    for (const address of remove) this.#proxied.delete(address.toString());
    for (const address of addresses ?? []) this.#proxied.set(address.toString(), key);
    this.#plane.changeProxy({ remove, add: addresses ?? [] });
  }

  #setPeer(member: Member): void {
    const { record, statement } = member;
    const key = record.publicKey.toString();
    if (statement?.isRootless && !this.#rootless.has(key)) {
      // What was known of a packet plane that it had before is forgotten: without an endpoint there is no handshake.
      this.#plane.removePeer(record.publicKey);
      this.#rotations.delete(key);
    }
    this.#followRootless(key, statement?.isRootless ? record.addresses : undefined);
    let rotation = this.#rotations.get(key);
    if (rotation === undefined) this.#rotations.set(key, rotation = new EndpointRotation());
    const endpoint = rotation.update(this.#context.endpoints.tunnelEndpoints(member));
    // A peer with a session is where its packets last came from, whatever it states.
    const keepsEndpoint = endpoint === undefined || this.#plane.peerStatus(record.publicKey)?.hasSession;
    const presharedKey = this.#secrets.get(record.nodeId);
    this.#plane.setPeer({
      publicKey: record.publicKey,
      allowedIps: [
        ...ownPrefixes(record),
        ...this.#routes.behind(record.nodeId),
        ...this.#carried.get(record.nodeId) ?? [],
      ],
      isForwarded: record.hub !== undefined,
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
