/**
 * What a peer is told to be, and how it is doing.
 * @module
 */

import type { UnixMillis } from "../base/mod.ts";
import { PresharedKey, type PublicKey } from "../crypto/mod.ts";
import type { Cidr, Endpoint } from "../net/mod.ts";
import type { Peer } from "./peer.ts";

/** One `[Peer]` of a WireGuard configuration. */
export interface WireGuardPeerConfig {
  /** Whose packets these are. */
  readonly publicKey: PublicKey;
  /** The key that both ends share beside the handshake; absent for none. */
  readonly presharedKey?: PresharedKey;
  /** Where to send until the peer is heard from elsewhere. */
  readonly endpoint?: Endpoint;
  /** Prefixes that are sent to this peer and accepted from it; one that another peer has moves over. */
  readonly allowedIps: readonly Cidr[];
  /** 0 or absent for none. */
  readonly persistentKeepaliveSeconds?: number;
  /** Whether packets between this peer and others are passed on here; not unless given. */
  readonly isForwarded?: boolean;
}

/** What changes of a peer; what is left out stays as it is, sessions and a known endpoint too. */
export interface WireGuardPeerUpdate {
  readonly publicKey: PublicKey;
  readonly presharedKey?: PresharedKey;
  readonly endpoint?: Endpoint;
  /** Whether the prefixes that the peer has are taken away first. */
  readonly replaceAllowedIps?: boolean;
  /** Prefixes that it gets; one that another peer has moves over. */
  readonly addAllowedIps?: readonly Cidr[];
  /** Prefixes that it loses afterwards, if they are its own. */
  readonly removeAllowedIps?: readonly Cidr[];
  /** 0 for none. */
  readonly persistentKeepaliveSeconds?: number;
  /** Whether packets between this peer and others are passed on here. */
  readonly isForwarded?: boolean;
}

/** @returns the change that makes a peer so; what `config` leaves out is cleared, except for a known endpoint */
export function configUpdate(config: WireGuardPeerConfig): WireGuardPeerUpdate {
  const { allowedIps, presharedKey = PresharedKey.none(), persistentKeepaliveSeconds = 0, ...others } =
    config;
  const { isForwarded = false } = config;
  return {
    ...others,
    presharedKey,
    replaceAllowedIps: true,
    addAllowedIps: allowedIps,
    persistentKeepaliveSeconds,
    isForwarded,
  };
}

/** How a peer is doing at one moment. */
export interface PeerStatus {
  readonly publicKey: PublicKey;
  /** Where its packets go. */
  readonly endpoint: Endpoint | undefined;
  /** Where the last authentic datagram came from: another endpoint, perhaps, while the path is set. */
  readonly source: Endpoint | undefined;
  readonly allowedIps: readonly Cidr[];
  readonly persistentKeepaliveSeconds: number;
  /** When the last handshake was completed; undefined when none was. */
  readonly lastHandshakeAt: UnixMillis | undefined;
  /** Bytes of authentic datagrams received, and of datagrams sent. */
  readonly rxBytes: number;
  readonly txBytes: number;
  /** Whether there are keys to send with. */
  readonly hasSession: boolean;
}

/** @returns how `peer` is doing now */
export function peerStatus(peer: Peer): PeerStatus {
  return {
    publicKey: peer.publicKey,
    endpoint: peer.endpoint,
    source: peer.source,
    allowedIps: [...peer.prefixes.values()],
    persistentKeepaliveSeconds: peer.persistentKeepaliveMs / 1000,
    lastHandshakeAt: peer.lastHandshakeAt,
    rxBytes: peer.rxBytes,
    txBytes: peer.txBytes,
    hasSession: peer.hasSession,
  };
}
