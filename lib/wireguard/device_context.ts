/**
 * What a device is given, and what it lends its peers: among other things the indices at which they address it (WireGuard
 * paper §5.4.2), and the padding of inner packets, so that their lengths tell less (§5.4.6).
 * @module
 */

import { type Counters, type Millis, type RandomSource, randomUint32, type UnixMillis } from "../base/mod.ts";
import type { Aead, PrivateKey } from "../crypto/mod.ts";
import { PADDING_BYTES, type ProtocolTimers } from "./constants.ts";
import type { DatagramQueue } from "./datagram_queue.ts";
import type { Keypair } from "./keypair.ts";
import type { DeviceEvent, DropReason } from "./outcomes.ts";
import type { Tai64nClock } from "./tai64n.ts";

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
  readonly transmits: DatagramQueue;
  padder: Padder;
  readonly counters: Counters<DropReason>;
  readonly emit: (event: DeviceEvent) => void;
  /** Tells that some timer runs out at `deadline`, perhaps earlier than all others. */
  readonly noteDeadline: (deadline: Millis) => void;
  /** Those whose sessions or endpoints have changed, where somebody wants to know. */
  changed?: Set<Peer>;
}

/** Random, unique indices and what they stand for. */
export class IndexTable<Entry> {
  readonly #entries = new Map<number, Entry>();
  readonly #random: RandomSource;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** How many indices are in use. */
  get size(): number {
    return this.#entries.size;
  }

  /** @returns an index that nobody else has, now in use for `entry` */
  allocate(entry: Entry): number {
    for (;;) {
      const index = randomUint32(this.#random);
      if (this.#entries.has(index)) continue;
      this.#entries.set(index, entry);
      return index;
    }
  }

  /** Lets `index` stand for something else. */
  replace(index: number, entry: Entry): void {
    this.#entries.set(index, entry);
  }

  get(index: number): Entry | undefined {
    return this.#entries.get(index);
  }

  /** Frees an index; harmless when it is free. */
  release(index: number): void {
    this.#entries.delete(index);
  }
}

/** Pads to multiples of 16 bytes, though never beyond the MTU; one memory and its views serve every packet. */
export class Padder {
  readonly #mtuBytes: number;
  readonly #memory: Uint8Array;
  readonly #views: (Uint8Array | undefined)[];

  constructor(mtuBytes: number) {
    this.#mtuBytes = mtuBytes;
    this.#memory = new Uint8Array(mtuBytes);
    this.#views = new Array(Math.ceil(mtuBytes / PADDING_BYTES) + 1);
  }

  /**
   * @param limitBytes it is not padded beyond this either
   * @returns `packet` itself when it needs no padding, else a padded copy that is valid until the next call
   */
  pad(packet: Uint8Array, limitBytes: number): Uint8Array {
    const units = Math.ceil(packet.length / PADDING_BYTES);
    const length = Math.min(units * PADDING_BYTES, this.#mtuBytes);
    if (length <= packet.length || length > limitBytes) return packet;
    const padded = this.#views[units] ??= this.#memory.subarray(0, length);
    padded.set(packet);
    padded.fill(0, packet.length);
    return padded;
  }
}
