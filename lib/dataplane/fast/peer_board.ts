/**
 * How the peers are doing, in memory that the worker writes and everybody may read.
 * @module
 */

import { Endpoint, IpAddress } from "../../net/mod.ts";

/** So many peers have room; 64 bytes each, and the system gives memory only for those that exist. */
export const MAX_PEERS = 65_536;
const PEER_WORDS = 16;
// 32-bit words of one peer.
const VERSION = 0;
const FLAGS = 1;
const PORT = 2;
const ADDRESS = 3; // four words, IPv4 in the first
const TENANT = 7;
const ZONE = 14;
const HAS_SESSION = 1;
const HAS_HANDSHAKE = 2;
const IPV4 = 4;
const IPV6 = 8;
// 64-bit floats of one peer, behind word 8.
const RX_BYTES = 4;
const TX_BYTES = 5;
const HANDSHAKE_AT = 6;

/** What the worker knows of a peer. */
export interface PeerFigures {
  readonly rxBytes: number;
  readonly txBytes: number;
  /** Milliseconds since 1970. */
  readonly lastHandshakeAt: number | undefined;
  readonly hasSession: boolean;
  readonly endpoint: Endpoint | undefined;
}

const NO_FIGURES: PeerFigures = {
  rxBytes: 0,
  txBytes: 0,
  lastHandshakeAt: undefined,
  hasSession: false,
  endpoint: undefined,
};

/** @returns the place that the slot of `place` is for the next peer, which sees nothing of its past */
export function nextTenant(place: number): number {
  return place + MAX_PEERS;
}

/** @returns the memory that both sides share */
export function boardMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(MAX_PEERS * PEER_WORDS * 4);
}

/**
 * One writer; readers notice when they were overtaken, and read again. A place is a slot of the memory, plus
 * `MAX_PEERS` for each peer that has had it before.
 */
export class PeerBoard {
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  /** The writer's: which endpoint each slot shows, so that it is written when it changes and not with each packet. */
  readonly #endpoints: (Endpoint | undefined)[] = [];

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#floats = new Float64Array(memory);
  }

  /** The writer's: shows new figures. */
  write(place: number, figures: PeerFigures): void {
    const slot = place % MAX_PEERS;
    const words = slot * PEER_WORDS;
    const floats = words / 2;
    const { endpoint } = figures;
    // An odd version says that the rest is being written.
    Atomics.add(this.#words, words + VERSION, 1);
    const address = endpoint?.address;
    this.#words[words + FLAGS] = (figures.hasSession ? HAS_SESSION : 0) |
      (figures.lastHandshakeAt === undefined ? 0 : HAS_HANDSHAKE) |
      (address === undefined ? 0 : address.family === 4 ? IPV4 : IPV6);
    this.#words[words + TENANT] = Math.floor(place / MAX_PEERS);
    if (endpoint !== this.#endpoints[slot]) this.#writeEndpoint(slot, endpoint);
    this.#floats[floats + RX_BYTES] = figures.rxBytes;
    this.#floats[floats + TX_BYTES] = figures.txBytes;
    this.#floats[floats + HANDSHAKE_AT] = figures.lastHandshakeAt ?? 0;
    Atomics.add(this.#words, words + VERSION, 1);
  }

  #writeEndpoint(slot: number, endpoint: Endpoint | undefined): void {
    const words = slot * PEER_WORDS;
    this.#endpoints[slot] = endpoint;
    this.#words[words + PORT] = endpoint?.port ?? 0;
    this.#words[words + ZONE] = endpoint?.zone ?? 0;
    if (endpoint === undefined) return;
    const { bytes } = endpoint.address;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let i = 0; i * 4 < view.byteLength; i++) this.#words[words + ADDRESS + i] = view.getInt32(i * 4);
  }

  /** @returns figures that belong together; none before the writer has shown this peer's */
  read(place: number): PeerFigures {
    const words = (place % MAX_PEERS) * PEER_WORDS;
    const floats = words / 2;
    for (;;) {
      const version = Atomics.load(this.#words, words + VERSION);
      if ((version & 1) !== 0) continue;
      const isTenant = this.#words[words + TENANT] === (Math.floor(place / MAX_PEERS) | 0);
      const flags = this.#words[words + FLAGS] ?? 0;
      const figures: PeerFigures = {
        rxBytes: this.#floats[floats + RX_BYTES] ?? 0,
        txBytes: this.#floats[floats + TX_BYTES] ?? 0,
        lastHandshakeAt: (flags & HAS_HANDSHAKE) === 0 ? undefined : this.#floats[floats + HANDSHAKE_AT],
        hasSession: (flags & HAS_SESSION) !== 0,
        endpoint: this.#readEndpoint(words, flags),
      };
      if (Atomics.load(this.#words, words + VERSION) === version) return isTenant ? figures : NO_FIGURES;
    }
  }

  #readEndpoint(words: number, flags: number): Endpoint | undefined {
    if ((flags & (IPV4 | IPV6)) === 0) return undefined;
    const bytes = new Uint8Array((flags & IPV4) !== 0 ? 4 : 16);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i * 4 < bytes.length; i++) view.setInt32(i * 4, this.#words[words + ADDRESS + i] ?? 0);
    const zone = this.#words[words + ZONE] ?? 0;
    return new Endpoint(IpAddress.fromBytes(bytes), this.#words[words + PORT] ?? 0, { zone });
  }
}
