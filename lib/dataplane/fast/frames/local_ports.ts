/**
 * Endpoints of this host: their descriptors are read and written, superpackets whole where they can be.
 * @module
 */

import type { BatchCipher } from "../../../crypto/mod.ts";
import { ERRNO, PacketReader, type RawCalls } from "../../../host/mod.ts";
import type { PlanePort, PortDevice } from "../../frames/mod.ts";
import { GSO, NEEDS_CHECKSUM, VIRTIO_HEADER_BYTES } from "../superpacket.ts";
import { MAX_FRAME_BYTES } from "../engine_memory.ts";
import { FrameShape } from "./frame_shape.ts";
import type { CarriedNetwork } from "./frame_underlay.ts";

/** Their numbers are tokens, below those of other descriptors. */
export const MAX_LOCAL_PORTS = 65_535;

/** A port and its descriptor. */
export interface LocalPort {
  readonly port: number;
  readonly network: CarriedNetwork;
  readonly device: Extract<PortDevice, { readonly kind: "descriptor" }>;
  /** Its token where descriptors are waited for. */
  readonly slot: number;
  /** Nothing is read from it or written to it any more. */
  isGone: boolean;
}

/** Calls and memory of the ports. */
export interface LocalPortsParts {
  readonly io: RawCalls;
  readonly cipher: BatchCipher;
  /** The memory's address in this process. */
  readonly base: number;
  /** Room for what is cut of a superpacket. */
  readonly cutAt: number;
  readonly cutRoomBytes: number;
  /** Room for the structures of a `PacketReader`. */
  readonly linkReaderAt: number;
  /** A port's device is gone. */
  onGone(port: LocalPort): void;
}

/** All local ports of all networks. */
export class LocalPorts {
  readonly #parts: LocalPortsParts;
  readonly #bytes: Uint8Array;
  readonly #shape: FrameShape;
  /** Of packet sockets. */
  readonly #reader: PacketReader;
  /** Where the frame of the last `read` begins. */
  frameAt = 0;
  readonly #ports = new Map<number, LocalPort>();
  readonly #slots: (LocalPort | undefined)[] = [undefined];
  readonly #freeSlots: number[] = [];

  constructor(parts: LocalPortsParts) {
    this.#parts = parts;
    this.#bytes = new Uint8Array(parts.cipher.memory.buffer);
    this.#shape = new FrameShape(parts.cipher.memory, 0);
    const { io, base, linkReaderAt: area, cipher: { memory } } = parts;
    this.#reader = new PacketReader({ io, base, area, memory: new DataView(memory.buffer) });
  }

  /** @returns the port, or undefined when its device is no descriptor, or there are too many */
  add({ port, device }: PlanePort, network: CarriedNetwork): LocalPort | undefined {
    if (device.kind !== "descriptor") return undefined;
    const slot = this.#freeSlots.pop() ?? this.#slots.length;
    if (slot > MAX_LOCAL_PORTS) return undefined;
    const added = { port, network, device, slot, isGone: false };
    this.#slots[slot] = added;
    this.#ports.set(port, added);
    return added;
  }

  /** @returns the port that was removed */
  remove(port: number): LocalPort | undefined {
    const removed = this.#ports.get(port);
    if (removed === undefined) return undefined;
    removed.isGone = true;
    this.#ports.delete(port);
    this.#slots[removed.slot] = undefined;
    this.#freeSlots.push(removed.slot);
    return removed;
  }

  get(port: number): LocalPort | undefined {
    return this.#ports.get(port);
  }

  atSlot(slot: number): LocalPort | undefined {
    return this.#slots[slot];
  }

  [Symbol.iterator](): Iterator<LocalPort> {
    return this.#ports.values();
  }

