/**
 * Receiving from one socket: one call brings a GRO batch, many datagrams of one size that the host has joined (Linux
 * UDP_GRO), or many single datagrams where it has not (recvmmsg(2)).
 * @module
 */

import {
  ERRNO,
  IP_PKTINFO,
  IPV6_PKTINFO,
  MMSGHDR_BYTES,
  MSGHDR,
  type ReceivedEndpoint,
  SOCKADDR_BYTES,
  SocketAddressReader,
  SOL_IP,
  SOL_IPV6,
  SOL_UDP,
  UDP_GRO,
  VECTOR_BYTES,
  writeAddress,
} from "../../../host/mod.ts";
import type { GsoSenderParts } from "./gso_sender.ts";

/** One batch is at most so long. */
const MAX_BATCH_BYTES = 65_536;
/** One call brings so many batches at most. */
const MAX_BATCHES = 32;
/** From one batch's place to the next: not a power of two, which would put all of them into the same lines of a cache. */
export const PLACE_BYTES: number = MAX_BATCH_BYTES + 1536;
/** How much room received batches take. */
export const RECEIVE_ROOM_BYTES: number = MAX_BATCHES * PLACE_BYTES;

/** Errors of earlier sends are passed over, but not for ever. */
const MAX_ATTEMPTS = 64;
/** A socket that does nothing but fail would be asked again at once, for ever; it is left alone so long. */
const REST_MS = 10;

// Where the structures lie from the start of the area, one of each for each batch.
const NAME_BYTES = 32;
const CONTROL_BYTES = 96;
const VECTORS: number = MAX_BATCHES * MMSGHDR_BYTES;
const NAMES: number = VECTORS + MAX_BATCHES * VECTOR_BYTES;
const CONTROLS: number = NAMES + MAX_BATCHES * NAME_BYTES;
/** How much memory the structures take. */
export const RECEIVER_AREA_BYTES: number = CONTROLS + MAX_BATCHES * CONTROL_BYTES;

/** What a call has received: batches in the order of their coming and of their places in the cipher's memory. */
export interface ReceivedBatches {
  /** Where batch `index` begins. */
  at(index: number): number;
  /** How long batch `index` is; 0 for an empty datagram. */
  lengthBytes(index: number): number;
  /** Datagrams of batch `index` have this size, only the last may be shorter. */
  segmentBytes(index: number): number;
  /** How many datagrams batch `index` has. */
  datagrams(index: number): number;
  /** Who sent batch `index`; answers will leave from the address that it came to. */
  source(index: number): ReceivedEndpoint;
}

/** Descriptor and memory of a receiver. */
export interface GroReceiverParts extends Pick<GsoSenderParts, "io" | "memory" | "base" | "area" | "fd"> {
  /** Where received datagrams go: room for `RECEIVE_ROOM_BYTES`. */
  readonly receiveAt: number;
}

/** One socket's way in. What it tells of batches holds until the next call of `receive`. */
export class GroReceiver implements ReceivedBatches {
  /** Whether the last call has brought all there was. */
  isDrained = false;
  readonly #parts: GroReceiverParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #reader = new SocketAddressReader();
  readonly #segmentBytes = new Int32Array(MAX_BATCHES);
  /** Where the address of this host stands that a batch came to; 0 when it is not known. */
  readonly #localAt = new Int32Array(MAX_BATCHES);
  /** Datagrams came one by one last time, so that many are asked for. */
  #areSingle = false;
  /** So many headers were used by the host, which has written into them. */
  #used = 0;

  constructor(parts: GroReceiverParts) {
    this.#parts = parts;
    this.#bytes = new Uint8Array(parts.memory.buffer);
    const view = this.#view = new DataView(parts.memory.buffer);
    const { area, base, receiveAt } = parts;
    for (let i = 0; i < MAX_BATCHES; i++) {
      const header = area + i * MMSGHDR_BYTES;
      const vector = area + VECTORS + i * VECTOR_BYTES;
      writeAddress(view, header + MSGHDR.NAME, base + area + NAMES + i * NAME_BYTES);
      writeAddress(view, header + MSGHDR.VECTOR, base + vector);
      view.setBigUint64(header + MSGHDR.VECTOR_LENGTH, 1n, true);
      writeAddress(view, header + MSGHDR.CONTROL, base + area + CONTROLS + i * CONTROL_BYTES);
      writeAddress(view, vector, base + receiveAt + i * PLACE_BYTES);
      view.setBigUint64(vector + 8, BigInt(MAX_BATCH_BYTES), true);
    }
    this.#used = MAX_BATCHES;
  }

