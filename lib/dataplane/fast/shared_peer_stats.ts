/**
 * How the peers are doing, in memory that the worker writes and everybody may read.
 * @module
 */

import { unixMillis } from "../../base/mod.ts";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import type { PeerStatus } from "../../wireguard/mod.ts";

/** So many peers have room; 96 bytes each, and the system gives memory only for those that exist. */
export const MAX_PEERS = 65_536;
const PEER_WORDS = 24;
// 32-bit words of one peer.
const VERSION = 0;
const FLAGS = 1;
const GENERATION = 2;
/** Two endpoints: where packets go, and where they came from. */
const ENDPOINT = 3;
const SOURCE = 10;
const HAS_SESSION = 1;
const HAS_HANDSHAKE = 2;
// 32-bit words of one endpoint.
const FAMILY = 0;
const PORT = 1;
const ZONE = 2;
const ADDRESS = 3; // four words, IPv4 in the first
// 64-bit floats of one peer, behind the words of both endpoints.
const RX_BYTES = 9;
const TX_BYTES = 10;
const HANDSHAKE_AT = 11;

/** How much a peer has carried, when it shook hands and where it is. */
export type PeerStats = Pick<
  PeerStatus,
  "rxBytes" | "txBytes" | "lastHandshakeAt" | "hasSession" | "endpoint" | "source"
>;

const NO_STATS: PeerStats = {
  rxBytes: 0,
  txBytes: 0,
  lastHandshakeAt: undefined,
  hasSession: false,
  endpoint: undefined,
  source: undefined,
};

/** @returns the slot of the same memory for the next peer there, which sees nothing of the former one */
export function nextGeneration(slot: number): number {
  return slot + MAX_PEERS;
}

/** @returns the memory that both sides share */
export function peerStatsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(MAX_PEERS * PEER_WORDS * 4);
}

/**
 * One writer; readers notice when they were overtaken, and read again. A slot is an index of the memory, plus
 * `MAX_PEERS` for each peer that has had it before: its generation.
 */
export class SharedPeerStats {
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  /** The writer's: which endpoint each index shows, so that it is written when it changes and not with each packet. */
  readonly #endpoints: (Endpoint | undefined)[] = [];
  readonly #sources: (Endpoint | undefined)[] = [];

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#floats = new Float64Array(memory);
  }

  /** The writer's: shows new stats. */
  write(slot: number, stats: PeerStats): void {
    const index = slot % MAX_PEERS;
    const words = index * PEER_WORDS;
    const floats = words / 2;
    const { endpoint, source } = stats;
    // An odd version says that the rest is being written.
    Atomics.add(this.#words, words + VERSION, 1);
    this.#words[words + FLAGS] = (stats.hasSession ? HAS_SESSION : 0) |
      (stats.lastHandshakeAt === undefined ? 0 : HAS_HANDSHAKE);
    this.#words[words + GENERATION] = Math.floor(slot / MAX_PEERS);
    if (endpoint !== this.#endpoints[index]) this.#writeEndpoint(words + ENDPOINT, endpoint);
    if (source !== this.#sources[index]) this.#writeEndpoint(words + SOURCE, source);
    this.#endpoints[index] = endpoint;
    this.#sources[index] = source;
    this.#floats[floats + RX_BYTES] = stats.rxBytes;
    this.#floats[floats + TX_BYTES] = stats.txBytes;
    this.#floats[floats + HANDSHAKE_AT] = stats.lastHandshakeAt ?? 0;
    Atomics.add(this.#words, words + VERSION, 1);
  }

  #writeEndpoint(words: number, endpoint: Endpoint | undefined): void {
    this.#words[words + FAMILY] = endpoint?.address.family ?? 0;
    this.#words[words + PORT] = endpoint?.port ?? 0;
    this.#words[words + ZONE] = endpoint?.zone ?? 0;
    if (endpoint === undefined) return;
    const { bytes } = endpoint.address;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let i = 0; i * 4 < view.byteLength; i++) this.#words[words + ADDRESS + i] = view.getInt32(i * 4);
  }

  /** @returns stats that belong together; none before the writer has shown this peer's */
  read(slot: number): PeerStats {
    const words = (slot % MAX_PEERS) * PEER_WORDS;
    const floats = words / 2;
    for (;;) {
      const version = Atomics.load(this.#words, words + VERSION);
      if ((version & 1) !== 0) continue;
      const isCurrent = this.#words[words + GENERATION] === (Math.floor(slot / MAX_PEERS) | 0);
      const flags = this.#words[words + FLAGS] ?? 0;
      const handshakeAt = unixMillis(this.#floats[floats + HANDSHAKE_AT] ?? 0);
      const stats: PeerStats = {
        rxBytes: this.#floats[floats + RX_BYTES] ?? 0,
        txBytes: this.#floats[floats + TX_BYTES] ?? 0,
        lastHandshakeAt: (flags & HAS_HANDSHAKE) === 0 ? undefined : handshakeAt,
        hasSession: (flags & HAS_SESSION) !== 0,
        endpoint: this.#readEndpoint(words + ENDPOINT),
        source: this.#readEndpoint(words + SOURCE),
      };
      if (Atomics.load(this.#words, words + VERSION) === version) return isCurrent ? stats : NO_STATS;
    }
  }

  #readEndpoint(words: number): Endpoint | undefined {
    const family = this.#words[words + FAMILY] ?? 0;
    if (family === 0) return undefined;
    const bytes = new Uint8Array(family === 4 ? 4 : 16);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i * 4 < bytes.length; i++) view.setInt32(i * 4, this.#words[words + ADDRESS + i] ?? 0);
    const zone = this.#words[words + ZONE] ?? 0;
    return new Endpoint(IpAddress.fromBytes(bytes), this.#words[words + PORT] ?? 0, { zone });
  }
}
