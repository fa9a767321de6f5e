/**
 * Links below overlay networks: tagged frames by a packet socket, superframes whole in both directions.
 * @module
 */

import type { Millis } from "../../../../base/mod.ts";
import type { BatchCipher } from "../../../../crypto/mod.ts";
import { PacketReader, type RawCalls, UnfitInterfaceError } from "../../../../host/mod.ts";
import { DecodedHeader } from "../../../../overlay/mod.ts";
import { GSO, NEEDS_CHECKSUM, VIRTIO_HEADER_BYTES } from "../../superpacket.ts";
import type { FrameSink } from "../frame_underlay.ts";
import type { ListedReceiver, PlainNetwork } from "./plain_networks.ts";

/** One call of `receive` takes so many frames. */
const MAX_LINK_FRAMES = 64;
/** The longest superframe, with tags. */
const MAX_LINK_FRAME_BYTES = 65_600;
/** Before a frame: its virtio header, and a tag that is put back. */
const LINK_HEADROOM_BYTES = 64;

/** Calls and memory. */
export interface PlainLinksParts {
  readonly io: RawCalls;
  readonly cipher: BatchCipher;
  /** The memory's address in this process. */
  readonly base: number;
  readonly sink: FrameSink;
  /** Where a received frame goes, for the time of one call. */
  readonly receiveAt: number;
  /** Where the structures of a `PacketReader` are. */
  readonly readerAt: number;
  /** A network cannot be carried any more. */
  onFailed(network: number, error: Error): void;
}

/** All links of plain networks. */
export class PlainLinks {
  readonly #parts: PlainLinksParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #reader: PacketReader;
  readonly #header = new DecodedHeader();

  constructor(parts: PlainLinksParts) {
    const { io, base, readerAt: area, cipher: { memory } } = parts;
    this.#parts = parts;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    this.#reader = new PacketReader({ io, memory: this.#view, base, area });
  }

  /** Receives from a packet socket that is readable. @returns whether there may be more */
  receive(now: Millis, receiver: ListedReceiver): boolean {
    const { receiveAt, sink } = this.#parts;
    const at = receiveAt + LINK_HEADROOM_BYTES;
    for (let frames = 0; frames < MAX_LINK_FRAMES; frames++) {
      const length = this.#reader.read(receiver.fd, at, MAX_LINK_FRAME_BYTES);
      if (length === "empty") return false;
      if (length === "gone") return this.#lose(receiver);
      if (length === "malformed") continue;
      const { frameAt } = this.#reader;
      const view = this.#view;
      const virtio = frameAt - VIRTIO_HEADER_BYTES;
      const kinds = view.getUint16(virtio, true);
      const sizes = view.getUint32(virtio + 2, true);
      const start = view.getUint16(virtio + 6, true);
      const offset = view.getUint16(virtio + 8, true);
      // Most of what passes a link is of no network of ours, and is not counted.
      const network = this.#decode(receiver, frameAt, length);
      const remote = network?.anybody;
      if (network === undefined || remote === undefined) continue;
      const { payloadAt, payloadBytes } = this.#header;
      const taken = payloadAt - frameAt;
      const header = payloadAt - VIRTIO_HEADER_BYTES;
      view.setUint16(header, kinds, true);
      view.setUint32(header + 2, kinds >>> 8 === GSO.NONE ? 0 : sizes - taken, true);
      view.setUint16(header + 6, (kinds & NEEDS_CHECKSUM) === 0 ? 0 : start - taken, true);
      view.setUint16(header + 8, offset, true);
      sink.takeWhole(now, remote.port, payloadAt, payloadBytes);
    }
    return true;
  }

  #decode({ drivers }: ListedReceiver, at: number, lengthBytes: number): PlainNetwork | undefined {
    const header = this.#header;
    for (const { driver, networks } of drivers.values()) {
      if (driver.decode(this.#bytes, at, lengthBytes, header) !== undefined) continue;
      const network = networks.get(header.identifier);
      if (network === undefined) return undefined;
      const refusal = network.carried.encapsulation.accept(this.#bytes, header);
      if (refusal === undefined) return network;
      network.carried.drops.count(`header-${refusal}`);
      return undefined;
    }
    return undefined;
  }

  /** The interface is gone: whoever sets a network again has it looked for again. */
  #lose({ drivers }: ListedReceiver): boolean {
    for (const { networks } of drivers.values()) {
      for (const network of networks.values()) {
        if (network.isLost) continue;
        network.isLost = true;
        const error = new UnfitInterfaceError("Cannot carry frames on the link: its interface is gone", {
          hint: "When it is there again, change the network, or start again.",
        });
        this.#parts.onFailed(network.definition.network, error);
      }
    }
    return false;
  }

  /** Sends a frame with its tag, behind its virtio header. */
  send({ sockets, carried: { drops } }: PlainNetwork, at: number, lengthBytes: number): void {
    const { io, base } = this.#parts;
    const fd = sockets?.ipv4?.fds[0];
    if (fd === undefined) return drops.count("no-remote");
    if (io.write(fd, base + at - VIRTIO_HEADER_BYTES, VIRTIO_HEADER_BYTES + lengthBytes) < 0) {
      drops.count("underlay-failed");
    }
  }
}