  /**
   * Receives what waits.
   * @param fd another socket than its own
   * @returns how many batches there are, in the order of their coming and of their places
   */
  receive(fd: number = this.#parts.fd): number {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      this.#makeReady();
      const count = this.#areSingle ? this.#receiveMany(fd) : this.#receiveOne(fd);
      if (count > 0) {
        this.#used = count;
        this.isDrained = this.#areSingle && count < MAX_BATCHES;
        this.#areSingle = true;
        for (let i = 0; i < count; i++) this.#readControl(i);
        return count;
      }
      // What an earlier send met (ECONNREFUSED and the like) is told once and has nothing to do with this.
      if (this.#parts.io.errno === ERRNO.EAGAIN) return 0;
    }
    const { io, base, area } = this.#parts;
    io.poll(base + area, 0, REST_MS);
    return 0;
  }

  at(index: number): number {
    return this.#parts.receiveAt + index * PLACE_BYTES;
  }

  lengthBytes(index: number): number {
    return this.#view.getUint32(this.#parts.area + index * MMSGHDR_BYTES + MSGHDR.CARRIED, true);
  }

  segmentBytes(index: number): number {
    return this.#segmentBytes[index] ?? 0;
  }

  datagrams(index: number): number {
    return Math.ceil(this.lengthBytes(index) / Math.max(1, this.segmentBytes(index)));
  }

  source(index: number): ReceivedEndpoint {
    const name = this.#parts.area + NAMES + index * NAME_BYTES;
    return this.#reader.read(this.#bytes, name, this.#localAt[index]);
  }

  #receiveOne(fd: number): number {
    const { io, base, area } = this.#parts;
    const lengthBytes = io.recvmsg(fd, base + area);
    if (lengthBytes < 0) return 0;
    this.#view.setUint32(area + MSGHDR.CARRIED, lengthBytes, true);
    return 1;
  }

  #receiveMany(fd: number): number {
    const { io, base, area } = this.#parts;
    return Math.max(0, io.recvmmsg(fd, base + area, MAX_BATCHES));
  }

  /** Says how much room there is, where the host has written how much it took. */
  #makeReady(): void {
    for (let i = 0; i < this.#used; i++) {
      const header = this.#parts.area + i * MMSGHDR_BYTES;
      this.#view.setUint32(header + MSGHDR.NAME_LENGTH, SOCKADDR_BYTES, true);
      this.#view.setUint32(header + MSGHDR.CONTROL_LENGTH, CONTROL_BYTES, true);
    }
    this.#used = 1;
  }

  /** Reads the size of the segments and the address of this host from the control messages of batch `index`. */
  #readControl(index: number): void {
    const { area } = this.#parts;
    const lengthBytes = this.lengthBytes(index);
    let segmentBytes = lengthBytes;
    let localAt = 0;
    const start = area + CONTROLS + index * CONTROL_BYTES;
    const end = start + this.#view.getUint32(area + index * MMSGHDR_BYTES + MSGHDR.CONTROL_LENGTH, true);
    // struct cmsghdr: length, level, type
    for (let at = start; at + 20 <= end;) {
      const length = this.#view.getUint32(at, true);
      const level = this.#view.getInt32(at + 8, true);
      const type = this.#view.getInt32(at + 12, true);
      if (level === SOL_UDP && type === UDP_GRO) segmentBytes = this.#view.getInt32(at + 16, true);
      else if (level === SOL_IPV6 && type === IPV6_PKTINFO) localAt = at + 16;
      else if (level === SOL_IP && type === IP_PKTINFO) localAt = at + 20;
      if (length < 16) break;
      at += (length + 7) & ~7;
    }
    if (segmentBytes < lengthBytes) this.#areSingle = false;
    this.#segmentBytes[index] = segmentBytes > 0 ? segmentBytes : lengthBytes;
    this.#localAt[index] = localAt;
  }
}
