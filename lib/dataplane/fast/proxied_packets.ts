/**
 * Packets for hosts without a packet plane, on the fast way: superpackets go back to the interface as they came, but for
 * their addresses and ports, with the header that says what is left to do for them.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { RawCalls } from "../../host/mod.ts";
import type { TransparentProxy } from "../proxy/mod.ts";
import { NEEDS_CHECKSUM, VIRTIO_HEADER_BYTES } from "./superpacket.ts";

/** Memory and descriptors of an engine. */
export interface ProxiedPacketsParts {
  readonly io: RawCalls;
  readonly proxy: TransparentProxy;
  readonly bytes: Uint8Array;
  /** The address of `bytes`. */
  readonly base: number;
  readonly tunFd: number;
  /** Room for one packet with its header, which others may use between calls. */
  readonly singleAt: number;
  /** The interface did not take a packet. */
  onWriteFailed(): void;
}

/** Carries packets between an interface and a `TransparentProxy`. */
export class ProxiedPackets {
  readonly #parts: ProxiedPacketsParts;

  constructor(parts: ProxiedPacketsParts) {
    this.#parts = parts;
  }

  /** @param at where the packet begins, behind its header @returns whether it is for a host without a packet plane */
  take(now: Millis, at: number, lengthBytes: number): boolean {
    const { proxy, bytes } = this.#parts;
    if (proxy.isIdle) return false;
    const header = at - VIRTIO_HEADER_BYTES;
    const isPartial = ((bytes[header] ?? 0) & NEEDS_CHECKSUM) !== 0;
    const outcome = proxy.handlePacket(now, bytes, at, lengthBytes, isPartial);
    if (outcome === "write") this.#write(header, VIRTIO_HEADER_BYTES + lengthBytes);
    return outcome !== "not-proxied";
  }

  /** Writes what the proxy has to say itself. */
  flush(): void {
    const { proxy, bytes, singleAt } = this.#parts;
    for (let packet = proxy.pollPacket(); packet !== undefined; packet = proxy.pollPacket()) {
      bytes.fill(0, singleAt, singleAt + VIRTIO_HEADER_BYTES);
      bytes.set(packet, singleAt + VIRTIO_HEADER_BYTES);
      this.#write(singleAt, VIRTIO_HEADER_BYTES + packet.length);
    }
  }

  #write(at: number, lengthBytes: number): void {
    const { io, base, tunFd, onWriteFailed } = this.#parts;
    if (io.write(tunFd, base + at, lengthBytes) < 0) onWriteFailed();
  }
}
