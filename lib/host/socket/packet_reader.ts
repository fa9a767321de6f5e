/**
 * Reading frames from a packet socket, with the VLAN tags that the interface or the kernel has taken out of them.
 *
 *     in the socket            virtio header (10) | addresses (12) | type …        and the tag, in a control message
 *     what `read` gives        virtio header (10) | addresses (12) | tag (4) | type …
 *
 * @module
 */

import { ERRNO, MSGHDR, type RawCalls, VECTOR_BYTES, writeAddress } from "../ffi/mod.ts";
import { PACKET_AUXDATA, SOL_PACKET } from "./packet_socket.ts";

const VIRTIO_HEADER_BYTES = 10;
const ADDRESSES_BYTES = 12;
const TAG_BYTES = 4;
/** IEEE 802.1Q-2022 §9.6: a customer's tag, which the kernel means where it does not say. */
const CUSTOMER_TAG = 0x8100;
// cmsg(3): length (64 bits), level, type (32 bits each)
const CONTROL_HEADER_BYTES = 16;
const CONTROL_BYTES = 64;
/**
 * `struct tpacket_auxdata`: status, length, captured length (32 bits each), where the headers are (two of 16 bits), then
 * the tag's control information and its type.
 */
const AUXDATA_BYTES = 20;
const TCI_AT = 16;
const TPID_AT = 18;
const STATUS_VLAN_VALID = 1 << 4;
const STATUS_VLAN_TPID_VALID = 1 << 6;
// struct virtio_net_hdr
const NEEDS_CHECKSUM = 1;
const HEADER_LENGTH_AT = 2;
const CHECKSUM_START_AT = 6;
const LITTLE_ENDIAN = true;

// Where things lie in the reader's area.
const MESSAGE_AT = 0;
const VECTOR_AT = 64;
const CONTROL_AT: number = VECTOR_AT + VECTOR_BYTES;
/** How much memory a reader needs for itself. */
export const PACKET_READER_BYTES: number = CONTROL_AT + CONTROL_BYTES;

/** Why there is no frame: none waits, this one was none, or the interface is gone. */
export type NoFrame = "empty" | "malformed" | "gone";

/** Memory that never moves, and what the calls need to find it. */
export interface PacketReaderParts {
  readonly io: RawCalls;
  readonly memory: DataView;
  /** The address of the memory. */
  readonly base: number;
  /** Where its `PACKET_READER_BYTES` are, a multiple of 8. */
  readonly area: number;
}

/** Reads from any packet socket, one frame a call. */
export class PacketReader {
  readonly #parts: PacketReaderParts;
  /** Where the frame of the last `read` begins; its virtio header stands before it. */
  frameAt = 0;

  constructor(parts: PacketReaderParts) {
    this.#parts = parts;
    const { memory, base, area } = parts;
    writeAddress(memory, area + MESSAGE_AT + MSGHDR.NAME, 0);
    memory.setUint32(area + MESSAGE_AT + MSGHDR.NAME_LENGTH, 0, LITTLE_ENDIAN);
    writeAddress(memory, area + MESSAGE_AT + MSGHDR.VECTOR, base + area + VECTOR_AT);
    writeAddress(memory, area + MESSAGE_AT + MSGHDR.VECTOR_LENGTH, 1);
    writeAddress(memory, area + MESSAGE_AT + MSGHDR.CONTROL, base + area + CONTROL_AT);
  }

  /**
   * @param at where the frame shall begin; 14 bytes before it, and `roomBytes` from there are overwritten. With a tag put
   * back it begins 4 bytes before
   * @returns its length without the virtio header, or why there is none
   */
  read(fd: number, at: number, roomBytes: number): number | NoFrame {
    const { io, memory, base, area } = this.#parts;
    writeAddress(memory, area + VECTOR_AT, base + at - VIRTIO_HEADER_BYTES);
    writeAddress(memory, area + VECTOR_AT + 8, VIRTIO_HEADER_BYTES + roomBytes);
    writeAddress(memory, area + MESSAGE_AT + MSGHDR.CONTROL_LENGTH, CONTROL_BYTES);
    const length = io.recvmsg(fd, base + area + MESSAGE_AT) - VIRTIO_HEADER_BYTES;
    if (length < -VIRTIO_HEADER_BYTES) return this.#failure(fd);
    if (length < ADDRESSES_BYTES + 2) return "malformed";
    this.frameAt = at;
    return this.#hasTag() ? this.#putBack(at, length) : length;
  }

  #hasTag(): boolean {
    const { memory, area } = this.#parts;
    const control = area + CONTROL_AT;
    return memory.getUint32(area + MESSAGE_AT + MSGHDR.CONTROL_LENGTH, LITTLE_ENDIAN) >=
        CONTROL_HEADER_BYTES + AUXDATA_BYTES &&
      memory.getUint32(control + 8, LITTLE_ENDIAN) === SOL_PACKET &&
      memory.getUint32(control + 12, LITTLE_ENDIAN) === PACKET_AUXDATA &&
      (memory.getUint32(control + CONTROL_HEADER_BYTES, LITTLE_ENDIAN) & STATUS_VLAN_VALID) !== 0;
  }

  #putBack(at: number, lengthBytes: number): number {
    const { memory, area } = this.#parts;
    const aux = area + CONTROL_AT + CONTROL_HEADER_BYTES;
    const hasType = (memory.getUint32(aux, LITTLE_ENDIAN) & STATUS_VLAN_TPID_VALID) !== 0;
    const from = at - VIRTIO_HEADER_BYTES;
    for (let i = 0; i < VIRTIO_HEADER_BYTES + ADDRESSES_BYTES; i++) {
      memory.setUint8(from - TAG_BYTES + i, memory.getUint8(from + i));
    }
    const tag = at + ADDRESSES_BYTES - TAG_BYTES;
    memory.setUint16(tag, hasType ? memory.getUint16(aux + TPID_AT, LITTLE_ENDIAN) : CUSTOMER_TAG);
    memory.setUint16(tag + 2, memory.getUint16(aux + TCI_AT, LITTLE_ENDIAN));
    this.frameAt = at - TAG_BYTES;
    const header = from - TAG_BYTES;
    // What counts from the frame's beginning counts the tag.
    if ((memory.getUint8(header) & NEEDS_CHECKSUM) !== 0) this.#add(header + CHECKSUM_START_AT);
    if (memory.getUint8(header + 1) !== 0) this.#add(header + HEADER_LENGTH_AT);
    return lengthBytes + TAG_BYTES;
  }

  #add(at: number): void {
    const { memory } = this.#parts;
    memory.setUint16(at, memory.getUint16(at, LITTLE_ENDIAN) + TAG_BYTES, LITTLE_ENDIAN);
  }

  #failure(fd: number): NoFrame {
    switch (this.#parts.io.errno) {
      case ERRNO.EAGAIN:
      case ERRNO.EINTR:
        return "empty";
      case ERRNO.ENETDOWN:
        // It says so once when the interface goes down, and when it goes for ever.
        return this.#isGone(fd) ? "gone" : "empty";
      // The header has no words for a frame: it is a superframe inside of a tunnel.
      case ERRNO.EINVAL:
        return "malformed";
      default:
        return "gone";
    }
  }

  /** What is sent by an interface that is down fails otherwise, and one byte is no frame. */
  #isGone(fd: number): boolean {
    const { io, base, area } = this.#parts;
    return io.write(fd, base + area + CONTROL_AT, 1) < 0 && io.errno === ERRNO.ENXIO;
  }
}
