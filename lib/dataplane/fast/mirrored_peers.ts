/**
 * The peers as the control thread has configured them, so that nobody waits for the worker's answer; how they are doing is
 * read from memory that the worker writes.
 * @module
 */

import { PresharedKey, type PublicKey } from "../../crypto/mod.ts";
import type { Cidr, Endpoint } from "../../net/mod.ts";
import { AllowedIps, type PeerStatus, type WireGuardPeerUpdate } from "../../wireguard/mod.ts";
import { MAX_PEERS, nextGeneration, type SharedPeerStats } from "./shared_peer_stats.ts";

/** A peer as it was configured. */
interface MirroredPeer {
  readonly publicKey: PublicKey;
  /** In `SharedPeerStats`. */
  readonly slot: number;
  readonly prefixes: Map<string, Cidr>;
  presharedKey: PresharedKey;
  endpoint: Endpoint | undefined;
  persistentKeepaliveSeconds: number;
}

/** Belongs to one plane. */
export class MirroredPeers {
  readonly #stats: SharedPeerStats;
  readonly #peers = new Map<string, MirroredPeer>();
  readonly #allowedIps = new AllowedIps<MirroredPeer>();
  readonly #freeSlots: number[] = [];
  #nextSlot = 0;

  /** @param stats what the worker writes */
  constructor(stats: SharedPeerStats) {
    this.#stats = stats;
  }

  /**
   * Makes a change.
   * @returns the slot of the peer's statistics
   * @throws RangeError when there are too many peers
   */
  update(update: WireGuardPeerUpdate): number {
    const { publicKey, presharedKey, endpoint, persistentKeepaliveSeconds } = update;
    const peer = this.#peers.get(publicKey.toString()) ?? this.#add(publicKey);
    if (presharedKey !== undefined) peer.presharedKey = presharedKey;
    if (endpoint !== undefined) peer.endpoint = endpoint;
    if (persistentKeepaliveSeconds !== undefined) {
      peer.persistentKeepaliveSeconds = persistentKeepaliveSeconds;
    }
    if (update.replaceAllowedIps) this.#allowedIps.clear(peer);
    for (const cidr of update.addAllowedIps ?? []) this.#allowedIps.add(cidr, peer);
    for (const cidr of update.removeAllowedIps ?? []) this.#allowedIps.remove(cidr, peer);
    return peer.slot;
  }

  /** @returns whether there was such a peer */
  remove(publicKey: PublicKey): boolean {
    const peer = this.#peers.get(publicKey.toString());
    if (peer === undefined) return false;
    this.#peers.delete(publicKey.toString());
    this.#allowedIps.clear(peer);
    this.#freeSlots.push(nextGeneration(peer.slot));
    return true;
  }

  /** @returns the preshared key of a peer, or undefined when there is no such peer; never log it */
  presharedKey(publicKey: PublicKey): PresharedKey | undefined {
    return this.#peers.get(publicKey.toString())?.presharedKey;
  }

  /** @returns how a peer is doing, or undefined when there is none */
  status(publicKey: PublicKey): PeerStatus | undefined {
    const peer = this.#peers.get(publicKey.toString());
    return peer && this.#statusOf(peer);
  }

  statuses(): readonly PeerStatus[] {
    return [...this.#peers.values()].map((peer) => this.#statusOf(peer));
  }

  #add(publicKey: PublicKey): MirroredPeer {
    if (this.#peers.size >= MAX_PEERS) throw new RangeError(`Cannot add a peer: ${MAX_PEERS} are the most`);
    const slot = this.#freeSlots.pop() ?? this.#nextSlot++;
    const peer: MirroredPeer = {
      publicKey,
      slot,
      prefixes: new Map(),
      presharedKey: PresharedKey.none(),
      endpoint: undefined,
      persistentKeepaliveSeconds: 0,
    };
    this.#peers.set(publicKey.toString(), peer);
    return peer;
  }

  #statusOf(peer: MirroredPeer): PeerStatus {
    const { publicKey, prefixes, persistentKeepaliveSeconds } = peer;
    const stats = this.#stats.read(peer.slot);
    const endpoint = stats.endpoint ?? peer.endpoint;
    return { ...stats, publicKey, endpoint, allowedIps: [...prefixes.values()], persistentKeepaliveSeconds };
  }
}
