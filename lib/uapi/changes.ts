/**
 * What a `set` asks for, after its text was understood as a whole.
 * @module
 */

import type { PresharedKey, PrivateKey, PublicKey } from "../crypto/mod.ts";
import type { Cidr, Endpoint } from "../net/mod.ts";

/** Changes of a device, in the order in which they are made; what is undefined stays as it is. */
export interface DeviceChanges {
  /** Null takes the key away. */
  privateKey: PrivateKey | null | undefined;
  /** 0 for any free port. */
  listenPort: number | undefined;
  /** 0 for none. */
  fwmark: number | undefined;
  /** Whether peers that are not named go. */
  replacePeers: boolean;
  readonly peers: PeerChanges[];
}

/** Changes of one peer, which is made when there is none. */
export interface PeerChanges {
  readonly publicKey: PublicKey;
  /** Nothing else counts then. */
  remove: boolean;
  /** Nothing happens when there is no such peer. */
  updateOnly: boolean;
  presharedKey: PresharedKey | undefined;
  endpoint: Endpoint | undefined;
  /** 0 for none. */
  persistentKeepaliveSeconds: number | undefined;
  /** Whether the prefixes that the peer has go first. */
  replaceAllowedIps: boolean;
  /** In their order: one that is added may be removed again. */
  readonly allowedIps: AllowedIpChange[];
}

/** One prefix that a peer gets or loses. */
export interface AllowedIpChange {
  readonly cidr: Cidr;
  readonly isRemoval: boolean;
}

/** @returns changes that change nothing */
export function noChanges(): DeviceChanges {
  return {
    privateKey: undefined,
    listenPort: undefined,
    fwmark: undefined,
    replacePeers: false,
    peers: [],
  };
}
