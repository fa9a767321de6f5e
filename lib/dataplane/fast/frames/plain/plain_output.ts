/**
 * Sending packets of plain networks by any socket: a batch of one size in one call where the socket takes it (UDP_SEGMENT),
 * else many in one call (sendmmsg(2)).
 * @module
 */

import type { Counters } from "../../../../base/mod.ts";
import {
  ERRNO,
  MMSGHDR_BYTES,
  MSGHDR,
  POLLFD_BYTES,
  POLLOUT,
  type RawCalls,
  SOCKADDR_BYTES,
  SOL_UDP,
  UDP_SEGMENT,
  VECTOR_BYTES,
  writeAddress,
  writePollfd,
} from "../../../../host/mod.ts";
import { MAX_SEND_BYTES, MAX_SEND_SEGMENTS } from "../../udp/mod.ts";
import type { FrameDrop } from "../frame_underlay.ts";

/** How long a full socket is waited for before its packets are dropped, in milliseconds. */
const SEND_PATIENCE_MS = 20;

// Where the structures lie from the start of the area: headers and vectors, and what all of them share.
const VECTORS: number = MAX_SEND_SEGMENTS * MMSGHDR_BYTES;
const NAME: number = VECTORS + MAX_SEND_SEGMENTS * VECTOR_BYTES;
const CONTROL: number = NAME + 32;
const POLL: number = CONTROL + 24;
const CONTROL_BYTES = 24;
const NOBODY: Uint8Array = new Uint8Array(0);
/** How much memory the structures take. */
export const PLAIN_OUTPUT_BYTES: number = POLL + POLLFD_BYTES;

/** Calls and memory. */
export interface PlainOutputParts {
  readonly io: RawCalls;
  readonly memory: WebAssembly.Memory;
  /** The memory's address in this process. */
  readonly base: number;
  /** Where the structures lie in the memory, on a multiple of 64. */
  readonly area: number;
  /** Where packets are gathered: room for `MAX_SEND_BYTES`. */
  readonly gatherAt: number;
}

/** Where packets go; one object is used for all sends. */
export interface PlainDestination {
  fd: number;
  hasGso: boolean;
  /** A `struct sockaddr_in` or `sockaddr_in6`. */
  name: Uint8Array;
  /** Of packets that were not sent. */
  drops: Pick<Counters<FrameDrop>, "count">;
}

/** One way out for all sockets. */
export class PlainOutput {
  readonly #parts: PlainOutputParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #hasRepeated = false;
  #hasWaited = false;
  // What was gathered: packets of one size for one destination, only the last may be shorter.
  readonly #gathered: PlainDestination = { fd: -1, hasGso: false, name: NOBODY, drops: { count() {} } };
  #gatheredBytes = 0;
  #segmentBytes = 0;
  /** The last packet is shorter. */
  #isFull = false;

  constructor(parts: PlainOutputParts) {
    this.#parts = parts;
    const { base, area, memory } = parts;
    this.#bytes = new Uint8Array(memory.buffer);
    const view = this.#view = new DataView(memory.buffer);
    for (let i = 0; i < MAX_SEND_SEGMENTS; i++) {
      const header = area + i * MMSGHDR_BYTES;
      writeAddress(view, header + MSGHDR.NAME, base + area + NAME);
      writeAddress(view, header + MSGHDR.VECTOR, base + area + VECTORS + i * VECTOR_BYTES);
      writeAddress(view, header + MSGHDR.VECTOR_LENGTH, 1);
    }
    // struct cmsghdr: length, level, type; then the size of a segment
    writeAddress(view, area + CONTROL, 18);
    view.setInt32(area + CONTROL + 8, SOL_UDP, true);
    view.setInt32(area + CONTROL + 12, UDP_SEGMENT, true);
  }

  /** Copies a packet to those that go to the same destination, to be sent with them; what was gathered for another is sent. */
  gather(to: PlainDestination, at: number, lengthBytes: number): void {
    const gathered = this.#gathered;
    const fits = gathered.fd === to.fd && gathered.name === to.name && gathered.drops === to.drops &&
      !this.#isFull && lengthBytes <= this.#segmentBytes &&
      this.#gatheredBytes + lengthBytes <= Math.min(MAX_SEND_BYTES, MAX_SEND_SEGMENTS * this.#segmentBytes);
    if (!fits) {
      this.flush();
      if (lengthBytes > MAX_SEND_BYTES) return to.drops.count("too-long-for-path");
      gathered.fd = to.fd;
      gathered.hasGso = to.hasGso;
      gathered.name = to.name;
      gathered.drops = to.drops;
      this.#segmentBytes = lengthBytes;
    }
    this.#bytes.copyWithin(this.#parts.gatherAt + this.#gatheredBytes, at, at + lengthBytes);
    this.#gatheredBytes += lengthBytes;
    this.#isFull = lengthBytes < this.#segmentBytes;
  }

  /** Sends what was gathered. */
  flush(): void {
    const lengthBytes = this.#gatheredBytes;
    if (lengthBytes === 0) return;
    this.#gatheredBytes = 0;
    this.#isFull = false;
    this.#sendAll(this.#gathered, this.#parts.gatherAt, lengthBytes, this.#segmentBytes);
    this.#gathered.fd = -1;
  }