  /**
   * Reads a frame to `frameAt`, with its virtio header before it.
   * @param at where it shall begin; with a tag that was taken out and put back it begins 4 bytes before
   * @returns its length, or 0 when none waits, or its device is gone
   */
  read(local: LocalPort, at: number): number {
    const { io, base } = this.#parts;
    const { fd, hasHeader, of } = local.device;
    if (local.isGone) return 0;
    if (of === "packet-socket") return this.#readFromLink(local, at);
    this.frameAt = at;
    const header = hasHeader ? VIRTIO_HEADER_BYTES : 0;
    const length = io.read(fd, base + at - header, header + MAX_FRAME_BYTES);
    if (length > 0) {
      if (!hasHeader) this.#bytes.fill(0, at - VIRTIO_HEADER_BYTES, at);
      return Math.max(0, length - header);
    }
    const { errno } = io;
    // The other end of a pair has closed it, where nothing is read.
    if (length === 0 || !isPassing(errno)) this.#lose(local);
    return 0;
  }

  #readFromLink(local: LocalPort, at: number): number {
    for (;;) {
      const length = this.#reader.read(local.device.fd, at, MAX_FRAME_BYTES);
      this.frameAt = this.#reader.frameAt;
      if (typeof length === "number") return length;
      if (length === "empty") return 0;
      if (length === "gone") {
        this.#lose(local);
        return 0;
      }
      local.network.drops.count("malformed");
    }
  }

  /** Writes a frame that begins at `at`, behind its virtio header. What the device does not take whole is cut. */
  write(local: LocalPort, at: number, lengthBytes: number): void {
    if (local.isGone) return;
    if (this.takesWhole(local, at)) this.#writeOne(local, at, lengthBytes);
    else this.#writeCut(local, at, lengthBytes);
  }

  /** Whether the device takes a frame as it is, so that writing it changes nothing. */
  takesWhole({ device: { offloads, hasHeader } }: LocalPort, at: number): boolean {
    const header = at - VIRTIO_HEADER_BYTES;
    const kind = (this.#bytes[header + 1] ?? 0) & 0x7f;
    if (kind !== GSO.NONE) return hasHeader && (kind === GSO.UDP ? offloads.uso : offloads.tso);
    return hasHeader || ((this.#bytes[header] ?? 0) & NEEDS_CHECKSUM) === 0;
  }

  /** Cuts a frame, which is overwritten, and writes its packets; their checksums are complete. */
  #writeCut(local: LocalPort, at: number, lengthBytes: number): void {
    const { cipher, cutAt, cutRoomBytes } = this.#parts;
    const isSound = this.#shape.read(at, lengthBytes);
    const innerBytes = this.#shape.linkBytes;
    const cut = isSound &&
      cipher.cutSuperpacket({ at, lengthBytes, out: cutAt, roomBytes: cutRoomBytes, innerBytes });
    if (typeof cut !== "object") return local.network.drops.count("malformed");
    const end = cutAt + cut.lengthBytes;
    for (let from = cutAt; from < end; from += cut.segmentBytes) {
      this.#bytes.fill(0, from - VIRTIO_HEADER_BYTES, from);
      const bytes = Math.min(cut.segmentBytes, end - from);
      this.#writeOne(local, from, bytes);
    }
  }

  #writeOne(local: LocalPort, at: number, lengthBytes: number): void {
    const { io, base } = this.#parts;
    const { fd, hasHeader } = local.device;
    const header = hasHeader ? VIRTIO_HEADER_BYTES : 0;
    if (io.write(fd, base + at - header, header + lengthBytes) >= 0) return;
    const { errno } = io;
    if (errno === ERRNO.EAGAIN || errno === ERRNO.ENOBUFS) local.network.drops.count("port-full");
    // EIO: the interface is down.
    else if (errno === ERRNO.EINVAL || errno === ERRNO.EIO || isPassing(errno)) {
      local.network.drops.count("port-failed");
    } else this.#lose(local);
  }

  #lose(local: LocalPort): void {
    if (local.isGone) return;
    local.isGone = true;
    this.#parts.onGone(local);
  }
}

/** Whether a call may go well the next time. */
function isPassing(errno: number): boolean {
  return errno === ERRNO.EAGAIN || errno === ERRNO.EINTR || errno === ERRNO.EINVAL ||
    errno === ERRNO.ENOBUFS || errno === ERRNO.ENETDOWN || errno === ERRNO.EMSGSIZE;
}
