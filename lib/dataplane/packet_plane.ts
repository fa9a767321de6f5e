/**
 * The packet plane as the agent sees it, whichever way the bytes travel underneath.
 * @module
 */

import type { Endpoint } from "../net/mod.ts";
import type { PublicKey } from "../crypto/mod.ts";
import type { DeviceEvent, PeerStatus, WireGuardPeerConfig } from "../wireguard/mod.ts";

/** Why a packet plane ended: somebody closed it, its interface vanished under it, or its thread died. */
export type PlaneEnd = "closed" | "interface-gone" | "worker-failed";

/**
 * Superpackets from and to the interface, of TCP (`tso`) and UDP (`uso`); batches of datagrams to (`gso`) and from (`gro`)
 * the network (Linux, Documentation/networking/segmentation-offloads.rst).
 */
export type Offload = "tso" | "uso" | "gso" | "gro";

/** Carries packets between the host and its peers. All calls are synchronous turns. */
export interface PacketPlane {
  /** How it runs, for the status. */
  readonly kind: "portable" | "fast";
  /** How packets are sealed, for the status. */
  readonly engine: string;
  /** What the host does for many packets at once, as it is now, for the status. */
  readonly offloads: readonly Offload[];
  /** Settles once, when the plane has stopped carrying packets. */
  readonly ended: Promise<PlaneEnd>;
  /** Adds a peer or changes it. */
  setPeer(config: WireGuardPeerConfig): void;
  /** Cuts a peer off and forgets its keys. */
  removePeer(publicKey: PublicKey): void;
  /** Sends to another endpoint from now on. */
  setEndpoint(publicKey: PublicKey, endpoint: Endpoint): void;
  /** Begins a handshake without waiting for a packet. */
  initiateHandshake(publicKey: PublicKey): void;
  /** @returns how the peer is doing, or undefined when there is none */
  peerStatus(publicKey: PublicKey): PeerStatus | undefined;
  /** @returns every peer with its counters */
  peerStatuses(): readonly PeerStatus[];
  /** @returns how many datagrams and packets were dropped, by reason */
  drops(): Readonly<Record<string, number>>;
  /** Stops carrying packets and closes the TUN and the socket. Harmless when repeated. */
  close(): void;
}

/** Hears what happens to sessions. */
export type PlaneObserver = (event: DeviceEvent) => void;
