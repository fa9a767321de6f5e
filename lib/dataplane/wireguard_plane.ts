/**
 * The packet plane as WireGuard's own tools see it: everything may change while it runs.
 * @module
 */

import type { PresharedKey, PrivateKey, PublicKey } from "../crypto/mod.ts";
import type { WireGuardPeerUpdate } from "../wireguard/mod.ts";
import type { PacketPlane } from "./packet_plane.ts";

/** A packet plane that is configured from outside. All calls are synchronous turns. */
export interface WireGuardPlane extends PacketPlane {
  /** The private key, if there is one; never log it. */
  readonly privateKey: PrivateKey | undefined;
  /** Where it listens; 0 while it is suspended. */
  readonly localPort: number;
  /** @returns the preshared key of a peer, or undefined when there is no such peer; never log it */
  presharedKey(publicKey: PublicKey): PresharedKey | undefined;
  /** Takes another private key, or none; every session ends. */
  setPrivateKey(key: PrivateKey | undefined): void;
  /** Changes what `update` names of a peer, or adds the peer; nothing when the key is the device's own. */
  updatePeer(update: WireGuardPeerUpdate): void;
  /** Takes inner packets of up to `mtuBytes` from now on. */
  setMtu(mtuBytes: number): void;
  /** Whether there is a socket to be had; nothing changes. @returns why not, or undefined */
  canListen(options: ListenOptions): ListenFailure | undefined;
  /**
   * Sends and receives by a new socket from now on; sessions go on. It ends a suspension.
   * @returns why there is none, and nothing changes, or undefined
   */
  listen(options: ListenOptions): ListenFailure | undefined;
  /** Marks what is sent from now on. @returns whether the kernel took it */
  setMark(fwmark: number): boolean;
  /** Ends every session and closes the socket: the interface went down. */
  suspend(): void;
}

/** The socket that is wanted. */
export interface ListenOptions {
  /** 0 for any free one. */
  readonly port: number;
  /** What datagrams are marked with, for policy routing; 0 for nothing. */
  readonly fwmark: number;
}

/** Why there is no such socket. */
export type ListenFailure = "port-taken" | "mark-refused" | "failed";