  /** Sends packets of `segmentBytes` each, the last perhaps shorter, that lie one after the other at `at`. */
  send(to: PlainDestination, at: number, lengthBytes: number, segmentBytes: number): void {
    // In the order in which they came.
    this.flush();
    this.#sendAll(to, at, lengthBytes, segmentBytes);
  }

  #sendAll(to: PlainDestination, at: number, lengthBytes: number, segmentBytes: number): void {
    this.#hasRepeated = this.#hasWaited = false;
    this.#bytes.set(to.name, this.#parts.area + NAME);
    let goesAsBatch = to.hasGso;
    for (let sent = 0; sent < lengthBytes;) {
      const left = lengthBytes - sent;
      if (goesAsBatch && left > segmentBytes) {
        const done = this.#sendBatch(to, at + sent, left, segmentBytes);
        // The path takes none; then one by one.
        if (done === 0) goesAsBatch = false;
        sent += done;
      } else sent += this.#sendSingles(to, at + sent, left, segmentBytes);
    }
  }

  /** @returns how many bytes are done with; 0 when the batch must be cut */
  #sendBatch(to: PlainDestination, at: number, lengthBytes: number, segmentBytes: number): number {
    const { io, base, area } = this.#parts;
    const segments = Math.max(1, Math.min(MAX_SEND_SEGMENTS, Math.floor(MAX_SEND_BYTES / segmentBytes)));
    const chunkBytes = Math.min(segments * segmentBytes, lengthBytes);
    this.#view.setUint16(area + CONTROL + 16, segmentBytes, true);
    for (;;) {
      this.#describe(to, 0, at, chunkBytes, true);
      if (io.sendmsg(to.fd, base + area) >= 0) return chunkBytes;
      const { errno } = io;
      if (errno === ERRNO.EIO || errno === ERRNO.EINVAL || errno === ERRNO.EMSGSIZE) return 0;
      if (this.#isToRepeat(to.fd, errno)) continue;
      for (let sent = 0; sent < chunkBytes; sent += segmentBytes) to.drops.count(reasonOf(errno));
      return chunkBytes;
    }
  }

  /** @returns how many bytes are done with */
  #sendSingles(to: PlainDestination, at: number, lengthBytes: number, segmentBytes: number): number {
    const { io, base, area } = this.#parts;
    const count = Math.min(MAX_SEND_SEGMENTS, Math.ceil(lengthBytes / segmentBytes));
    for (let i = 0; i < count; i++) {
      const from = i * segmentBytes;
      this.#describe(to, i, at + from, Math.min(segmentBytes, lengthBytes - from), false);
    }
    for (;;) {
      // What the call says is of the first packet; those that come after one that fails are left for the next call.
      const sent = count === 1
        ? Math.sign(io.sendmsg(to.fd, base + area) + 1)
        : io.sendmmsg(to.fd, base + area, count);
      if (sent > 0) return Math.min(sent * segmentBytes, lengthBytes);
      const { errno } = io;
      if (this.#isToRepeat(to.fd, errno)) continue;
      to.drops.count(reasonOf(errno));
      return Math.min(segmentBytes, lengthBytes);
    }
  }

  #isToRepeat(fd: number, errno: number): boolean {
    const { io, base, area } = this.#parts;
    switch (errno) {
      case ERRNO.EINTR:
        return true;
      case ERRNO.EAGAIN:
        if (this.#hasWaited) return false;
        this.#hasWaited = true;
        writePollfd(this.#view, area + POLL, fd, POLLOUT);
        io.poll(base + area + POLL, 1, SEND_PATIENCE_MS);
        return true;
      // They may be told of an earlier packet, and are told once.
      case ERRNO.ECONNREFUSED:
      case ERRNO.EHOSTUNREACH:
        if (this.#hasRepeated) return false;
        return this.#hasRepeated = true;
      default:
        return false;
    }
  }

  /** Fills in header `index`. */
  #describe(to: PlainDestination, index: number, at: number, lengthBytes: number, isGso: boolean): void {
    const { base, area } = this.#parts;
    const view = this.#view;
    const header = area + index * MMSGHDR_BYTES;
    const vector = area + VECTORS + index * VECTOR_BYTES;
    writeAddress(view, vector, base + at);
    writeAddress(view, vector + 8, lengthBytes);
    view.setUint32(header + MSGHDR.NAME_LENGTH, Math.min(to.name.length, SOCKADDR_BYTES), true);
    writeAddress(view, header + MSGHDR.CONTROL, isGso ? base + area + CONTROL : 0);
    writeAddress(view, header + MSGHDR.CONTROL_LENGTH, isGso ? CONTROL_BYTES : 0);
  }
}

function reasonOf(errno: number): FrameDrop {
  switch (errno) {
    case ERRNO.EAGAIN:
    case ERRNO.ENOBUFS:
      return "underlay-full";
    case ERRNO.EMSGSIZE:
      return "too-long-for-path";
    default:
      return "underlay-failed";
  }
}
