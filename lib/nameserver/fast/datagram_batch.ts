/**
 * Many datagrams in one system call: arrays of `struct mmsghdr` with what they point to (recvmmsg(2), sendmmsg(2)).
 * @module
 */

import {
  MMSGHDR_BYTES,
  MSGHDR,
  type RawCalls,
  SOCKADDR_BYTES,
  VECTOR_BYTES,
  writeAddress,
} from "../../host/mod.ts";

/** So many datagrams come in one call. */
export const BATCH = 64;
/** Room for one datagram; a longer query is cut, and then malformed. */
export const DATAGRAM_BYTES = 2048;

const NAME_BYTES = 32;

const SIDE_BYTES = BATCH * (MMSGHDR_BYTES + VECTOR_BYTES + NAME_BYTES + DATAGRAM_BYTES);
/** How much memory a batch takes. */
export const BATCH_BYTES: number = 2 * SIDE_BYTES;

/** Where the parts of one direction begin. */
interface Side {
  readonly headers: number;
  readonly vectors: number;
  readonly names: number;
  readonly datagrams: number;
}

/** What came in one call, and what goes out in the next. */
export class DatagramBatch {
  readonly #io: RawCalls;
  readonly #base: number;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #in: Side;
  readonly #out: Side;
  #queued = 0;

  /**
   * @param memory its first byte stands at `base` in this process, and it never moves
   * @param area where `BATCH_BYTES` may be used, on a multiple of 64
   */
  constructor(io: RawCalls, memory: WebAssembly.Memory, base: number, area: number) {
    this.#io = io;
    this.#base = base;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#in = this.#makeSide(area);
    this.#out = this.#makeSide(area + SIDE_BYTES);
  }

  /** How many datagrams wait to be sent. */
  get queued(): number {
    return this.#queued;
  }

  /** @returns how many datagrams came; 0 when none wait, or the call failed */
  receive(fd: number): number {
    const { headers } = this.#in;
    for (let i = 0; i < BATCH; i++) {
      this.#view.setUint32(headers + i * MMSGHDR_BYTES + MSGHDR.NAME_LENGTH, SOCKADDR_BYTES, true);
    }
    const count = this.#io.recvmmsg(fd, this.#base + headers, BATCH);
    return count < 0 ? 0 : count;
  }

  /** @returns where a received datagram lies */
  at(index: number): number {
    return this.#in.datagrams + index * DATAGRAM_BYTES;
  }

  /** @returns how long a received datagram is, in bytes, as far as it was kept */
  length(index: number): number {
    return this.#view.getUint32(this.#in.headers + index * MMSGHDR_BYTES + MSGHDR.CARRIED, true);
  }

  /** @returns where the `struct sockaddr` of its sender lies */
  source(index: number): number {
    return this.#in.names + index * NAME_BYTES;
  }

  /**
   * Queues a datagram; there is room for `BATCH`.
   * @param sourceAt where the `struct sockaddr` of the receiver lies in the memory
   * @returns where `lengthBytes` are to be written before `send`
   */
  queue(sourceAt: number, lengthBytes: number): number {
    const { names } = this.#out;
    this.#bytes.copyWithin(names + this.#queued * NAME_BYTES, sourceAt, sourceAt + SOCKADDR_BYTES);
    return this.#queue(lengthBytes);
  }

  /** The same for a receiver whose `struct sockaddr` was kept elsewhere. */
  queueTo(source: Uint8Array, lengthBytes: number): number {
    this.#bytes.set(source, this.#out.names + this.#queued * NAME_BYTES);
    return this.#queue(lengthBytes);
  }

  /** Sends what is queued. @returns how many datagrams the system did not take */
  send(fd: number, family: 4 | 6): number {
    const { headers } = this.#out;
    const nameBytes = family === 6 ? SOCKADDR_BYTES : 16;
    const count = this.#queued;
    for (let i = 0; i < count; i++) {
      this.#view.setUint32(headers + i * MMSGHDR_BYTES + MSGHDR.NAME_LENGTH, nameBytes, true);
    }
    let lost = 0;
    for (let sent = 0; sent < count;) {
      const taken = this.#io.sendmmsg(fd, this.#base + headers + sent * MMSGHDR_BYTES, count - sent);
      // The first of the rest is refused: what follows may be taken all the same.
      if (taken <= 0) {
        lost++;
        sent++;
      } else sent += taken;
    }
    this.#queued = 0;
    return lost;
  }

  #queue(lengthBytes: number): number {
    const { vectors, datagrams } = this.#out;
    this.#view.setUint32(vectors + this.#queued * VECTOR_BYTES + 8, lengthBytes, true);
    return datagrams + this.#queued++ * DATAGRAM_BYTES;
  }

  #makeSide(area: number): Side {
    const headers = area;
    const vectors = headers + BATCH * MMSGHDR_BYTES;
    const names = vectors + BATCH * VECTOR_BYTES;
    const datagrams = names + BATCH * NAME_BYTES;
    for (let i = 0; i < BATCH; i++) {
      const header = headers + i * MMSGHDR_BYTES;
      const vector = vectors + i * VECTOR_BYTES;
      writeAddress(this.#view, header + MSGHDR.NAME, this.#base + names + i * NAME_BYTES);
      writeAddress(this.#view, header + MSGHDR.VECTOR, this.#base + vector);
      this.#view.setUint32(header + MSGHDR.VECTOR_LENGTH, 1, true);
      writeAddress(this.#view, vector, this.#base + datagrams + i * DATAGRAM_BYTES);
      this.#view.setUint32(vector + 8, DATAGRAM_BYTES, true);
    }
    return { headers, vectors, names, datagrams };
  }
}
