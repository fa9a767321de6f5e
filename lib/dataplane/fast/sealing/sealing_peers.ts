/**
 * The peers as a sealing worker knows them: which prefixes they have, and the sessions that are shared with it.
 * @module
 */

import type { Millis } from "../../../base/mod.ts";
import type { Cidr, Endpoint } from "../../../net/mod.ts";
import { ipDestinationOffset, type IpFamily, ipSourceOffset } from "../../../net/mod.ts";
import { AllowedIps, type WireGuardPeerUpdate } from "../../../wireguard/mod.ts";
import type { SealingPeer, SealingPeers, SealingSession } from "../session_sealer.ts";
import type { SharedSession, SharedSessions } from "./shared_session.ts";

/** One of them. */
export class SharedPeer implements SealingPeer {
  readonly prefixes: Map<string, Cidr> = new Map();
  readonly slot: number;
  /** Bytes of datagrams since they were told. */
  sentBytes = 0;
  readonly #sessions: SharedSessions;
  readonly #lifeMs: number;
  #session: SharedSession | undefined;

  constructor(slot: number, sessions: SharedSessions, lifeMs: number) {
    this.slot = slot;
    this.#sessions = sessions;
    this.#lifeMs = lifeMs;
  }

  get endpoint(): Endpoint | undefined {
    return this.#session?.endpoint;
  }

  get pathMtuBytes(): number {
    return this.#session?.pathMtuBytes ?? Infinity;
  }

  /** `endpoint` and `pathMtuBytes` are those of the session that it returns. */
  sessionForBatch(now: Millis): SealingSession | undefined {
    const session = this.#session = this.#sessions.find(this.slot);
    if (session === undefined || now - session.createdAt >= this.#lifeMs) return undefined;
    return session.counter.isSpent ? undefined : session;
  }

  noteSealed(
    _now: Millis,
    _session: SealingSession,
    { lengthBytes }: { readonly lengthBytes: number },
  ): void {
    this.sentBytes += lengthBytes;
  }
}

/** Follows the configuration by commands. */
export class SharedPeers implements SealingPeers<SharedPeer> {
  readonly #allowedIps = new AllowedIps<SharedPeer>();
  readonly #peers = new Map<string, SharedPeer>();
  readonly #sessions: SharedSessions;
  readonly #lifeMs: number;

  /** @param lifeMs how long a session carries packets */
  constructor(sessions: SharedSessions, lifeMs: number) {
    this.#sessions = sessions;
    this.#lifeMs = lifeMs;
  }

  peerFor(memory: Uint8Array, at: number, version: IpFamily): SharedPeer | undefined {
    return this.#allowedIps.lookupBytes(memory, at + ipDestinationOffset(version), version);
  }

  /** @returns who may send the packet of this `version` that begins at `at` */
  senderOf(memory: Uint8Array, at: number, version: IpFamily): SharedPeer | undefined {
    return this.#allowedIps.lookupBytes(memory, at + ipSourceOffset(version), version);
  }

  peerAt(address: Uint8Array): SharedPeer | undefined {
    return this.#allowedIps.lookupBytes(address, 0, address.length === 4 ? 4 : 6);
  }

  /** Changes the prefixes of a peer, or adds it. @param slot where its session is told */
  update(slot: number, update: WireGuardPeerUpdate): void {
    const key = update.publicKey.toString();
    let peer = this.#peers.get(key);
    if (peer?.slot !== slot) {
      this.remove(key);
      this.#peers.set(key, peer = new SharedPeer(slot, this.#sessions, this.#lifeMs));
    }
    if (update.replaceAllowedIps) this.#allowedIps.clear(peer);
    for (const cidr of update.addAllowedIps ?? []) this.#allowedIps.add(cidr, peer);
    for (const cidr of update.removeAllowedIps ?? []) this.#allowedIps.remove(cidr, peer);
  }

  /** @param key its public key as text */
  remove(key: string): void {
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    this.#peers.delete(key);
    this.#allowedIps.clear(peer);
  }
}
