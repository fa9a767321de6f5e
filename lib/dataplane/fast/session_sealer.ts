/**
 * Sealing superpackets with the session of whoever they are for, into batches that are sent together.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { BatchCipher } from "../../crypto/mod.ts";
import { clampTcpMss, type IpFamily } from "../../net/mod.ts";
import type { BatchSession, Device } from "../../wireguard/mod.ts";
import { longestSegmentBytes, NEEDS_CHECKSUM, VIRTIO_HEADER_BYTES } from "./superpacket.ts";
import { GsoBatch, type GsoBatchParts } from "./gso_batch.ts";

/** Whose sessions, and where batches go. */
export interface SessionSealerParts extends GsoBatchParts {
  readonly cipher: BatchCipher;
  readonly device: Device;
  readonly mtuBytes: number;
  /** Sees each peer for which something was sealed. */
  onSealed(peer: BatchSession["peer"]): void;
}

/** One way out for all that is sealed. */
export class SessionSealer {
  /** Packets are padded to multiples of 16 bytes, though not beyond this. */
  mtuBytes: number;
  readonly #parts: SessionSealerParts;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #outgoing: GsoBatch;

  constructor(parts: SessionSealerParts) {
    this.#parts = parts;
    this.mtuBytes = parts.mtuBytes;
    this.#bytes = new Uint8Array(parts.cipher.memory.buffer);
    this.#view = new DataView(parts.cipher.memory.buffer);
    this.#outgoing = new GsoBatch(parts);
  }

  /**
   * Seals what begins at `at` with an IP packet of this `version`, behind its virtio header; it is overwritten.
   * @param innerBytes where the IP packet stands that is cut, when there is another one around it
   * @param nextHop the address of the peer that it is sealed for, where that is not its destination's
   * @returns false, and leaves it as it is, when there is no session for it, or nowhere to send to, or it is too long for
   * the path of its peer
   */
  seal(
    now: Millis,
    at: number,
    lengthBytes: number,
    version: IpFamily,
    innerBytes: number,
    nextHop?: Uint8Array,
  ): boolean {
    const { cipher, device, onSealed } = this.#parts;
    const peer = nextHop === undefined
      ? device.batches.peerFor(this.#bytes, at, version)
      : device.batches.peerAt(nextHop);
    const keypair = peer?.sessionForBatch(now);
    const destination = peer?.endpoint;
    if (peer === undefined || keypair === undefined || destination === undefined) return false;
    const { pathMtuBytes: limit } = peer;
    if (limit !== Infinity && innerBytes === 0 && !this.#fits(at, lengthBytes, version, limit)) return false;
    const outgoing = this.#outgoing;
    outgoing.prepare(destination);
    for (;;) {
      const sealed = cipher.sealSuperpacket({
        at,
        lengthBytes,
        out: outgoing.end,
        roomBytes: outgoing.roomBytes,
        key: keypair.sendKey,
        counter: keypair.sendCounter,
        remoteIndex: keypair.remoteIndex,
        mtuBytes: Math.min(this.mtuBytes, limit),
        innerBytes,
      });
      if (sealed === "no-room" && !outgoing.isEmpty) {
        outgoing.flush();
        continue;
      }
      if (typeof sealed === "string") device.counters.count("malformed-packet");
      else {
        peer.noteSealed(now, keypair, sealed);
        onSealed(peer);
        outgoing.append(sealed, destination);
      }
      return true;
    }
  }

  /** Lowers what a SYN of TCP names on its way to a narrow path. @returns whether the path takes it */
  #fits(at: number, lengthBytes: number, version: IpFamily, mtuBytes: number): boolean {
    if (longestSegmentBytes(this.#view, at, lengthBytes) > mtuBytes) return false;
    const isPartial = ((this.#bytes[at - VIRTIO_HEADER_BYTES] ?? 0) & NEEDS_CHECKSUM) !== 0;
    clampTcpMss(this.#bytes, at, lengthBytes, { version, mtuBytes, isPartial });
    return true;
  }

  /** Sends what was gathered. */
  flush(): void {
    this.#outgoing.flush();
  }
}
