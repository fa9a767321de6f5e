/**
 * What a device is given, and what it lends its peers.
 * @module
 */

import type { Counters, Millis, RandomSource, UnixMillis } from "../base/mod.ts";
import type { Aead, PrivateKey } from "../crypto/mod.ts";
import type { ProtocolTimers } from "./constants.ts";
import type { IndexTable } from "./index_table.ts";
import type { Keypair } from "./keypair.ts";
import type { DeviceEvent, DropReason } from "./outcomes.ts";
import type { Padder } from "./padding.ts";
import type { Tai64nClock } from "./tai64n.ts";
import type { TransmitQueue } from "./transmit_queue.ts";

/** A device's key, sources of randomness and time, and limits. */
export interface DeviceOptions {
  /** Without one there are no handshakes until `setPrivateKey`. */
  readonly privateKey?: PrivateKey;
  readonly random: RandomSource;
  /** The wall time, for the timestamps of initiations. */
  readonly wall: () => UnixMillis;
  readonly aead?: Aead;
  /** The longest inner packet, 576 to 65,000; 1420 unless given. */
  readonly mtuBytes?: number;
  /** Shortens the protocol's intervals in a test. */
  readonly timers?: Partial<ProtocolTimers>;
  /** Handshake messages a second that are answered without a cookie. */
  readonly handshakesPerSecond?: number;
}

/** What an index stands for: an initiation that waits for its response, or a session. */
export interface IndexEntry<Peer> {
  readonly peer: Peer;
  readonly keypair: Keypair | undefined;
}

/** Shared by all peers of a device. */
export interface DeviceContext<Peer> {
  privateKey: PrivateKey;
  /** Whether no handshake is begun: there is no private key, or the interface is down. */
  isSilent: boolean;
  readonly random: RandomSource;
  readonly wall: () => UnixMillis;
  readonly aead: Aead;
  readonly timers: ProtocolTimers;
  readonly timestamps: Tai64nClock;
  readonly indices: IndexTable<IndexEntry<Peer>>;
  readonly transmits: TransmitQueue;
  padder: Padder;
  readonly counters: Counters<DropReason>;
  readonly emit: (event: DeviceEvent) => void;
  /** Tells that some timer runs out at `deadline`, perhaps earlier than all others. */
  readonly noteDeadline: (deadline: Millis) => void;
}
