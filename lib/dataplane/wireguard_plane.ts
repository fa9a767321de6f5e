/**
 * The packet plane as WireGuard's own tools see it: everything may change while it runs.
 * @module
 */

import type { PresharedKey, PrivateKey, PublicKey } from "../crypto/mod.ts";
import type { DatagramSocket } from "../transport/mod.ts";
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
  /** Sends and receives by another socket from now on, and closes the former. Sessions go on. */
  replaceSocket(socket: DatagramSocket): void;
  /** Ends every session and closes the socket: the interface went down. */
  suspend(): void;
  /** Goes on with a new socket: the interface came up. */
  resume(socket: DatagramSocket): void;
}
