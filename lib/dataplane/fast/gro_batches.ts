/**
 * From GRO batches to packets for the host: datagrams of one session and one source are gathered, and opened together.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import { clampTcpMss, type Endpoint, ipPacketLength, ipVersion } from "../../net/mod.ts";
import type { BatchSession, Device } from "../../wireguard/mod.ts";
import type { BatchCipher } from "../../crypto/mod.ts";
import type { FrameEngine } from "./frames/mod.ts";
import type { GroReceiver } from "./gro_receiver.ts";

const TRANSPORT = 4;
const TRANSPORT_HEADER_BYTES = 16;
const TAG_BYTES = 16;

/** Who opens batches, and who takes what carries no packet. */
export interface GroBatchesParts {
  readonly cipher: BatchCipher;
  readonly device: Device;
  /** Takes packets of overlay networks, unless there is none. */
  readonly frames: Pick<FrameEngine, "isIdle" | "takePacketOfMember">;
  /** Takes a datagram of a batch that carries no packet, at `at` in the cipher's memory; sessions stay as they are. */
  onControl(now: Millis, at: number, lengthBytes: number, batch: number): void;
  /** Sees each peer of which something authentic came. */
  onOpened(peer: BatchSession["peer"]): void;
}

/** Opens batches in the order in which they came, and has the cipher join their packets to frames. */
export class GroBatches {
  readonly #parts: GroBatchesParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  // Datagrams of one session and one source, in the cipher's table, that are opened together.
  #session: BatchSession | undefined;
  #sessionIndex = -1;
  #source: Endpoint | undefined;
  #gathered = 0;

  constructor(parts: GroBatchesParts) {
    this.#parts = parts;
    this.#bytes = new Uint8Array(parts.cipher.memory.buffer);
    this.#view = new DataView(parts.cipher.memory.buffer);
  }

  /** Takes one of the batches that were received. What is left of it afterwards waits for more, or `open`. */
  take(now: Millis, receiver: GroReceiver, batch: number): void {
    const { cipher: { openTable: table }, device, onControl } = this.#parts;
    const start = receiver.at(batch);
    const lengthBytes = receiver.lengthBytes(batch);
    const segmentBytes = receiver.segmentBytes(batch);
    // Looked up when it is needed: for a flood of garbage that would be most of the work.
    let source: Endpoint | undefined;
    this.#sessionIndex = -1;
    if (lengthBytes === 0) device.counters.count("malformed-datagram");
    for (let at = start; at < start + lengthBytes; at += segmentBytes) {
      const datagramBytes = Math.min(segmentBytes, start + lengthBytes - at);
      if (
        datagramBytes < TRANSPORT_HEADER_BYTES + TAG_BYTES ||
        this.#view.getUint32(at, true) !== TRANSPORT
      ) {
        onControl(now, at, datagramBytes, batch);
        continue;
      }
      const index = this.#view.getUint32(at + 4, true);
      if (index !== this.#sessionIndex || this.#session === undefined) {
        const session = device.batches.sessionAt(now, index);
        if (session !== this.#session) this.open(now);
        this.#sessionIndex = index;
        this.#session = session;
      }
      const session = this.#session;
      if (session === undefined) continue;
      const high = this.#view.getUint32(at + 12, true);
      // Beyond every counter that is accepted.
      if (high >= 0x1f_ffff) {
        device.counters.count("expired-session");
        continue;
      }
      const counter = high * 0x1_0000_0000 + this.#view.getUint32(at + 8, true);
      if (!session.keypair.receiving.isFresh(counter)) {
        device.counters.count("replayed-datagram");
        continue;
      }
      source ??= receiver.source(batch);
      if (source !== this.#source) this.open(now);
      this.#source = source;
      table.at[this.#gathered] = at;
      table.lengthBytes[this.#gathered] = datagramBytes;
      table.counters[this.#gathered++] = counter;
    }
  }

  /** Opens what was gathered, and hands it to the joining of frames. */
  open(now: Millis): void {
    const { cipher, device, onOpened } = this.#parts;
    const session = this.#session;
    const source = this.#source;
    const count = this.#gathered;
    this.#gathered = 0;
    if (session === undefined || source === undefined || count === 0) return;
    const { peer, keypair } = session;
    const { at, lengthBytes, counters, plaintextBytes } = cipher.openTable;
    cipher.openBatch(keypair.receiveKey, count);
    let authenticBytes = 0;
    let hasPackets = false;
    for (let i = 0; i < count; i++) {
      const plaintext = plaintextBytes[i] ?? -1;
      const counter = counters[i] ?? 0;
      if (plaintext < 0) {
        device.counters.count("wrong-tag");
        continue;
      }
      // Twice in the same batch.
      if (!keypair.receiving.isFresh(counter)) {
        device.counters.count("replayed-datagram");
        continue;
      }
      keypair.receiving.accept(counter);
      authenticBytes += lengthBytes[i] ?? 0;
      if (plaintext === 0) continue;
      hasPackets = true;
      this.#takeInner(now, peer, (at[i] ?? 0) + TRANSPORT_HEADER_BYTES, plaintext);
    }
    if (authenticBytes === 0) return;
    peer.noteOpened(now, keypair, source, authenticBytes, hasPackets);
    onOpened(peer);
  }

  /** Opens what was gathered, and forgets whose it was: the next batches come from another call. */
  finish(now: Millis): void {
    this.open(now);
    this.#session = this.#source = undefined;
  }

  #takeInner(now: Millis, peer: BatchSession["peer"], at: number, paddedBytes: number): void {
    const { device, cipher, frames } = this.#parts;
    const version = ipVersion(this.#bytes, at);
    const length = ipPacketLength(this.#bytes, at, paddedBytes);
    if (length === undefined || version === 0) return device.counters.count("malformed-inner-packet");
    if (!device.batches.isFrom(peer, this.#bytes, at, version, length)) return;
    const { pathMtuBytes: limit } = peer;
    if (limit !== Infinity) clampTcpMss(this.#bytes, at, length, { version, mtuBytes: limit });
    if (!frames.isIdle && frames.takePacketOfMember(now, at, length, version)) return;
    cipher.addPacket(at, length);
  }
}
