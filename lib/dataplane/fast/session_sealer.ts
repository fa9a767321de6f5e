/**
 * Sealing superpackets with the session of whoever they are for, into batches that are sent together.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import type { AeadKey, BatchCipher } from "../../crypto/mod.ts";
import { clampTcpMss, type Endpoint, type IpFamily } from "../../net/mod.ts";
import type { BatchSession, SendCounter } from "../../wireguard/mod.ts";
import { longestSegmentBytes, mostSegments, NEEDS_CHECKSUM, VIRTIO_HEADER_BYTES } from "./superpacket.ts";
import { GsoBatch, type GsoBatchParts } from "./gso_batch.ts";
import { LaidOutRun } from "./laid_out_run.ts";

/** A superpacket of fewer packets waits for others to be sealed with: machine code takes as long for four as for one. */
const FEW_PACKETS = 4;

/** A session to seal with, as `Keypair` is one. */
export interface SealingSession {
  readonly sendKey: AeadKey;
  /** The index at which the peer knows it. */
  readonly remoteIndex: number;
  readonly counter: SendCounter;
}

/** Who packets are for, as `Peer` is one. */
export interface SealingPeer {
  readonly endpoint: Endpoint | undefined;
  /** The longest packet that its path takes; Infinity while that is no less than the MTU. */
  readonly pathMtuBytes: number;
  sessionForBatch(now: Millis): SealingSession | undefined;
  noteSealed(now: Millis, session: SealingSession, batch: { readonly lengthBytes: number }): void;
}

/** Whose packets are whose, as `BatchSessions` knows. */
export interface SealingPeers<Peer> {
  peerFor(memory: Uint8Array, at: number, version: IpFamily): Peer | undefined;
  peerAt(address: Uint8Array): Peer | undefined;
}

/** Whose sessions, and where batches go. */
export interface SessionSealerParts<Peer> extends GsoBatchParts {
  readonly cipher: BatchCipher;
  readonly peers: SealingPeers<Peer>;
  readonly mtuBytes: number;
  /** Sees each peer for which something was sealed. */
  onSealed(peer: Peer): void;
  /** Nothing of what was sealed waits to be sent. */
  onSent?(): void;
  /** Counts a packet that contradicts its header. */
  onMalformed(): void;
}

/** One way out for all that is sealed. */
export class SessionSealer<Peer extends SealingPeer = BatchSession["peer"]> {
  /** Packets are padded to multiples of 16 bytes, though not beyond this. */
  mtuBytes: number;
  readonly #parts: SessionSealerParts<Peer>;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #outgoing: GsoBatch;
  /** The last of what was gathered, as long as it is not sealed. */
  readonly #run: LaidOutRun;

  constructor(parts: SessionSealerParts<Peer>) {
    this.#parts = parts;
    this.mtuBytes = parts.mtuBytes;
    this.#bytes = new Uint8Array(parts.cipher.memory.buffer);
    this.#view = new DataView(parts.cipher.memory.buffer);
    this.#run = new LaidOutRun(parts.cipher);
    this.#outgoing = new GsoBatch({
      ...parts,
      send: (at, lengthBytes, segmentBytes, destination) => {
        this.settle();
        parts.send(at, lengthBytes, segmentBytes, destination);
      },
    });
  }

  /**
   * Seals what begins at `at` with an IP packet of this `version`, behind its virtio header; it is overwritten. A few
   * packets are perhaps sealed later, by `settle` or when they are sent, until when their session must keep its key.
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
    const { cipher, peers, onSealed, onMalformed } = this.#parts;
    const peer = nextHop === undefined ? peers.peerFor(this.#bytes, at, version) : peers.peerAt(nextHop);
    const session = peer?.sessionForBatch(now);
    const destination = peer?.endpoint;
    if (peer === undefined || session === undefined || destination === undefined) return false;
    const { pathMtuBytes: limit } = peer;
    if (limit !== Infinity && innerBytes === 0 && !this.#fits(at, lengthBytes, version, limit)) return false;
    const outgoing = this.#outgoing;
    outgoing.prepare(destination);
    if (outgoing.isEmpty) this.#noteSent();
    // Those of a packet that is malformed, or has fewer segments than its header allows, are used by nobody.
    const numbers = mostSegments(this.#view, at, lengthBytes);
    const counter = session.counter.claim(numbers);
    if (counter < 0) return false;
    const waits = numbers < FEW_PACKETS;
    for (;;) {
      const job = {
        at,
        lengthBytes,
        out: outgoing.end,
        roomBytes: outgoing.roomBytes,
        key: session.sendKey,
        counter,
        remoteIndex: session.remoteIndex,
        mtuBytes: Math.min(this.mtuBytes, limit),
        innerBytes,
      };
      const sealed = waits ? cipher.layOutSuperpacket(job) : cipher.sealSuperpacket(job);
      if (sealed === "no-room" && !outgoing.isEmpty) {
        outgoing.flush();
        continue;
      }
      if (typeof sealed !== "string" && sealed.packets > numbers) {
        throw new RangeError(
          `Cannot send ${sealed.packets} messages: ${numbers} numbers were taken for them`,
        );
      }
      if (typeof sealed === "string") onMalformed();
      else {
        if (waits) this.#run.add(job.out, sealed, counter, session);
        peer.noteSealed(now, session, sealed);
        onSealed(peer);
        outgoing.append(sealed, destination);
        if (outgoing.isEmpty) this.#noteSent();
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

  /** Seals what waits for others: before sessions may end, unless `flush` was called. */
  settle(): void {
    this.#run.seal();
  }

  /** Sends what was gathered. */
  flush(): void {
    this.#outgoing.flush();
    this.#noteSent();
  }

  #noteSent(): void {
    this.#parts.onSent?.();
  }
}
